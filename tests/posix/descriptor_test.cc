// Open file descriptions: what dup and fork share, and what close promises.
#include <sys/socket.h>

#include <cstring>

#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Descriptor = Workspace;

TEST_F(Descriptor, CopiedByDupSharesOffsetAndFlags) {
  make_file("a", "0123456789");
  const Fd one = opened("a", O_RDWR);
  const Fd two(dup(one));
  char text[4] = {};
  EXPECT_GIVES(3, read(one, text, 3));
  EXPECT_GIVES(3, lseek(two, 0, SEEK_CUR));
  EXPECT_GIVES(1, write(two, "x", 1));
  EXPECT_GIVES(4, lseek(one, 0, SEEK_CUR));
  EXPECT_OK(fcntl(one, F_SETFL, O_APPEND));
  EXPECT_GIVES(1, write(two, "y", 1));
  EXPECT_EQ("012x456789y", content_of("a"));
}

TEST_F(Descriptor, InheritedByForkSharesTheOffset) {
  make_file("a", "0123456789");
  const Fd fd = opened("a", O_RDWR);
  Child child([&] {
    EXPECT_OK(lseek(fd, 5, SEEK_SET));
    EXPECT_GIVES(2, write(fd, "ab", 2));
  });
  child.join();
  EXPECT_GIVES(7, lseek(fd, 0, SEEK_CUR));
  EXPECT_GIVES(1, write(fd, "c", 1));
  EXPECT_EQ("01234abc89", content_of("a"));
}

TEST_F(Descriptor, SharedByManyWritersGivesEachWriteAPlaceOfItsOwn) {
  const Fd fd = opened("a", O_CREAT | O_RDWR);
  in_processes(4, [&](int self) {
    const std::string line(100, static_cast<char>('a' + self));
    for (int i = 0; i < 100; ++i) ASSERT_GIVES(100, write(fd, line.data(), line.size()));
  });
  const std::string content = content_of("a");
  ASSERT_EQ(40'000u, content.size());
  for (size_t i = 0; i < content.size(); i += 100) ASSERT_EQ(std::string(100, content[i]), content.substr(i, 100));
}

TEST_F(Descriptor, LastsWhenAnotherProcessClosesItsOwn) {
  make_file("a", "text");
  const Fd fd = opened("a", O_RDWR);
  Child child([&] { close(fd); });
  child.join();
  EXPECT_EQ("text", get(fd, 10, 0));
}

TEST_F(Descriptor, TravelsThroughASocketToAnotherUser) {
  make_file("a", "secret", 0600);
  int pair[2];
  ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
  Child child([&] {
    ASSERT_OK(setresuid(stranger.user, stranger.user, stranger.user));
    char byte;
    iovec vector{&byte, 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr message{};
    message.msg_iov = &vector, message.msg_iovlen = 1;
    message.msg_control = control, message.msg_controllen = sizeof control;
    ASSERT_GIVES(1, recvmsg(pair[1], &message, 0));
    int received;
    std::memcpy(&received, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof received);
    const Fd fd(received);
    EXPECT_EQ("secret", get(fd, 10, 0));
    EXPECT_ERRNO(EACCES, open("a", O_RDONLY));
  });
  const Fd fd = opened("a", O_RDONLY);
  char byte = 'x';
  iovec vector{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &vector, message.msg_iovlen = 1;
  message.msg_control = control, message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_RIGHTS, header->cmsg_len = CMSG_LEN(sizeof(int));
  const int number = fd;
  std::memcpy(CMSG_DATA(header), &number, sizeof number);
  EXPECT_GIVES(1, sendmsg(pair[0], &message, 0));
  child.join();
  close(pair[0]);
  close(pair[1]);
}

TEST_F(Descriptor, ShowsAfterItsCloseAllThatWasWrittenToEverybody) {
  for (uint32_t i = 0; i < 30; ++i) {
    const std::string piece = pattern(1 + i * 5'003 % 70'000, i);
    {
      Fd fd = opened("a", O_CREAT | O_TRUNC | O_WRONLY);
      put(fd, piece, 0);
      ASSERT_OK(fd.reset());
    }
    as(stranger, [&] { EXPECT_TRUE(same_bytes(piece, content_of("a"))); });
  }
}

TEST_F(Descriptor, MayBeOneOfThousands) {
  std::vector<Fd> all;
  for (int i = 0; i < 900; ++i) {
    all.push_back(opened("a" + std::to_string(i), O_CREAT | O_RDWR));
    put(all.back(), std::to_string(i), 0);
  }
  for (size_t i = 0; i < all.size(); ++i) ASSERT_EQ(std::to_string(i), get(all[i], 10, 0));
}

TEST_F(Descriptor, IsRefusedOnceItIsClosed) {
  Fd fd = opened("a", O_CREAT | O_RDWR);
  const int number = fd;
  EXPECT_OK(fd.reset());
  char byte;
  EXPECT_ERRNO(EBADF, read(number, &byte, 1));
  EXPECT_ERRNO(EBADF, close(number));
}

}  // namespace
