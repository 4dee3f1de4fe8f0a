#include "storage/ops/forwarding.h"

#include <gtest/gtest.h>

namespace lace::storage {
namespace {

using Verdict = Forwarding::Verdict;
constexpr BlockId block{5};

TEST(Forwarding, NumbersGrowByOnePerBlockAndEpoch) {
  Forwarding primary(42);
  const auto first = primary.next(block, 1);
  EXPECT_EQ(first.number, 1u);
  EXPECT_EQ(primary.next(block, 1).number, 2u);
  EXPECT_EQ(primary.next(BlockId{6}, 1).number, 1u);
  const auto anew = primary.next(block, 2);
  EXPECT_EQ(anew.number, 1u);
  EXPECT_NE(anew.stream, first.stream);
}

TEST(Forwarding, AMemberSeesALostWriteAndARepeatedOne) {
  Forwarding member(1);
  EXPECT_EQ(member.heard(block, 1, {7, 1}), Verdict::take);
  EXPECT_EQ(member.heard(block, 1, {7, 2}), Verdict::take);
  EXPECT_EQ(member.heard(block, 1, {7, 2}), Verdict::repeated);
  EXPECT_EQ(member.heard(block, 1, {7, 4}), Verdict::lost);
  EXPECT_EQ(member.heard(block, 1, {7, 3}), Verdict::take);
}

TEST(Forwarding, AStreamNotHeardOfBeginsWhereItIs) {
  Forwarding member(1);
  EXPECT_EQ(member.heard(block, 1, {7, 9}), Verdict::take);  // the member was restarted
  EXPECT_EQ(member.heard(block, 1, {8, 1}), Verdict::take);  // the primary was
  EXPECT_EQ(member.heard(block, 2, {8, 1}), Verdict::take);
}

}  // namespace
}  // namespace lace::storage
