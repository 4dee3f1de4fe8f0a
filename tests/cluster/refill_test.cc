// A server that was away gets what it missed and nothing else, with the bytes counted; and what a disk lost or mixed up is
// healed, or refused with the reason.
#include "tests/lib/cluster.h"

namespace lace::test {
namespace {

uint64_t received(const Cluster& cluster) {
  uint64_t bytes = 0;
  for (const auto& server : const_cast<Cluster&>(cluster).status().servers) bytes += server.hole_copy_received_bytes;
  return bytes;
}

// 256 MiB (1 GiB in a long run) that are written while all servers run, then 3 MiB in 768 single pages here and there.
constexpr const char* write_all = R"sh(
  size=256; [ -z "${LACE_LONG_TESTS:-}" ] || size=1024
  head -c ${size}M /dev/urandom >$T/a; cp $T/a $M/a; sync $M/a)sh";
constexpr const char* change_some = R"sh(
  python3 - $T/a $M/a <<'END'
import os, random, sys
source, mounted = (os.open(path, os.O_RDWR) for path in sys.argv[1:])
choose = random.Random(3)
for page in choose.sample(range(os.fstat(source).st_size // 4096), 768):
    content = os.urandom(4096)
    for file in (source, mounted):
        os.pwrite(file, content, page * 4096)
os.fsync(mounted)
END)sh";
constexpr uint64_t changed_bytes = 768 * 4'096;

struct Away {
  const char* name;
  int storages;
  bool hangs;
};
class Refill : public testing::TestWithParam<Away> {};

TEST_P(Refill, CostsWhatWasMissed) {
  Cluster cluster{{.storages = GetParam().storages}};
  ASSERT_SHELL(cluster.environment(), write_all);
  cluster.wait_healthy();
  const uint64_t before = received(cluster);
  Daemon& away = cluster.storage(2);
  GetParam().hangs ? away.stop() : away.kill();
  EXPECT_SHELL(cluster.environment(), change_some);
  GetParam().hangs ? away.resume() : away.start();
  cluster.wait_healthy();
  const uint64_t moved = received(cluster) - before;
  std::printf("%llu bytes were changed, %llu travelled\n", static_cast<unsigned long long>(changed_bytes),
              static_cast<unsigned long long>(moved));
  EXPECT_GT(moved, 0u);
  EXPECT_LE(moved, changed_bytes * 11 / 10);
  // Now the others may go: what came back has everything.
  for (int number = 1; number <= GetParam().storages; ++number) {
    if (number != 2) cluster.storage(number).kill();
  }
  if (GetParam().storages == 2) {
    EXPECT_SHELL(cluster.environment(), "dd if=$M/a iflag=direct bs=1M status=none | cmp - $T/a");
  }
}

INSTANTIATE_TEST_SUITE_P(OfAServer, Refill,
                         testing::Values(Away{"ThatWasKilled", 2, false}, Away{"ThatHung", 2, true},
                                         Away{"ThatWasKilledAmongThree", 3, false}),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace lace::test
