// Clients of a run, as far as it has to know them: they live, are killed, and end. What they do, and what they find wrong, is
// theirs (block_clients.h, file_clients.h).
#pragma once

#include <string>
#include <vector>

#include "common/base/ids.h"
#include "control/control.h"

namespace lace::sim {

class Clients {
 public:
  virtual ~Clients() = default;

  // Before the faults begin, and after they are over: what is to be made first, and looked at last.
  virtual void prepare() {}
  virtual void audit() {}
  virtual bool aside_ended() const { return true; }  // prepare() or audit()

  virtual void start(int client) = 0;  // 1 to how many there are
  virtual void kill(int client) = 0;   // what it was about to do may happen, or not
  virtual bool runs(int client) const = 0;
  static std::string name_of(int client) { return "client-" + std::to_string(client); }

  // Between two operations they wait as long as this is set.
  virtual void hold(bool on) = 0;
  virtual bool all_hold() const = 0;
  // They do so many operations more, and end.
  virtual void finish_after(uint32_t operations) = 0;
  virtual bool all_ended() const = 0;

  // Now and then, and before anything loses power: what control knows by now; null: it does not run.
  virtual void follow(control::Control* control) { static_cast<void>(control); }
  virtual const std::vector<BlockId>& blocks() const = 0;   // that hold their bytes
  virtual const std::vector<BlockId>& removed() const = 0;  // that held those of files which are gone
  // All copies in sync of a block have lost power: what was not synced may be lost.
  virtual void lost(BlockId block) = 0;

  virtual uint64_t done() const = 0;
  virtual uint64_t failed() const = 0;
  virtual std::string doing() const = 0;  // for the message about a run that does not end
};

}  // namespace lace::sim
