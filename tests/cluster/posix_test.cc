// The rules of POSIX, case by case, on a mount: the suite in tests/posix, which also passes on ext4.
#include "tests/lib/cluster.h"

namespace lace::test {
namespace {

TEST(Posix, RulesHoldOnAMount) {
  Cluster cluster;
  const Ran ran = shell(
      "mkdir $M/posix; exec \"$SUITE\" --dir=$M/posix",
      [&] {
        auto environment = cluster.environment();
        environment["SUITE"] = program_path("../tests/posix_suite");
        return environment;
      }(),
      Millis(200'000));
  EXPECT_TRUE(ran.ok()) << ran.output;
}

}  // namespace
}  // namespace lace::test
