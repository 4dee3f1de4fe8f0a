#include "storage/ops/failure_reports.h"

namespace lace::storage {
namespace {

constexpr Millis answer_timeout{4'000};  // control may have to wait for a lease to run out

}  // namespace

void FailureReports::report(BlockId block, Epoch epoch, std::vector<ServerId> failed, Answer done) {
  const Key key{block, epoch, failed};
  std::vector<Answer>& waiting = waiting_[key];
  waiting.push_back(std::move(done));
  if (waiting.size() > 1) return;
  wire::ReportFailure message;
  message.block = block;
  message.epoch = epoch;
  message.failed = std::move(failed);
  net::call<wire::ReportFailure>(loop_, membership_.control(), message, answer_timeout,
                                 [this, key](Result<net::Answered<wire::ReportFailure>> answer) {
                                   if (!answer) return answered(key, pass(answer));
                                   if (answer->reply.blocks.empty())
                                     return answered(key, fail(Code::stale, "the block is gone"));
                                   answered(key, answer->reply.blocks.front());
                                 });
}

void FailureReports::answered(const Key& key, const Result<wire::BlockInfo>& info) {
  const auto found = waiting_.find(key);
  const std::vector<Answer> waiting = std::move(found->second);
  waiting_.erase(found);
  for (const Answer& done : waiting) done(info);
}

}  // namespace lace::storage
