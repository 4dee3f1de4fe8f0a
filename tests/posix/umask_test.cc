// The umask, with every call that makes something.
#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Umask = Workspace;

TEST_F(Umask, TakesItsBitsFromWhateverIsMade) {
  for (const mode_t mask : {0, 002, 022, 027, 077, 0777}) {
    for (const mode_t mode : {0777, 0666, 0600, 0123, 0}) {
      SCOPED_TRACE(testing::Message() << std::oct << "mode " << mode << " umask " << mask);
      umask(mask);
      EXPECT_OK(Fd(open("file", O_CREAT | O_EXCL | O_WRONLY, mode)).get());
      EXPECT_OK(mkdir("dir", mode));
      EXPECT_OK(mkfifo("fifo", mode));
      EXPECT_OK(mknod("node", S_IFREG | mode, 0));
      for (const char* name : {"file", "dir", "fifo", "node"}) {
        EXPECT_EQ(mode & ~mask, mode_of(name)) << name;
        EXPECT_OK(remove(name));
      }
    }
  }
}

TEST_F(Umask, LeavesTheSetIdAndStickyBitsAlone) {
  umask(077);
  EXPECT_OK(Fd(open("file", O_CREAT | O_WRONLY, 06755)).get());
  EXPECT_EQ(06700u, mode_of("file"));
  EXPECT_OK(mkdir("dir", 01755));
  EXPECT_EQ(01700u, mode_of("dir"));
}

TEST_F(Umask, DoesNotConcernChmod) {
  umask(0777);
  EXPECT_OK(Fd(open("file", O_CREAT | O_WRONLY, 0644)).get());
  EXPECT_OK(chmod("file", 0666));
  EXPECT_EQ(0666u, mode_of("file"));
}

TEST_F(Umask, IsThatOfTheProcessThatAsks) {
  umask(0);
  Child child([] {
    umask(077);
    EXPECT_OK(Fd(open("theirs", O_CREAT | O_WRONLY, 0666)).get());
  });
  child.join();
  EXPECT_OK(Fd(open("ours", O_CREAT | O_WRONLY, 0666)).get());
  EXPECT_EQ(0600u, mode_of("theirs"));
  EXPECT_EQ(0666u, mode_of("ours"));
}

}  // namespace
