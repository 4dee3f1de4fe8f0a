// Expectations about system calls. A failure tells the call as it is written in the test, the directory it ran in, the
// errno by name and what was wanted:  mkdir("a", 0755) in /mnt/x/Mkdir.Makes: gave -1 EACCES, wanted success
#pragma once

#include <gtest/gtest.h>

#include <cerrno>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <vector>

namespace posix {

/// "ENOENT" for 2; "errno 4711" for a number the C library does not know.
std::string errno_name(int error);

/// What a system call gave. Made from its return value right after the call, so that errno is still the call's.
struct Outcome {
  template <typename T>
  Outcome(T result) : error(errno) {  // NOLINT: implicit by purpose
    if constexpr (std::is_pointer_v<T>) {
      failed = result == nullptr || reinterpret_cast<long>(result) == -1;
    } else {
      value = static_cast<long long>(result);
      failed = value == -1;
    }
  }
  int error;
  bool failed;
  long long value = 0;
};

/// The errno values a rule allows; nearly always one.
struct Errors {
  Errors(int only) : any_of{only} {}  // NOLINT: implicit by purpose
  Errors(std::initializer_list<int> some) : any_of(some) {}
  std::vector<int> any_of;
};
inline Errors either(int one, int other) { return Errors{one, other}; }

/// Predicates for EXPECT_PRED_FORMAT1; `call` is the text of the call.
struct Succeeds {
  const char* call;
  testing::AssertionResult operator()(const char*, const Outcome& outcome) const;
};
struct Fails {
  const char* call;
  Errors wanted;
  testing::AssertionResult operator()(const char*, const Outcome& outcome) const;
};
struct Gives {
  const char* call;
  long long wanted;
  testing::AssertionResult operator()(const char*, const Outcome& outcome) const;
};

}  // namespace posix

#define EXPECT_OK(call) EXPECT_PRED_FORMAT1((::posix::Succeeds{#call}), ::posix::Outcome(call))
#define ASSERT_OK(call) ASSERT_PRED_FORMAT1((::posix::Succeeds{#call}), ::posix::Outcome(call))
#define EXPECT_ERRNO(wanted, call) EXPECT_PRED_FORMAT1((::posix::Fails{#call, wanted}), ::posix::Outcome(call))
#define ASSERT_ERRNO(wanted, call) ASSERT_PRED_FORMAT1((::posix::Fails{#call, wanted}), ::posix::Outcome(call))
/// The call returns exactly this number (of bytes, for example).
#define EXPECT_GIVES(wanted, call) \
  EXPECT_PRED_FORMAT1((::posix::Gives{#call, static_cast<long long>(wanted)}), ::posix::Outcome(call))
#define ASSERT_GIVES(wanted, call) \
  ASSERT_PRED_FORMAT1((::posix::Gives{#call, static_cast<long long>(wanted)}), ::posix::Outcome(call))
