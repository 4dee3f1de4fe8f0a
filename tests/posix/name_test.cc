// Names and paths: every byte but two, every length, every depth.
#include <climits>
#include <set>

#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Name = Workspace;

/// Makes, lists, opens, moves and removes a thing of that name.
void try_name(const std::string& name) {
  make_file(name, name);
  EXPECT_EQ(std::vector<std::string>{name}, names_in("."));
  EXPECT_EQ(name, content_of(name));
  EXPECT_OK(rename(name.c_str(), "moved"));
  EXPECT_FALSE(exists(name));
  EXPECT_OK(link("moved", name.c_str()));
  EXPECT_OK(unlink("moved"));
  EXPECT_OK(unlink(name.c_str()));
  EXPECT_OK(mkdir(name.c_str(), 0755));
  make_file(name + "/inside");
  EXPECT_OK(unlink((name + "/inside").c_str()));
  EXPECT_OK(rmdir(name.c_str()));
  EXPECT_TRUE(names_in(".").empty());
}

TEST_F(Name, MayHoldEveryByteButSlashAndNul) {
  for (int byte = 1; byte < 256; ++byte) {
    if (byte == '/') continue;
    make_file(std::string("x") + static_cast<char>(byte), std::to_string(byte));
  }
  EXPECT_EQ(254u, names_in(".").size());
  for (int byte = 1; byte < 256; ++byte) {
    if (byte == '/') continue;
    EXPECT_EQ(std::to_string(byte), content_of(std::string("x") + static_cast<char>(byte)));
  }
}

TEST_F(Name, MayBeOdd) {
  for (const char* name : {"new\nline",
                           "\n",
                           "-rf",
                           "--help",
                           "~",
                           "*",
                           "?",
                           " ",
                           "  ",
                           "a b",
                           "...",
                           "..a",
                           ".a",
                           "a.",
                           "\\",
                           "\"",
                           "'",
                           "`id`",
                           "$HOME",
                           "%s%n",
                           "#a#",
                           "con",
                           "NUL",
                           "a:b",
                           "\x01\x02\x7f",
                           "\xff\xfe",
                           "\xc0\x80",
                           "gr\xc3\xbc\xc3\x9f",
                           "\xe6\x97\xa5\xe6\x9c\xac",
                           "\xf0\x9f\x98\x80",
                           "e\xcc\x81",
                           ".fuse_hidden0001",
                           ".nfs0001",
                           ".lace",
                           "lost+found"}) {
    SCOPED_TRACE(name);
    try_name(name);
  }
}

TEST_F(Name, IsToldApartByCaseAndByUnicodeForm) {
  const std::set<std::string> names{"a", "A", "\xc3\xa9", "e\xcc\x81", "\xc3\x89", "\xef\xac\x81", "fi"};
  for (const auto& name : names) make_file(name, name);
  EXPECT_EQ(names.size(), names_in(".").size());
  for (const auto& name : names) EXPECT_EQ(name, content_of(name));
}

TEST_F(Name, MayBeOfEveryLengthUpTo255) {
  for (size_t length = 1; length <= 255; ++length) make_file(std::string(length, 'n'), std::to_string(length));
  EXPECT_EQ(255u, names_in(".").size());
  for (size_t length = 1; length <= 255; ++length) EXPECT_EQ(std::to_string(length), content_of(std::string(length, 'n')));
}

TEST_F(Name, Of255BytesMayBeOfAnyBytes) {
  std::string binary;
  for (int byte = 255; byte > 0; --byte) binary += static_cast<char>(byte == '/' ? '|' : byte);
  ASSERT_EQ(255u, binary.size());
  try_name(binary);
  std::string text;
  for (int i = 0; i < 85; ++i) text += "\xe6\x97\xa5";
  try_name(text);
}

TEST_F(Name, IsAFreeNameAgainInAllCallsWhenItIsTooLong) {
  const std::string long_name(256, 'x');
  const char* const name = long_name.c_str();
  struct stat found;
  EXPECT_ERRNO(ENAMETOOLONG, stat(name, &found));
  EXPECT_ERRNO(ENAMETOOLONG, mkdir(name, 0755));
  EXPECT_ERRNO(ENAMETOOLONG, rmdir(name));
  EXPECT_ERRNO(ENAMETOOLONG, unlink(name));
  EXPECT_ERRNO(ENAMETOOLONG, symlink("x", name));
  EXPECT_ERRNO(ENAMETOOLONG, mkfifo(name, 0644));
  EXPECT_ERRNO(ENAMETOOLONG, access(name, F_OK));
  EXPECT_ERRNO(ENAMETOOLONG, truncate(name, 0));
  EXPECT_TRUE(names_in(".").empty());
}

TEST_F(Name, IsReachedByAnyPathOfUpTo4095Bytes) {
  const std::string step(200, 'd');
  std::string path = home();
  while (path.size() + step.size() + 10 < PATH_MAX) {
    path += "/" + step;
    ASSERT_OK(mkdir(path.c_str(), 0755));
  }
  path += "/";
  const std::string file = path + std::string(PATH_MAX - 1 - path.size(), 'f');
  ASSERT_EQ(size_t{PATH_MAX - 1}, file.size());
  make_file(file, "deep");
  EXPECT_EQ("deep", content_of(file));
  EXPECT_ERRNO(ENAMETOOLONG, open((file + "f").c_str(), O_CREAT | O_RDWR, 0644));
}

TEST_F(Name, IsReachedStepByStepBelowPathsOfMoreThan4095Bytes) {
  const std::string step(250, 's');
  for (int depth = 0; depth < 40; ++depth) {
    ASSERT_OK(mkdir(step.c_str(), 0755));
    ASSERT_OK(chdir(step.c_str()));
  }
  make_file("bottom", "10,000 bytes down");
  EXPECT_EQ("10,000 bytes down", content_of("bottom"));
  std::string up;
  for (int depth = 0; depth < 40; ++depth) up += "../";
  EXPECT_EQ(ino_of(home()), ino_of(up + "."));
  EXPECT_OK(chdir(up.c_str()));
}

TEST_F(Name, MayBeAThousandDirectoriesDeep) {
  for (int depth = 0; depth < 1'000; ++depth) {
    ASSERT_OK(mkdir("d", 0755));
    ASSERT_OK(chdir("d"));
  }
  make_file("a", "text");
  EXPECT_EQ("text", content_of("a"));
  for (int depth = 0; depth < 1'000; ++depth) {
    ASSERT_OK(chdir(".."));
    if (depth == 0) {
      ASSERT_OK(unlink("d/a"));
    }
    ASSERT_OK(rmdir("d"));
  }
  EXPECT_EQ(ino_of(home()), ino_of("."));
}

TEST_F(Name, IsNeverDotOrDotDotOfTheUsersMaking) {
  EXPECT_ERRNO(EEXIST, mkdir(".", 0755));
  EXPECT_ERRNO(EEXIST, mkdir("..", 0755));
  EXPECT_ERRNO(EEXIST, symlink("x", "."));
  make_file("a");
  EXPECT_ERRNO(EEXIST, link("a", ".."));
  EXPECT_ERRNO(EISDIR, open("..", O_CREAT | O_RDWR, 0644));
  EXPECT_ERRNO(either(EBUSY, EEXIST), rename("a", "."));
}

TEST_F(Name, IsReachedThroughRepeatedSlashesAndDots) {
  make_dir("d");
  make_file("d/a", "text");
  for (const char* path : {"d//a", "./d/a", "d/./a", "d/../d/a", ".//.///d////a"}) EXPECT_EQ("text", content_of(path)) << path;
}

}  // namespace
