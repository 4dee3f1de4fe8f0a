#include "fs/cli/profile_text.h"

#include <gtest/gtest.h>

namespace lace::cli {
namespace {

TEST(ProfileText, GivesMeansAndQuantilesOfWhatAMountCounted) {
  const auto all = parse_profile(
      "operation lookup 1000000 5 30=90 46=10\n"
      "message commit 400000 0 40=2\n"
      "something else\n");
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].name, "lookup");
  EXPECT_EQ(all[0].count(), 100u);
  EXPECT_EQ(all[0].asked, 5u);
  EXPECT_DOUBLE_EQ(all[0].mean_nanos(), 10'000.0);
  EXPECT_LT(all[0].quantile_nanos(0.5), all[0].quantile_nanos(0.99));
  EXPECT_EQ(all[1].what, "message");
}

TEST(ProfileText, ShowsOnlyWhatCameOnTop) {
  const auto before = parse_profile("operation read 100 1 10=1\noperation open 50 0 10=1\n");
  const auto now = parse_profile("operation read 700 3 10=1 20=2\noperation open 50 0 10=1\n");
  const auto on_top = difference(now, before);
  ASSERT_EQ(on_top.size(), 1u);
  EXPECT_EQ(on_top[0].count(), 2u);
  EXPECT_EQ(on_top[0].asked, 2u);
  EXPECT_DOUBLE_EQ(on_top[0].mean_nanos(), 300.0);
}

TEST(ProfileText, BeginsAnewWhenTheMountDid) {
  const auto before = parse_profile("operation read 900 0 10=9\n");
  const auto now = parse_profile("operation read 200 0 10=2\n");
  ASSERT_EQ(difference(now, before).size(), 1u);
  EXPECT_EQ(difference(now, before)[0].count(), 2u);
}

}  // namespace
}  // namespace lace::cli
