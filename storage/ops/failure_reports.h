// Tells control which members did not take a write, once for all writes of a block that wait for the same answer.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "common/net/transport.h"
#include "common/wire/control_messages.h"
#include "storage/membership/membership.h"

namespace lace::storage {

class FailureReports {
 public:
  using Answer = std::function<void(Result<wire::BlockInfo>)>;
  FailureReports(net::Loop& loop, Membership& membership) : loop_(loop), membership_(membership) {}

  // `done` gets the block as it is once its epoch goes on without `failed` (sorted).
  void report(BlockId block, Epoch epoch, std::vector<ServerId> failed, Answer done);

 private:
  struct Key {
    BlockId block{};
    Epoch epoch = 0;
    std::vector<ServerId> failed;
    auto operator<=>(const Key&) const = default;
  };
  void answered(const Key& key, const Result<wire::BlockInfo>& info);

  net::Loop& loop_;
  Membership& membership_;
  std::map<Key, std::vector<Answer>> waiting_;
};

}  // namespace lace::storage
