// The one place where an error becomes an errno.
#pragma once

#include "common/base/result.h"

namespace lace::fs::fuse {

// What a system call answers for it. Total: every code has one.
int errno_of(Code code);

// As errno_of, and logs (at most once a second) those that a healthy cluster never shows to a program.
int reported_errno(const Error& error, const char* operation);

}  // namespace lace::fs::fuse
