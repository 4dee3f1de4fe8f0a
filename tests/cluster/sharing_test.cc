// Copies and snapshots that share pages, with the tools that people use.
#include "tests/lib/cluster.h"

namespace lace::test {
namespace {

// The scripts in sharing/ work on $M, and $M2.
class Sharing : public testing::TestWithParam<const char*> {};

TEST_P(Sharing, KeepsCopiesApart) {
  Cluster cluster;
  if (std::string(GetParam()) == "two_mounts") cluster.add_mount();
  EXPECT_SHELL(cluster.environment(), std::string(". $S/sharing/") + GetParam() + ".sh");
}

INSTANTIATE_TEST_SUITE_P(All, Sharing, testing::Values("clones", "snapshots", "two_mounts", "space"),
                         [](const auto& one) { return std::string(one.param); });

TEST(OverARestart, CopiesStayApart) {
  Cluster cluster;
  EXPECT_SHELL(cluster.environment(), R"sh(
    head -c 20M /dev/urandom >$M/f; sync $M/f; cp $M/f $T/f
    lace clone $M/f $M/g; lace snapshot create $M one >/dev/null)sh");
  cluster.kill_all();
  cluster.start_all();
  EXPECT_SHELL(cluster.environment(), R"sh(
    head -c 3M /dev/urandom | dd of=$M/g conv=notrunc,fsync bs=1M oseek=7 status=none
    cmp $M/f $T/f; cmp $M/.lace/snapshots/one/f $T/f; cmp $M/.lace/snapshots/one/g $T/f; not cmp -s $M/g $T/f
    rm $M/f $M/g; cmp $M/.lace/snapshots/one/f $T/f)sh");
}

}  // namespace
}  // namespace lace::test
