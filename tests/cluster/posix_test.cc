// The rules of POSIX, case by case, on a mount: the suite in tests/posix, which also passes on ext4.
#include "tests/lib/cluster.h"

namespace lace::test {
namespace {

// Rules that are broken here, as README's Limits say: fallocate reserves nothing, and a store through a shared mapping moves
// the time of change only with the next other change.
constexpr const char* known_gaps =
    "Fallocate.GrowsTheFileWithSpaceThatReadsAsZeros:Fallocate.LeavesTheSizeAloneWithKeepSize:"
    "Mmap.MovesModificationAndChangeTimeByTheNextMsync";

TEST(Posix, RulesHoldOnAMount) {
  Cluster cluster;
  const Ran ran = shell(
      "mkdir $M/posix; exec \"$SUITE\" --dir=$M/posix \"--gtest_filter=-$GAPS\"",
      [&] {
        auto environment = cluster.environment();
        environment["SUITE"] = program_path("../tests/posix_suite");
        environment["GAPS"] = known_gaps;
        return environment;
      }(),
      Millis(900'000));
  // ctest takes a test for skipped when it sees this mark, even when it is only quoted.
  std::string output = ran.output;
  for (size_t at = 0; (at = output.find("[  SKIPPED ]", at)) != output.npos;) output.replace(at, 12, "[  not run ]");
  EXPECT_TRUE(ran.ok()) << output;
}

}  // namespace
}  // namespace lace::test
