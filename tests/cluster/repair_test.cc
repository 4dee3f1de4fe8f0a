// Servers come back, and get what they missed and nothing else.
#include <algorithm>
#include <numeric>

#include "tests/lib/cluster.h"

namespace lace::test {
namespace {

uint64_t received(Cluster& cluster) {
  const auto status = cluster.status();
  return std::accumulate(status.servers.begin(), status.servers.end(), uint64_t{0},
                         [](uint64_t sum, const auto& server) { return sum + server.hole_copy_received_bytes; });
}

// Changes 40 pages here and there in $M/a and in $T/a.
constexpr const char* change_pages = R"sh(python3 - $T/a $M/a <<'END'
import os, random, sys
pages = os.path.getsize(sys.argv[1]) // 4096
chosen = random.sample(range(pages), 40)
content = [os.urandom(4096) for _ in chosen]
for path in sys.argv[1:]:
    with open(path, 'r+b', 0) as file:
        for page, bytes in zip(chosen, content):
            os.pwrite(file.fileno(), bytes, page * 4096)
        os.fsync(file.fileno())
END
)sh";
constexpr uint64_t changed_bytes = 40 * 4096;

TEST(Repair, AServerThatWasAwayGetsOnlyWhatItMissed) {
  Cluster cluster;
  ASSERT_SHELL(cluster.environment(), "head -c 150M /dev/urandom >$T/a; cp $T/a $M/a; sync $M/a");
  for (const bool gently : {true, false}) {
    const uint64_t before = received(cluster);
    gently ? static_cast<void>(cluster.storage(2).terminate()) : cluster.storage(2).kill();
    ASSERT_SHELL(cluster.environment(), change_pages);
    cluster.storage(2).start();
    cluster.wait_healthy();
    const uint64_t travelled = received(cluster) - before;
    EXPECT_GT(travelled, 0u) << "storage-2 had none of the changed blocks";
    EXPECT_LE(travelled, changed_bytes * 11 / 10);
  }
  // From every copy.
  for (int number = 1; number <= 3; ++number) {
    cluster.storage(number).kill();
    EXPECT_SHELL(cluster.environment(), "dd if=$M/a iflag=direct bs=1M status=none | cmp - $T/a");
    cluster.storage(number).start();
    cluster.wait_healthy();
  }
}

// What it was told last, and nobody was told that it was done, goes too.
TEST(Repair, AServerThatDiesInTheMiddleOfWritesIsTheSameAgain) {
  Cluster cluster;
  ASSERT_SHELL(cluster.environment(), "head -c 40M /dev/urandom >$T/a; cp $T/a $M/a; sync $M/a");
  for (int number = 1; number <= 3; ++number) {
    Background writing(std::string("while [ ! -e $T/stop ]; do ") + change_pages + "done", cluster.environment());
    ASSERT_SHELL(cluster.environment(), "old=$(cksum <$M/a); until [ \"$(cksum <$M/a)\" != \"$old\" ]; do :; done");
    cluster.storage(number).kill();
    ASSERT_SHELL(cluster.environment(), "old=$(cksum <$M/a); until [ \"$(cksum <$M/a)\" != \"$old\" ]; do :; done");
    cluster.storage(number).start();
    ASSERT_SHELL(cluster.environment(), "touch $T/stop");
    const Ran wrote = writing.wait();
    EXPECT_TRUE(wrote.ok()) << wrote.output;
    ASSERT_SHELL(cluster.environment(), "rm $T/stop");
    cluster.wait_healthy();
  }
  for (int number = 1; number <= 3; ++number) {
    cluster.storage(number).kill();
    EXPECT_SHELL(cluster.environment(), "dd if=$M/a iflag=direct bs=1M status=none | cmp - $T/a");
    cluster.storage(number).start();
    cluster.wait_healthy();
  }
}

// What is wrong with the disks of servers.

// Overwrites page $2 of the biggest copy in $1's directory, so that nobody sees it.
constexpr const char* spoil = R"sh(
spoil() {
  file=$(find $D/$1/blocks -name '*.copy' -printf '%b %p\n' | sort -n | tail -1 | cut -d' ' -f2)
  head -c 4096 /dev/urandom | dd of=$file bs=4096 seek=$2 conv=notrunc,fsync status=none
}
)sh";

wire::ServerInfo server_of(Cluster& cluster, const std::string& name) {
  for (const auto& server : cluster.status().servers) {
    if (server.name == name) return server;
  }
  return {};
}

TEST(Rot, IsFoundByAScrubAndHealedInPlace) {
  Cluster cluster{{.storages = 2}};
  cluster.expect_errors("storage.page_corrupt");
  ASSERT_SHELL(cluster.environment(), "head -c 20M /dev/urandom >$T/a; cp $T/a $M/a; sync $M/a");
  // Different pages on the two copies, which are all there are.
  ASSERT_SHELL(cluster.environment(), std::string(spoil) + "spoil storage-1 3; spoil storage-2 5; spoil storage-2 1000");
  EXPECT_SHELL(cluster.environment(), "lace scrub --now --control $C");
  cluster.wait_until("all pages are healed", [](const auto& status) {
    uint64_t healed = 0, missing = 0;
    for (const auto& server : status.servers) healed += server.repair.healed_pages, missing += server.missing_bytes;
    return healed == 3 && missing == 0;
  });
  EXPECT_EQ(server_of(cluster, "storage-2").repair.corrupt_pages, 2u);
  EXPECT_SHELL(cluster.environment(), "lace scrub --control $C --json | grep -q '\"corrupt_pages\": 2'");
  for (int number = 1; number <= 2; ++number) {
    cluster.storage(number).kill();
    EXPECT_SHELL(cluster.environment(), "dd if=$M/a iflag=direct bs=1M status=none | cmp - $T/a");
    cluster.storage(number).start();
    cluster.wait_healthy();
  }
}

TEST(Rot, IsHealedWhenItIsRead) {
  Cluster cluster{{.storages = 2, .mount_options = {"nolocal"}}};
  cluster.expect_errors("storage.page_corrupt");
  ASSERT_SHELL(cluster.environment(), "head -c 1M /dev/urandom >$T/a; cp $T/a $M/a; sync $M/a");
  ASSERT_SHELL(cluster.environment(), std::string(spoil) + "spoil storage-1 3; spoil storage-2 5");
  EXPECT_SHELL(cluster.environment(), "for i in 1 2 3; do dd if=$M/a iflag=direct bs=4K status=none | cmp - $T/a; done");
}

TEST(Rot, AFileOfACopyThatWasErasedIsMadeAgain) {
  Cluster cluster{{.storages = 2}};
  cluster.expect_errors("storage.copy_lost");
  ASSERT_SHELL(cluster.environment(), "head -c 20M /dev/urandom >$T/a; cp $T/a $M/a; sync $M/a");
  cluster.storage(2).terminate();
  ASSERT_SHELL(cluster.environment(), "find $D/storage-2/blocks -name '*.copy' -size +60M -delete");
  cluster.storage(2).start();
  cluster.wait_healthy();
  EXPECT_SHELL(cluster.environment(), "lace scrub --now --control $C; dd if=$M/a iflag=direct bs=1M status=none | cmp - $T/a");
  cluster.wait_until("it has its copies again", [](const auto& status) {
    return status.health == "healthy" && status.servers[0].used_bytes == status.servers[1].used_bytes;
  });
  cluster.storage(1).kill();
  EXPECT_SHELL(cluster.environment(), "dd if=$M/a iflag=direct bs=1M status=none | cmp - $T/a");
  cluster.storage(1).start();
}

TEST(Rot, AServerWithoutItsDirectoryIsRefusedWithTheReason) {
  Cluster cluster;
  ASSERT_SHELL(cluster.environment(), "head -c 5M /dev/urandom >$T/a; cp $T/a $M/a; sync $M/a");
  cluster.storage(2).kill();
  ASSERT_SHELL(cluster.environment(), "rm -rf $D/storage-2; mkdir $D/storage-2");
  cluster.storage(2).start();
  const auto ended = cluster.storage(2).wait(Millis(60'000));
  ASSERT_TRUE(ended);
  EXPECT_EQ(*ended, 1);
  EXPECT_NE(cluster.storage(2).log().find("has copies in another data directory"), std::string::npos)
      << cluster.storage(2).log();
  EXPECT_SHELL(cluster.environment(), "cmp $T/a $M/a");
}

TEST(Rot, ServersThatHaveEachOthersDirectoriesAreRefused) {
  Cluster cluster;
  ASSERT_SHELL(cluster.environment(), "head -c 5M /dev/urandom >$T/a; cp $T/a $M/a; sync $M/a");
  cluster.storage(1).terminate();
  cluster.storage(2).terminate();
  ASSERT_SHELL(cluster.environment(), "mv $D/storage-1 $D/x; mv $D/storage-2 $D/storage-1; mv $D/x $D/storage-2");
  for (int number = 1; number <= 2; ++number) {
    cluster.storage(number).start();
    const auto ended = cluster.storage(number).wait(Millis(30'000));
    ASSERT_TRUE(ended);
    EXPECT_EQ(*ended, 1);
    EXPECT_NE(cluster.storage(number).log().find("belongs to"), std::string::npos) << cluster.storage(number).log();
  }
  ASSERT_SHELL(cluster.environment(), "mv $D/storage-1 $D/x; mv $D/storage-2 $D/storage-1; mv $D/x $D/storage-2");
  cluster.storage(1).start();
  cluster.storage(2).start();
  cluster.wait_healthy();
  EXPECT_SHELL(cluster.environment(), "cmp $T/a $M/a");
}

// ---------------------------------------------------------------- servers that go

TEST(Drain, MovesEverythingAndThenTheServerMayBeRemoved) {
  Cluster cluster;
  ASSERT_SHELL(cluster.environment(), "head -c 60M /dev/urandom >$T/a; cp $T/a $M/a; sync $M/a");
  EXPECT_SHELL(cluster.environment(),
               "! lace storage remove storage-1 --control $C 2>$T/why; grep -q 'lace storage drain storage-1' $T/why");
  EXPECT_SHELL(cluster.environment(),
               "timeout 100 lace storage drain storage-1 --control $C; lace storage remove storage-1 --control $C");
  cluster.storage(1).kill();
  EXPECT_SHELL(cluster.environment(), "dd if=$M/a iflag=direct bs=1M status=none | cmp - $T/a; cp $T/a $M/b; cmp $T/a $M/b");
  cluster.wait_until("two servers are left",
                     [](const auto& status) { return status.servers.size() == 2 && status.health == "healthy"; });
}

TEST(Drain, GoesOnOverARestartOfControlAndCanBeCancelled) {
  Cluster cluster{{.storages = 2}};
  ASSERT_SHELL(cluster.environment(), "head -c 5M /dev/urandom >$T/a; cp $T/a $M/a; sync $M/a");
  // There is nowhere to go.
  EXPECT_SHELL(cluster.environment(), "lace storage drain storage-1 --background --control $C");
  cluster.control().kill();
  cluster.control().start();
  cluster.wait_until("it is draining still", [](const auto& status) {
    return status.servers.size() == 2 && std::any_of(status.servers.begin(), status.servers.end(), [](const auto& server) {
             return server.state == wire::ServerState::draining && server.blocks > 0;
           });
  });
  EXPECT_SHELL(cluster.environment(), "cmp $T/a $M/a; lace storage drain storage-1 --cancel --control $C");
  cluster.wait_healthy();
}

}  // namespace
}  // namespace lace::test
