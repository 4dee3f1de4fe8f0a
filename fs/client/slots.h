// The slots through which commits go (wire::Commit): each is used by one commit at a time, with the number after its last.
// A commit whose answer was not waited for is `unsettled`: it must be asked about before anything else is committed, so that it
// can't happen after something newer. Thread-safe.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "common/wire/control_messages.h"

namespace lace::fs {

class Slots {
 public:
  static constexpr uint32_t count = 48;

  struct Slot {
    uint32_t index = 0;
    uint64_t number = 0;      // of the last commit
    uint64_t generation = 0;  // of the session
  };
  // A free slot of the session `generation`; unset: all are in use.
  std::optional<Slot> acquire(uint64_t generation);
  void release(Slot slot);

  // Of an earlier generation they are void.
  void leave_unsettled(Slot slot, wire::Commit commit);
  struct Unsettled {
    Slot slot;
    wire::Commit commit;
  };
  // The first one, to be settled by the caller alone, then settled() or put_back().
  std::optional<Unsettled> take_unsettled(uint64_t generation);
  // `known`: whether its number was used. If not, the slot is not used again.
  void settled(const Unsettled& unsettled, bool known);
  void put_back(Unsettled unsettled);
  bool any_unsettled(uint64_t generation) const;

 private:
  void adopt(uint64_t generation);  // mutex_ held

  mutable std::mutex mutex_;
  uint64_t generation_ = 0;
  std::vector<Slot> free_;
  std::vector<Unsettled> unsettled_;
  bool settling_ = false;
};

}  // namespace lace::fs
