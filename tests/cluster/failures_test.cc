// Servers die at the worst moments; the user notices a pause.
#include "tests/lib/cluster.h"

namespace lace::test {
namespace {

// $S/trees.sh has the functions make_tree, same and nothing_to_do.
const std::string functions = ". $S/trees.sh; ";

// Writes and syncs small files until $T/stop is there, and says in $T/pause how long the longest took, in ms.
constexpr const char* measure_pauses = "exec python3 $S/heartbeat.py";

int pause_ms(const Cluster& cluster) { return std::atoi(read_file(cluster.directory() + "/scratch/pause").c_str()); }

class StorageDies : public testing::TestWithParam<int> {};

TEST_P(StorageDies, DuringRsyncIsInvisible) {
  Cluster cluster;
  auto& victim = cluster.storage(GetParam());
  ASSERT_SHELL(cluster.environment(), functions + "make_tree");
  Background copy("rsync -aHAX $T/src/ $M/tree/", cluster.environment());
  Background beat(measure_pauses, cluster.environment());
  cluster.wait_until("some blocks are written", [](const auto& status) { return status.inodes > 500; });
  victim.kill();
  const Ran copied = copy.wait();
  EXPECT_TRUE(copied.ok()) << copied.output;
  ASSERT_SHELL(cluster.environment(), "touch $T/stop");
  const Ran beaten = beat.wait();
  EXPECT_TRUE(beaten.ok()) << beaten.output;
  EXPECT_LE(pause_ms(cluster), 3'000) << "of " << beaten.output;
  EXPECT_SHELL(cluster.environment(), functions + "same $T/src $M/tree; nothing_to_do $T/src $M/tree -c");
  victim.start();
  cluster.wait_healthy();
  EXPECT_SHELL(cluster.environment(), functions + "same $T/src $M/tree");
}

INSTANTIATE_TEST_SUITE_P(Each, StorageDies, testing::Values(1, 2, 3),
                         [](const auto& one) { return "Storage" + std::to_string(one.param); });

TEST(StorageDies, OneAfterAnotherAndNothingIsLost) {
  Cluster cluster;
  ASSERT_SHELL(cluster.environment(), "head -c 20M /dev/urandom >$T/a; cp $T/a $M/a; sync $M/a");
  for (int number = 1; number <= 3; ++number) {
    cluster.storage(number).kill();
    EXPECT_SHELL(cluster.environment(),
                 "cmp $T/a $M/a; dd if=/dev/urandom bs=4096 count=50 status=none of=$T/part; "
                 "dd if=$T/part of=$T/a bs=4096 seek=700 conv=notrunc status=none; "
                 "dd if=$T/part of=$M/a bs=4096 seek=700 conv=notrunc,fsync status=none; cmp $T/a $M/a");
    cluster.storage(number).start();
    cluster.wait_healthy();
  }
  cluster.mount().unmount();
  cluster.mount().start();
  EXPECT_SHELL(cluster.environment(), "cmp $T/a $M/a");
}

TEST(StorageDies, AServerThatHangsIsLeftOut) {
  Cluster cluster;
  ASSERT_SHELL(cluster.environment(), "head -c 5M /dev/urandom >$T/a; cp $T/a $M/a; sync $M/a");
  cluster.storage(2).stop();
  EXPECT_SHELL(cluster.environment(),
               "timeout 30 bash -c 'for i in 1 2 3 4 5; do cp $T/a $M/b$i; sync $M/b$i; cmp $T/a $M/b$i; done'");
  cluster.storage(2).resume();
  cluster.wait_healthy();
  EXPECT_SHELL(cluster.environment(), "for i in 1 2 3 4 5; do cmp $T/a $M/b$i; done");
}

// The server does not know that the others went on without it, and its files look as good as ever.
TEST(StorageDies, ACopyThatWasLeftBehindIsNotReadFromItsFile) {
  Cluster cluster;
  cluster.add_mount();
  ASSERT_SHELL(cluster.environment(), "head -c 2M /dev/urandom >$T/a; cp $T/a $M/a; sync $M/a");
  for (int number = 1; number <= 3; ++number) {
    EXPECT_SHELL(cluster.environment(), "dd if=$M/a iflag=direct bs=64K status=none | cmp - $T/a");  // opens the copies
    cluster.storage(number).stop();
    EXPECT_SHELL(cluster.environment(), R"sh(
      for i in 1 2 3 4 5; do
        head -c 2M /dev/urandom >$T/a; dd if=$T/a of=$M2/a bs=64K conv=notrunc,fsync status=none
        dd if=$M/a iflag=direct bs=64K status=none | cmp - $T/a
      done)sh");
    cluster.storage(number).resume();
    cluster.wait_healthy();
    EXPECT_SHELL(cluster.environment(), "dd if=$M/a iflag=direct bs=64K status=none | cmp - $T/a");
  }
}

TEST(StorageDies, AllCopiesAwayMeansWaitingNotErrors) {
  Cluster cluster{{.storages = 2}};
  ASSERT_SHELL(cluster.environment(), "head -c 5M /dev/urandom >$T/a; cp $T/a $M/a; sync $M/a; mkdir $M/d");
  cluster.storage(1).kill();
  cluster.storage(2).kill();
  EXPECT_SHELL(cluster.environment(), "timeout 10 ls $M; timeout 10 df $M; timeout 10 mkdir $M/d/e");
  Background reader("cmp $T/a $M/a", cluster.environment());
  // 124: it waited, and the interrupt ended it; 137 would be the kill that comes when it did not.
  EXPECT_SHELL(cluster.environment(), "timeout -s INT -k 5 1 dd if=$M/a of=/dev/null iflag=direct || [ $? = 124 ]");
  cluster.storage(1).start();
  cluster.storage(2).start();
  const Ran read = reader.wait();
  EXPECT_TRUE(read.ok()) << read.output;
}

TEST(ControlDies, DuringRsyncAndOperationsGoOn) {
  Cluster cluster;
  ASSERT_SHELL(cluster.environment(), functions + "make_tree");
  Background copy("rsync -aHAX $T/src/ $M/tree/", cluster.environment());
  for (uint64_t files = 1'000; files <= 5'000; files += 2'000) {
    cluster.wait_until("more files are there", [files](const auto& status) { return status.inodes > files; });
    cluster.control().kill();
    cluster.control().start();
  }
  const Ran copied = copy.wait();
  EXPECT_TRUE(copied.ok()) << copied.output;
  EXPECT_SHELL(cluster.environment(), functions + "same $T/src $M/tree; nothing_to_do $T/src $M/tree -c");
}

TEST(ControlDies, NothingHappensTwice) {
  Cluster cluster;
  Background work(R"sh(
    for (( i = 1; ; ++i )); do
      mkdir $M/d$i; echo $i >$M/d$i/f; mv $M/d$i $M/e$i; ln $M/e$i/f $M/l$i; rm $M/e$i/f; rmdir $M/e$i
      [ ! -e $T/stop ] || break
    done
    [ $(ls $M | wc -l) = $i ]; for n in $(seq 1 $i); do [ "$(cat $M/l$n)" = $n ]; done; echo $i >$T/done)sh",
                  cluster.environment());
  for (int times = 0; times < 4; ++times) {
    uint64_t before = UINT64_MAX - 3;  // not asked yet; commits carry many changes each
    cluster.wait_until("it works", [&](const auto& status) {
      const uint64_t applied = status.controls.at(0).applied;
      before = std::min(before, applied);
      return applied >= before + 3;
    });
    ASSERT_TRUE(work.running());
    cluster.control().kill();
    cluster.control().start();
  }
  ASSERT_SHELL(cluster.environment(), "touch $T/stop");
  const Ran worked = work.wait();
  EXPECT_TRUE(worked.ok()) << worked.output;
  // And control agrees with what the mount believes.
  cluster.mount().unmount();
  cluster.mount().start();
  EXPECT_SHELL(cluster.environment(),
               "i=$(cat $T/done); [ $(ls $M | wc -l) = $i ]; for n in $(seq 1 $i); do [ \"$(cat $M/l$n)\" = $n ]; done");
}

TEST(EverythingDies, WhatWasSyncedIsThere) {
  Cluster cluster;
  ASSERT_SHELL(cluster.environment(), R"sh(
    mkdir $M/d; for i in $(seq 1 60); do head -c $(( i * 3000 )) /dev/urandom >$T/f$i; cp $T/f$i $M/d/f$i; sync $M/d/f$i; done
    echo unsynced >$M/d/later)sh");
  cluster.kill_all();
  cluster.start_all();
  EXPECT_SHELL(cluster.environment(), "for i in $(seq 1 60); do cmp $T/f$i $M/d/f$i; done");
}

TEST(EverythingDies, WhileItWritesAndWhatWasSyncedIsThere) {
  Cluster cluster;
  // A directory, so that nothing is written below the mount point once the mount is gone.
  ASSERT_SHELL(cluster.environment(), "mkdir $M/d; sync $M/d");
  Background work(
      R"sh(for i in $(seq 1 100000); do head -c 20000 /dev/urandom >$T/f$i; cp $T/f$i $M/d/f$i; sync $M/d/f$i; echo $i >$T/synced; done)sh",
      cluster.environment());
  cluster.wait_until("files are written", [](const auto& status) { return status.inodes > 100; });
  cluster.kill_all();
  work.kill();
  cluster.start_all();
  EXPECT_SHELL(cluster.environment(), "for i in $(seq 1 $(cat $T/synced)); do cmp $T/f$i $M/d/f$i; done");
}

}  // namespace
}  // namespace lace::test
