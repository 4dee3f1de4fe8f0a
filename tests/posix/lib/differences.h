// What a file system may lawfully not offer. Each difference has a name and the errnos (or the behaviour) by which it shows;
// what was met in a run is printed at its end. Everything else in the suite is required.
#pragma once

#include <string>
#include <vector>

#include "tests/posix/lib/expect.h"

namespace posix {

struct Difference {
  std::string name;
  std::string meaning;
  std::vector<int> errors;  ///< how the refusal looks; empty: it shows in behaviour, not in an errno
};

const std::vector<Difference>& all_differences();

/// Allows only these names, comma separated ("" = none). By default all are allowed. False if a name is unknown.
bool allow_only(const std::string& names);

/// True if `outcome` is the refusal that difference `name` allows, and it is allowed in this run. Notes that it was met.
bool refused(const std::string& name, const Outcome& outcome);

/// The same for a difference that shows in behaviour: call it when the strict rule did not hold.
bool differs(const std::string& name);

/// Prints what was met; nothing if nothing was.
void print_differences_met();

}  // namespace posix

/// Skips the test if the call shows the allowed refusal. Any other error is for the test to find.
#define SKIP_IF_REFUSED(name, call)                                                          \
  if (const ::posix::Outcome outcome_of_call(call); ::posix::refused(name, outcome_of_call)) \
  GTEST_SKIP() << "allowed difference " << name << ": " << #call << " gave " << ::posix::errno_name(outcome_of_call.error)
