#include "fs/client/profile.h"

#include <gtest/gtest.h>

namespace lace::fs {
namespace {

TEST(Durations, PutsEachDurationBelowTheEndOfItsBucketAndNotBelowTheOneBefore) {
  for (uint64_t nanos = 0; nanos < 5'000'000'000; nanos += 1 + nanos / 7) {
    const size_t bucket = Durations::bucket_of(nanos);
    EXPECT_LT(nanos, Durations::end_of(bucket));
    if (bucket > 0) {
      EXPECT_GE(nanos, Durations::end_of(bucket - 1));
    }
  }
}

TEST(Profile, SaysNothingOfWhatWasNeverDone) {
  Profile profile;
  const size_t number = Profile::number_of("test_operation");
  EXPECT_EQ(number, Profile::number_of("test_operation"));
  EXPECT_EQ(profile.text(), "");
  profile.operation(number).add(3, true);
  profile.message(wire::Kind::commit).add(2, false);
  EXPECT_EQ(profile.text(), "operation test_operation 3 1 3=1\nmessage commit 2 0 2=1\n");
}

}  // namespace
}  // namespace lace::fs
