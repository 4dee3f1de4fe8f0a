#include "fs/fuse/errors.h"

#include <cerrno>
#include <set>

#include <gtest/gtest.h>

namespace lace::fs::fuse {
namespace {

TEST(Errors, GiveEveryPosixCodeItsOwnErrno) {
  std::set<int> seen;
  for (uint16_t code = 1; code <= static_cast<uint16_t>(Code::no_memory); ++code) {
    EXPECT_TRUE(seen.insert(errno_of(Code{code})).second) << name_of(Code{code});
  }
  EXPECT_EQ(ENOENT, errno_of(Code::no_entry));
  EXPECT_EQ(ENOTEMPTY, errno_of(Code::not_empty));
  EXPECT_EQ(ESTALE, errno_of(Code::stale_handle));
}

TEST(Errors, ShowWhatHappenedOnTheWayAsInputOutputErrors) {
  for (const Code code : {Code::stale, Code::unavailable, Code::unknown, Code::corrupt, Code::malformed, Code::fenced}) {
    EXPECT_EQ(EIO, errno_of(code)) << name_of(code);
  }
  EXPECT_EQ(EACCES, errno_of(Code::denied));
}

TEST(Errors, TakeACodeOfANewerServerForAnInputOutputError) { EXPECT_EQ(EIO, errno_of(Code{999})); }

}  // namespace
}  // namespace lace::fs::fuse
