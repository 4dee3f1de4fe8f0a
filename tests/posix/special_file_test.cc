// mknod(2): fifos, sockets, devices.
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include <cstring>

#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using SpecialFile = Workspace;

sockaddr_un address(const std::string& path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  strncpy(name.sun_path, path.c_str(), sizeof name.sun_path - 1);
  return name;
}
int bind_to(int fd, const sockaddr_un& name) { return bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name); }
int connect_to(int fd, const sockaddr_un& name) { return connect(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name); }

TEST_F(SpecialFile, IsAFifoBetweenTwoProcesses) {
  umask(027);
  EXPECT_OK(mkfifo("fifo", 0666));
  EXPECT_TRUE(S_ISFIFO(lstat_of("fifo").st_mode));
  EXPECT_EQ(0640u, mode_of("fifo"));
  Child writer([] {
    const Fd fd = opened("fifo", O_WRONLY);
    EXPECT_GIVES(5, write(fd, "hello", 5));
  });
  const Fd fd = opened("fifo", O_RDONLY);
  char text[8] = {};
  EXPECT_GIVES(5, read(fd, text, sizeof text));
  EXPECT_STREQ("hello", text);
  writer.join();
  EXPECT_GIVES(0, read(fd, text, sizeof text)) << "the writer is gone";
  EXPECT_EQ(0, size_of("fifo"));
}

TEST_F(SpecialFile, IsTheSameFifoUnderEveryNameAndAfterUnlink) {
  make_fifo("fifo");
  EXPECT_OK(link("fifo", "other"));
  const Fd reader = opened("fifo", O_RDONLY | O_NONBLOCK);
  const Fd writer = opened("other", O_WRONLY | O_NONBLOCK);
  EXPECT_OK(unlink("fifo"));
  EXPECT_OK(unlink("other"));
  EXPECT_GIVES(1, write(writer, "x", 1));
  char byte;
  EXPECT_GIVES(1, read(reader, &byte, 1));
}

TEST_F(SpecialFile, IsASocketThatOtherProcessesReach) {
  const Fd listener(socket(AF_UNIX, SOCK_STREAM, 0));
  const sockaddr_un name = address("socket");
  ASSERT_OK(bind_to(listener, name));
  EXPECT_TRUE(S_ISSOCK(lstat_of("socket").st_mode));
  EXPECT_EQ(0755u, mode_of("socket")) << "0777 less the umask";
  ASSERT_OK(listen(listener, 1));
  Child client([&] {
    const Fd fd(socket(AF_UNIX, SOCK_STREAM, 0));
    EXPECT_OK(connect_to(fd, name));
    EXPECT_GIVES(2, write(fd, "hi", 2));
  });
  const Fd peer(accept(listener, nullptr, nullptr));
  char text[4] = {};
  EXPECT_GIVES(2, read(peer, text, sizeof text));
  client.join();
  const Fd second(socket(AF_UNIX, SOCK_STREAM, 0));
  EXPECT_ERRNO(EADDRINUSE, bind_to(second, name));
  EXPECT_ERRNO(ENXIO, open("socket", O_RDWR));
}

TEST_F(SpecialFile, IsASocketNobodyListensOnOnceItsProcessIsGone) {
  { EXPECT_OK(bind_to(Fd(socket(AF_UNIX, SOCK_STREAM, 0)), address("socket"))); }
  EXPECT_TRUE(exists("socket"));
  EXPECT_ERRNO(ECONNREFUSED, connect_to(Fd(socket(AF_UNIX, SOCK_STREAM, 0)), address("socket")));
  EXPECT_OK(unlink("socket"));
  EXPECT_ERRNO(ENOENT, connect_to(Fd(socket(AF_UNIX, SOCK_STREAM, 0)), address("socket")));
}

TEST_F(SpecialFile, KeepsTheNumbersOfDevices) {
  const std::vector<dev_t> numbers{makedev(1, 3), makedev(0, 0), makedev(255, 255), makedev(259, 70'000),
                                   makedev(4'095, 1'048'575)};
  for (const mode_t kind : {S_IFCHR, S_IFBLK}) {
    for (const dev_t number : numbers) {
      EXPECT_OK(mknod("device", kind | 0620, number));
      const struct stat made = lstat_of("device");
      EXPECT_EQ(kind, made.st_mode & S_IFMT);
      EXPECT_EQ(0600u, made.st_mode & 07777);
      EXPECT_EQ(number, made.st_rdev);
      EXPECT_EQ(0, made.st_size);
      EXPECT_OK(rename("device", "moved"));
      EXPECT_EQ(number, lstat_of("moved").st_rdev);
      EXPECT_OK(unlink("moved"));
    }
  }
}

TEST_F(SpecialFile, HasNoDeviceNumberUnlessItIsADevice) {
  make_file("a");
  make_dir("d");
  make_fifo("fifo");
  for (const char* name : {"a", "d", "fifo"}) EXPECT_EQ(0u, lstat_of(name).st_rdev) << name;
}

TEST_F(SpecialFile, MayBeARegularFileOrASocket) {
  EXPECT_OK(mknod("a", S_IFREG | 0666, 0));
  EXPECT_OK(mknod("b", 0600, 0));
  EXPECT_OK(mknod("c", S_IFSOCK | 0600, 0));
  EXPECT_TRUE(S_ISREG(lstat_of("a").st_mode));
  EXPECT_EQ(0644u, mode_of("a"));
  EXPECT_TRUE(S_ISREG(lstat_of("b").st_mode));
  EXPECT_TRUE(S_ISSOCK(lstat_of("c").st_mode));
  put(opened("a", O_RDWR), "text", 0);
  EXPECT_EQ("text", content_of("a"));
}

TEST_F(SpecialFile, IsRefusedWhereItCannotBe) {
  make_file("file");
  make_symlink("nowhere", "dangling");
  EXPECT_ERRNO(EEXIST, mknod("file", S_IFIFO | 0600, 0));
  EXPECT_ERRNO(EEXIST, mknod("dangling", S_IFIFO | 0600, 0));
  EXPECT_ERRNO(ENOENT, mknod("nothing/a", S_IFIFO | 0600, 0));
  EXPECT_ERRNO(ENOENT, mknod("a/", S_IFIFO | 0600, 0));
  EXPECT_ERRNO(ENOTDIR, mknod("file/a", S_IFIFO | 0600, 0));
  EXPECT_ERRNO(ENAMETOOLONG, mknod(std::string(256, 'a').c_str(), S_IFIFO | 0600, 0));
  EXPECT_ERRNO(either(EPERM, EINVAL), mknod("d", S_IFDIR | 0700, 0));
  EXPECT_ERRNO(EINVAL, mknod("l", S_IFLNK | 0700, 0));
}

TEST_F(SpecialFile, LetsOnlyRootMakeDevices) {
  make_dir("d", 0777);
  as(owner, [] {
    EXPECT_ERRNO(EPERM, mknod("d/null", S_IFCHR | 0666, makedev(1, 3)));
    EXPECT_ERRNO(EPERM, mknod("d/disk", S_IFBLK | 0666, makedev(7, 0)));
    EXPECT_OK(mknod("d/fifo", S_IFIFO | 0666, 0));
    EXPECT_OK(mknod("d/socket", S_IFSOCK | 0666, 0));
    EXPECT_EQ(owner.user, lstat_of("d/fifo").st_uid);
  });
}

}  // namespace
