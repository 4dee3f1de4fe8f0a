// What one block needs next, to have its copies whole again. Decisions only; repair.h carries them out, one step at a time.
#pragma once

#include <optional>
#include <vector>

#include "common/wire/storage_messages.h"

namespace lace::control {

// What is known of one member of a block's copy set.
struct MemberFact {
  ServerId server{};
  bool up = false;
  bool away_long = false;  // down for longer than the grace time
  std::optional<wire::CopyReport> report;
  bool leaving = false;  // its server is being drained
};

struct BlockFacts {
  wire::BlockInfo block;
  std::vector<MemberFact> in_sync, filling;  // as in `block`
  uint32_t wanted = 2;                       // copies
  bool patience_over = false;                // members that are not up now need not be waited for
  bool returning = false;                    // a server that has an older copy is down, and may be back within the grace time
  bool returned = false;                     // one that has an older copy is up
  ServerId surplus{};                        // who is to go when there are more copies than wanted
};

struct RepairStep {
  enum Kind {
    none,        // whole, or nothing can be done now
    drop,        // `servers` leave the set
    accept,      // goes on with the suspect copy of `server`: there is no better one
    promote,     // `server` is whole: in sync from now on
    order_fill,  // `server` is to fill its holes from `source`
    start_fill,  // one more copy is to be made, on a server of the caller's choice; if there is none, `server` is to fill its
                 // holes from `source`
    heal,        // `server` counts, and has lost pages: it is to have them from `source`
  };
  Kind kind = none;
  std::vector<ServerId> servers;
  ServerId server{}, source{};
};

RepairStep next_repair(const BlockFacts& facts);

}  // namespace lace::control
