#include "control/group/answer_gate.h"

#include <gtest/gtest.h>

namespace lace::control {
namespace {

// Whoever is refused here may have been obeyed: `unavailable` would say that he was not.
class AnswerGateTest : public testing::Test {
 protected:
  net::Responder asker() {
    return net::Responder([this](const Result<net::Answer>& answer) {
      answers_.push_back(answer ? std::nullopt : std::optional(answer.error().code));
    });
  }
  uint64_t kept_ = 0;
  std::vector<std::optional<Code>> answers_;
  std::unique_ptr<AnswerGate> gate_ =
      std::make_unique<AnswerGate>([] { return true; }, [this] { return kept_; }, [] { return uint64_t{1}; });
};

TEST_F(AnswerGateTest, LetsAnswersOutWhenWhatTheyRestOnIsKept) {
  gate_->guard(asker()).raw(net::Answer{});
  EXPECT_TRUE(answers_.empty());
  kept_ = 1;
  gate_->look();
  EXPECT_EQ(answers_, std::vector{std::optional<Code>()});
}

TEST_F(AnswerGateTest, SaysUnknownToThoseWhoWaitWhenItCloses) {
  gate_->guard(asker()).raw(net::Answer{});
  gate_->close();
  gate_->guard(asker()).raw(net::Answer{});
  EXPECT_EQ(answers_, std::vector(2, std::optional(Code::unknown)));
}

TEST_F(AnswerGateTest, SaysUnknownToThoseWhoWaitWhenItEnds) {
  net::Responder late = gate_->guard(asker());
  gate_->guard(asker()).raw(net::Answer{});
  gate_.reset();
  late.raw(net::Answer{});
  { const net::Responder dropped = std::move(late); }
  EXPECT_EQ(answers_, std::vector(2, std::optional(Code::unknown)));
}

}  // namespace
}  // namespace lace::control
