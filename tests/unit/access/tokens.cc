#include "common/access/tokens.h"

#include <chrono>
#include <utility>

#include <gtest/gtest.h>

namespace lace::access {
namespace {

class SetClock final : public Clock {
 public:
  Instant now() const override { return Instant{}; }
  FileTime wall() const override { return {seconds, 0}; }
  int64_t seconds = 1'800'000'000;
};

class Tokens : public testing::Test {
 protected:
  SetClock clock_;
  const std::string secret_ = make_secret();
  const TokenMaker maker_{secret_};
  const TokenChecker checker_{secret_, clock_};
  const Token token_{SessionId{77}, BlockId{0x1234'5678'9abc'def0}, may_read, 1'800'000'100};
};

TEST_F(Tokens, SayWhatTheyWereMadeWith) {
  const auto checked = checker_.check(maker_.make(token_));
  ASSERT_TRUE(checked);
  EXPECT_EQ(*checked, token_);
}

TEST_F(Tokens, AllowOnlyThePagesThatTheyName) {
  Token some = token_;
  some.pages = {{3, 2}, {100, 1}, {16'000, 384}};
  const std::string token = maker_.make(some);
  EXPECT_EQ(checker_.check(token).value(), some);
  const auto allows = [&](uint32_t first, uint32_t count) {
    return checker_.allow(token, token_.block, may_read, {first, count}).has_value();
  };
  EXPECT_TRUE(allows(3, 1));
  EXPECT_TRUE(allows(3, 2));
  EXPECT_TRUE(allows(4, 1));
  EXPECT_TRUE(allows(100, 1));
  EXPECT_TRUE(allows(16'000, 384)) << "up to the end of the block";
  EXPECT_FALSE(allows(2, 1));
  EXPECT_FALSE(allows(2, 2));
  EXPECT_FALSE(allows(4, 2));
  EXPECT_FALSE(allows(3, 98)) << "the pages in between are somebody else's";
  EXPECT_FALSE(allows(0, 16'384));
  EXPECT_FALSE(allows(UINT32_MAX, 2));
  EXPECT_FALSE(allows(3, UINT32_MAX));
  EXPECT_TRUE(checker_.allow(token, token_.block, may_read)) << "for the block, whatever the page";
  EXPECT_FALSE(checker_.allow(token, BlockId{5}, may_read, {3, 1}));
  EXPECT_FALSE(checker_.allow(token, token_.block, may_write, {3, 1}));
}

TEST_F(Tokens, WithoutPagesAllowAllOfTheBlock) {
  EXPECT_TRUE(checker_.allow(maker_.make(token_), token_.block, may_read, {0, 16'384}));
}

TEST_F(Tokens, MayNameNoPageAtAll) {
  Token none = token_;
  none.pages = {{0, 0}};
  const std::string token = maker_.make(none);
  EXPECT_TRUE(checker_.allow(token, token_.block, may_read));
  for (const uint32_t page : {0, 1, 16'383}) EXPECT_FALSE(checker_.allow(token, token_.block, may_read, {page, 1})) << page;
}

TEST_F(Tokens, NameAtMostSoManyRanges) {
  Token many = token_;
  for (uint32_t i = 0; i < max_token_ranges; ++i) many.pages.push_back({2 * i, 1});
  const std::string token = maker_.make(many);
  EXPECT_LE(token.size(), 1'100u);
  EXPECT_EQ(checker_.check(token).value(), many);
  EXPECT_TRUE(checker_.allow(token, token_.block, may_read, {510, 1}));
  EXPECT_FALSE(checker_.allow(token, token_.block, may_read, {511, 1}));
  many.pages.push_back({9'000, 1});
  EXPECT_DEATH(maker_.make(many), "");
}

TEST_F(Tokens, WithPagesAreDeniedWithAnyBitChangedOrAnotherLength) {
  Token some = token_;
  some.pages = {{3, 2}, {100, 1}};
  const std::string token = maker_.make(some);
  for (size_t i = 0; i < token.size() * 8; ++i) {
    std::string forged = token;
    forged[i / 8] = static_cast<char>(forged[i / 8] ^ (1 << (i % 8)));
    EXPECT_FALSE(checker_.check(forged)) << i;
  }
  for (size_t size = 0; size < token.size(); ++size) EXPECT_FALSE(checker_.check(token.substr(0, size)));
  // A range less, and the account of them set right.
  std::string shorter = token;
  shorter.erase(29, 4);
  shorter[28] = 1;
  EXPECT_FALSE(checker_.check(shorter));
}

TEST_F(Tokens, SealTheMembersOfABlock) {
  const wire::BlockInfo block{BlockId{7}, 3, {ServerId{1}, ServerId{2}}, {ServerId{3}}, {}};
  const std::string seal = maker_.seal(block);
  EXPECT_TRUE(checker_.is_sealed(block, seal));
  EXPECT_FALSE(checker_.is_sealed(block, ""));
  EXPECT_FALSE(checker_.is_sealed(block, seal.substr(1)));
  for (int change = 0; change < 6; ++change) {
    wire::BlockInfo other = block;
    if (change == 0) other.block = BlockId{8};
    if (change == 1) other.epoch = 4;
    if (change == 2) other.in_sync.pop_back();
    if (change == 3) std::swap(other.in_sync[0], other.in_sync[1]);
    if (change == 4) other.filling.clear();
    if (change == 5) other.in_sync = {ServerId{1}}, other.filling = {ServerId{2}, ServerId{3}};
    EXPECT_FALSE(checker_.is_sealed(other, seal)) << change;
  }
  EXPECT_FALSE(TokenChecker(make_secret(), clock_).is_sealed(block, seal));
}

TEST_F(Tokens, AreCompact) { EXPECT_LE(maker_.make(token_).size(), 64u); }

TEST_F(Tokens, ExpireAtTheirTime) {
  const std::string token = maker_.make(token_);
  clock_.seconds = token_.expires - 1;
  EXPECT_TRUE(checker_.check(token));
  clock_.seconds = token_.expires;
  EXPECT_EQ(checker_.check(token).error().code, Code::denied);
}

TEST_F(Tokens, AllowOnlyTheirBlockAndRights) {
  const std::string token = maker_.make(token_);
  EXPECT_EQ(checker_.allow(token, token_.block, may_read).value().session, token_.session);
  EXPECT_FALSE(checker_.allow(token, BlockId{5}, may_read));
  EXPECT_FALSE(checker_.allow(token, token_.block, may_write));
  EXPECT_FALSE(checker_.allow(token, token_.block, may_read | may_write));
}

TEST_F(Tokens, ForAllBlocksAllowEachOfThem) {
  const std::string token = maker_.make({SessionId{1}, BlockId{}, may_read | may_write, 1'800'000'100});
  EXPECT_TRUE(checker_.allow(token, BlockId{5}, may_read | may_write));
  EXPECT_TRUE(checker_.allow(token, BlockId{6}, may_write));
}

TEST_F(Tokens, WithAnyBitChangedAreDenied) {
  const std::string token = maker_.make(token_);
  for (size_t i = 0; i < token.size() * 8; ++i) {
    std::string forged = token;
    forged[i / 8] = static_cast<char>(forged[i / 8] ^ (1 << (i % 8)));
    EXPECT_FALSE(checker_.check(forged)) << i;
  }
}

TEST_F(Tokens, OfAnotherLengthAreDenied) {
  const std::string token = maker_.make(token_);
  for (size_t size = 0; size < token.size(); ++size) EXPECT_FALSE(checker_.check(token.substr(0, size)));
  EXPECT_FALSE(checker_.check(token + "x"));
}

TEST_F(Tokens, UnderAnotherSecretAreDenied) {
  const TokenChecker other(make_secret(), clock_);
  EXPECT_FALSE(other.check(maker_.make(token_)));
}

TEST_F(Tokens, AreCheckedInAFewMicroseconds) {
  const std::string token = maker_.make(token_);
  const auto start = std::chrono::steady_clock::now();
  int good = 0;
  for (int i = 0; i < 10'000; ++i) good += checker_.allow(token, token_.block, may_read).has_value();
  const auto each = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count() / 10'000;
  EXPECT_EQ(good, 10'000);
  RecordProperty("check_ns", static_cast<int>(each * 1000));
  EXPECT_LT(each, 200);  // about one, without sanitizers and neighbours
}

class Passes : public testing::Test {
 protected:
  SetClock clock_;
  const std::string secret_ = make_secret();
  PassMaker maker_{secret_, Role::storage, ServerId{3}, clock_};
  const PassChecker checker_{secret_, clock_};
};

TEST_F(Passes, SayWhoSpeaks) {
  const auto checked = checker_.check(maker_.make());
  ASSERT_TRUE(checked);
  EXPECT_EQ(checked->role, Role::storage);
  EXPECT_EQ(checked->server, ServerId{3});
}

TEST_F(Passes, OfAnotherRoleAreDenied) {
  EXPECT_TRUE(checker_.allow(maker_.make(), Role::storage));
  EXPECT_FALSE(checker_.allow(maker_.make(), Role::control));
}

TEST_F(Passes, AreGoodWhileClocksDifferByMinutes) {
  const std::string pass = maker_.make();
  clock_.seconds += pass_valid_s;
  EXPECT_TRUE(checker_.check(pass));
  clock_.seconds += 1;
  EXPECT_FALSE(checker_.check(pass));
  clock_.seconds -= 2 * (pass_valid_s + 1);
  EXPECT_FALSE(checker_.check(pass));
}

TEST_F(Passes, AreMadeAnewInTime) {
  for (int i = 0; i < 100; ++i) {
    clock_.seconds += 17;
    EXPECT_TRUE(checker_.check(maker_.make()));
  }
  clock_.seconds -= 100'000;  // somebody set the clock back
  EXPECT_TRUE(checker_.check(maker_.make()));
}

TEST_F(Passes, AreNoTokensAndTokensNoPasses) {
  const TokenChecker tokens(secret_, clock_);
  EXPECT_FALSE(tokens.check(maker_.make()));
  EXPECT_FALSE(checker_.check(TokenMaker(secret_).make({SessionId{1}, BlockId{}, may_read, clock_.seconds + 100})));
}

TEST_F(Passes, WithAnyBitChangedAreDenied) {
  const std::string pass = maker_.make();
  for (size_t i = 0; i < pass.size() * 8; ++i) {
    std::string forged = pass;
    forged[i / 8] = static_cast<char>(forged[i / 8] ^ (1 << (i % 8)));
    EXPECT_FALSE(checker_.check(forged)) << i;
  }
}

}  // namespace
}  // namespace lace::access
