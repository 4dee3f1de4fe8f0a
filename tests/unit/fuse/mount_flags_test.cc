#include "fs/fuse/mount_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lace::fs::fuse {
namespace {

using testing::HasSubstr;

TEST(MountFlags, AreThoseOfALocalFileSystemForRoot) {
  const auto flags = parse_mount_flags({}, true);
  ASSERT_TRUE(flags);
  EXPECT_TRUE(flags->allow_other);
  EXPECT_FALSE(flags->read_only);
  EXPECT_THAT(flags->passed, testing::ElementsAre("suid", "dev"));
  EXPECT_EQ(Millis{60'000}, flags->timeout);
}

TEST(MountFlags, AreForOneUserWhoIsNotRoot) {
  const auto flags = parse_mount_flags({}, false);
  ASSERT_TRUE(flags);
  EXPECT_FALSE(flags->allow_other);
  EXPECT_TRUE(flags->passed.empty());
}

TEST(MountFlags, TakeValues) {
  const auto flags = parse_mount_flags({"ro", "noatime", "uid=1000", "gid=100", "timeout=5", "subtree=/a/b", "keys=/k"}, false);
  ASSERT_TRUE(flags) << flags.error().what;
  EXPECT_TRUE(flags->read_only);
  EXPECT_EQ(AccessTimes::none, flags->access_times);
  EXPECT_EQ(1000u, flags->squash.uid);
  EXPECT_EQ(100u, flags->squash.gid);
  EXPECT_EQ(Millis{5'000}, flags->timeout);
  EXPECT_EQ("/a/b", flags->subtree);
  EXPECT_EQ("/k", flags->keys);
}

TEST(MountFlags, IgnoreWhatIsForMountItself) {
  EXPECT_TRUE(parse_mount_flags({"defaults", "_netdev", "nofail", "x-systemd.automount", "noauto"}, true));
}

TEST(MountFlags, NameTheUnknownOneAndTheKnownOnes) {
  const auto flags = parse_mount_flags({"ro", "speed=9"}, true);
  ASSERT_FALSE(flags);
  EXPECT_THAT(flags.error().what, HasSubstr("'speed'"));
  EXPECT_THAT(flags.error().what, HasSubstr("noatime"));
}

TEST(MountFlags, RefuseWrongValues) {
  for (const char* wrong :
       {"uid", "uid=", "uid=x", "uid=-1", "uid=4294967295", "timeout=0", "timeout=9s", "ro=1", "subtree=a"}) {
    EXPECT_FALSE(parse_mount_flags({wrong}, true)) << wrong;
  }
}

}  // namespace
}  // namespace lace::fs::fuse
