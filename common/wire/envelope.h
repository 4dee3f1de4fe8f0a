// The first frame of every message: what it is, which request it belongs to, and until when anyone waits for it.
// Frames: envelope, message, payload (may be empty; file bytes, never decoded).
#pragma once

#include "common/wire/kind.h"
#include "common/wire/types.h"

namespace lace::wire {

struct Envelope {
  uint16_t protocol = protocol_version;
  Kind kind{};
  uint64_t request = 0;      // chosen by the asker; the reply carries the same
  uint64_t term = 0;         // of the master the sender believes in; 0: knows none
  uint32_t deadline_ms = 0;  // from receipt: after that nobody waits for the answer
  Outcome outcome;           // replies: how it went; the message follows only when code is 0
  LACE_FIELDS(protocol, kind, request, term, deadline_ms, outcome)
};

}  // namespace lace::wire
