#include "tests/posix/lib/expect.h"

#include <unistd.h>

#include <climits>
#include <cstring>

namespace posix {
namespace {

std::string here() {
  char buffer[PATH_MAX];
  return getcwd(buffer, sizeof buffer) ? buffer : "a removed or very deep directory";
}

testing::AssertionResult wrong(const char* call, const Outcome& outcome, const std::string& wanted) {
  auto failure = testing::AssertionFailure() << call << "\n  in " << here() << "\n  gave ";
  if (outcome.failed) {
    failure << "-1 " << errno_name(outcome.error) << " (" << strerror(outcome.error) << ")";
  } else {
    failure << outcome.value;
  }
  return failure << "\n  wanted " << wanted;
}

}  // namespace

std::string errno_name(int error) {
  const char* name = strerrorname_np(error);
  return name ? name : "errno " + std::to_string(error);
}

testing::AssertionResult Succeeds::operator()(const char*, const Outcome& outcome) const {
  return outcome.failed ? wrong(call, outcome, "success") : testing::AssertionSuccess();
}

testing::AssertionResult Fails::operator()(const char*, const Outcome& outcome) const {
  std::string names;
  for (int error : wanted.any_of) {
    if (outcome.failed && outcome.error == error) return testing::AssertionSuccess();
    names += (names.empty() ? "" : " or ") + errno_name(error);
  }
  return wrong(call, outcome, names);
}

testing::AssertionResult Gives::operator()(const char*, const Outcome& outcome) const {
  const bool same = outcome.value == wanted && (!outcome.failed || wanted == -1);
  return same ? testing::AssertionSuccess() : wrong(call, outcome, std::to_string(wanted));
}

}  // namespace posix
