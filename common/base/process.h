// Whether another process still runs: so that whoever waits for it need not wait for ever. Linux, by /proc.
#pragma once

#include <cstdint>
#include <string>

namespace lace {

// Which process, for others on the same machine.
struct ProcessId {
  std::string where;     // this run of the kernel, and the namespace that `number` counts in; empty: can't be told
  uint32_t number = 0;   // its pid there
  uint64_t started = 0;  // clock ticks after the machine's start: a number is given to others again
};

ProcessId own_process();

// For processes of this machine. True only if it surely has ended: it ran where this process runs, and it is not there any
// more, or only what its parent did not yet take away, or another process has its number now; or the machine has been started
// again since.
bool has_ended(const ProcessId& process);

}  // namespace lace
