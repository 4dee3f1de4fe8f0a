// Where the record of a group is kept: one value that all members see alike (a linearizable register), changed by
// compare-and-swap only. The real one is in etcd (control/etcd); tests have one in memory that can be slow, away, or unsure.
#pragma once

#include <functional>
#include <optional>

#include "common/base/result.h"
#include "common/wire/group_messages.h"

namespace lace::control {

struct Stored {
  wire::GroupRecord record;
  uint64_t revision = 0;  // another one after each change; never 0
};

class Register {
 public:
  // Nothing: no record was ever stored. Errors: unavailable, corrupt.
  using ReadDone = std::function<void(Result<std::optional<Stored>>)>;
  // The new revision; 0: the record was another one by then, and nothing was changed. Errors: unknown (it may be changed, or
  // may be changed later).
  using SwapDone = std::function<void(Result<uint64_t>)>;

  virtual ~Register() = default;
  // Both answer on the loop, exactly once, never before the call returns.
  virtual void read(ReadDone done) = 0;
  // If the record's revision is still `revision` (0: there is none).
  virtual void swap(uint64_t revision, const wire::GroupRecord& record, SwapDone done) = 0;
};

}  // namespace lace::control
