// Several processes at the same time: what is atomic stays whole.
#include <sys/mman.h>

#include <atomic>
#include <map>
#include <set>
#include <sstream>

#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;
using Concurrency = Workspace;

/// A number that all processes share.
class Shared {
 public:
  Shared() : value_(new (mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) std::atomic<int>(0)) {}
  ~Shared() { munmap(value_, 4096); }
  std::atomic<int>& operator*() const { return *value_; }

 private:
  std::atomic<int>* value_;
};

TEST_F(Concurrency, OfExclusiveCreatesHasOneWinner) {
  const Shared winners;
  constexpr int rounds = 50, processes = 8;
  in_processes(processes, [&](int self) {
    for (int i = 0; i < rounds; ++i) {
      const std::string name = std::to_string(i);
      const Fd fd(open(name.c_str(), O_CREAT | O_EXCL | O_WRONLY, 0644));
      if (fd >= 0) {
        ++*winners;
        put(fd, std::to_string(self), 0);
      } else {
        ASSERT_EQ("EEXIST", errno_name(errno));
      }
    }
  });
  EXPECT_EQ(rounds, *winners);
  for (int i = 0; i < rounds; ++i) EXPECT_EQ(1, size_of(std::to_string(i)));
}

TEST_F(Concurrency, OfMkdirsLinksAndSymlinksHasOneWinner) {
  const Shared winners;
  make_file("file");
  in_processes(6, [&](int self) {
    for (int i = 0; i < 30; ++i) {
      const std::string name = "n" + std::to_string(i);
      const Outcome outcome(self % 3 == 0   ? mkdir(name.c_str(), 0755)
                            : self % 3 == 1 ? symlink("file", name.c_str())
                                            : link("file", name.c_str()));
      if (!outcome.failed) ++*winners;
      if (outcome.failed) {
        ASSERT_EQ("EEXIST", errno_name(outcome.error));
      }
    }
  });
  EXPECT_EQ(30, *winners);
  EXPECT_EQ(31u, names_in(".").size());
}

TEST_F(Concurrency, OfUnlinksHasOneWinner) {
  const Shared winners;
  for (int i = 0; i < 100; ++i) make_file(std::to_string(i));
  in_processes(4, [&](int) {
    for (int i = 0; i < 100; ++i) {
      const Outcome outcome(unlink(std::to_string(i).c_str()));
      if (!outcome.failed) ++*winners;
      if (outcome.failed) {
        ASSERT_EQ("ENOENT", errno_name(outcome.error));
      }
    }
  });
  EXPECT_EQ(100, *winners);
}

TEST_F(Concurrency, OfCreatesInOneDirectoryLosesNone) {
  make_dir("d");
  in_processes(8, [](int self) {
    for (int i = 0; i < 100; ++i) make_file("d/" + std::to_string(self) + "-" + std::to_string(i), "x");
  });
  EXPECT_EQ(800u, names_in("d").size());
  std::set<ino_t> numbers;
  for (const auto& name : names_in("d")) numbers.insert(ino_of("d/" + name));
  EXPECT_EQ(800u, numbers.size());
}

TEST_F(Concurrency, OfAppendsLosesNothingAndMixesNothing) {
  make_file("log");
  constexpr int processes = 6, lines = 200;
  in_processes(processes, [](int self) {
    const Fd fd = opened("log", O_WRONLY | O_APPEND);
    for (int i = 0; i < lines; ++i) {
      const std::string line = std::to_string(self) + ":" + std::to_string(i) + std::string(static_cast<size_t>(i), '.') + "\n";
      ASSERT_GIVES(line.size(), write(fd, line.data(), line.size()));
    }
  });
  std::map<int, int> next;
  std::istringstream log(content_of("log"));
  for (std::string line; std::getline(log, line);) {
    const int self = std::stoi(line), i = std::stoi(line.substr(2));
    ASSERT_EQ(next[self]++, i) << "each process's lines are in its order";
    ASSERT_EQ(static_cast<size_t>(i), line.size() - line.find_last_of("0123456789") - 1) << line;
  }
  for (int self = 0; self < processes; ++self) EXPECT_EQ(lines, next[self]);
}

TEST_F(Concurrency, OfWritersToTheirOwnPartsOfOneFileKeepsAllParts) {
  constexpr size_t part = 10'007;  // pages are shared
  constexpr int processes = 6;
  make_file("a");
  in_processes(processes, [](int self) {
    const Fd fd = opened("a", O_RDWR);
    const std::string data = pattern(part, static_cast<uint32_t>(self));
    for (size_t at = 0; at < part; at += 500) {
      const std::string piece = data.substr(at, 500);
      put(fd, piece, static_cast<off_t>(static_cast<size_t>(self) * part + at));
    }
  });
  std::string wanted;
  for (int self = 0; self < processes; ++self) wanted += pattern(part, static_cast<uint32_t>(self));
  EXPECT_TRUE(same_bytes(wanted, content_of("a")));
}

TEST_F(Concurrency, OfRenamesOntoANameNeverShowsItMissing) {
  make_file("current", "0");
  const Shared done;
  Child writer([&] {
    for (int i = 1; i <= 300; ++i) {
      make_file("next", std::to_string(i));
      ASSERT_OK(rename("next", "current"));
    }
    ++*done;
  });
  in_processes(3, [&](int) {
    int last = 0;
    while (*done == 0) {
      const Fd fd(open("current", O_RDONLY));
      ASSERT_OK(fd.get());
      const std::string text = get(fd, 10, 0);
      ASSERT_FALSE(text.empty());
      ASSERT_GE(std::stoi(text), last) << "it never goes back";
      last = std::stoi(text);
    }
  });
  writer.join();
  EXPECT_EQ("300", content_of("current"));
}

TEST_F(Concurrency, OfAnExchangeNeverShowsEitherNameMissing) {
  make_file("a", "a");
  make_file("b", "b");
  SKIP_IF_REFUSED("rename_exchange", renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE));
  const Shared done;
  Child writer([&] {
    for (int i = 0; i < 300; ++i) ASSERT_OK(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE));
    ++*done;
  });
  in_processes(2, [&](int self) {
    struct stat found;
    while (*done == 0) ASSERT_OK(stat(self ? "a" : "b", &found));
  });
  writer.join();
}

TEST_F(Concurrency, OfMovesRoundARingOfDirectoriesKeepsTheFile) {
  for (int i = 0; i < 4; ++i) make_dir(std::to_string(i));
  make_file("0/token", "token");
  const Shared moves;
  in_processes(4, [&](int self) {
    const std::string from = std::to_string(self) + "/token", to = std::to_string((self + 1) % 4) + "/token";
    while (*moves < 400) {
      const Outcome outcome(rename(from.c_str(), to.c_str()));
      if (!outcome.failed) ++*moves;
      if (outcome.failed) {
        ASSERT_EQ("ENOENT", errno_name(outcome.error));
      }
    }
  });
  int found = 0;
  for (int i = 0; i < 4; ++i) found += exists(std::to_string(i) + "/token");
  EXPECT_EQ(1, found);
}

TEST_F(Concurrency, OfCrossingDirectoryMovesMakesNoLoop) {
  make_dir("a");
  make_dir("b");
  in_processes(2, [](int self) {
    const char* const mine = self ? "a" : "b";
    const std::string inside = std::string(self ? "b" : "a") + "/in";
    for (int i = 0; i < 200; ++i) {
      const Outcome in(rename(mine, inside.c_str()));
      if (in.failed) {
        ASSERT_TRUE(in.error == ENOENT || in.error == EINVAL) << errno_name(in.error);
      } else {
        ASSERT_OK(rename(inside.c_str(), mine));
      }
    }
  });
  EXPECT_TRUE(exists("a") && exists("b"));
  EXPECT_FALSE(exists("a/in") || exists("b/in"));
}

TEST_F(Concurrency, OfRmdirAndCreateLeavesNoOrphan) {
  const Shared created;
  make_dir("d");
  in_processes(2, [&](int self) {
    for (int i = 0; i < 200; ++i) {
      if (self == 0) {
        if (rmdir("d") == 0) {
          ASSERT_OK(mkdir("d", 0755));
        }
      } else {
        const Fd fd(open("d/a", O_CREAT | O_EXCL | O_WRONLY, 0644));
        if (fd >= 0) ++*created;
        if (fd >= 0) {
          ASSERT_OK(unlink("d/a"));
        } else {
          ASSERT_EQ("ENOENT", errno_name(errno));
        }
      }
    }
  });
  EXPECT_TRUE(names_in("d").empty());
}

TEST_F(Concurrency, OfTruncateAndReadNeverShowsBytesThatNeverWere) {
  make_file("a", std::string(100'000, 'x'));
  const Shared done;
  Child writer([&] {
    const Fd fd = opened("a", O_RDWR);
    const std::string full(100'000, 'x');
    for (int i = 0; i < 100; ++i) {
      ASSERT_OK(ftruncate(fd, i * 331 % 100'000));
      put(fd, full, 0);
    }
    ++*done;
  });
  in_processes(2, [&](int) {
    const Fd fd = opened("a", O_RDONLY);
    while (*done == 0) {
      const std::string seen = get(fd, 100'000, 0);
      ASSERT_EQ(std::string::npos, seen.find_first_not_of(std::string("x\0", 2)));
    }
  });
  writer.join();
  EXPECT_TRUE(same_bytes(std::string(100'000, 'x'), content_of("a")));
}

TEST_F(Concurrency, OfManySmallJobsEachInADirectoryOfItsOwnIsExact) {
  in_processes(6, [](int self) {
    const std::string dir = "worker-" + std::to_string(self);
    make_dir(dir);
    for (int i = 0; i < 60; ++i) {
      const std::string file = dir + "/" + std::to_string(i),
                        data = pattern(static_cast<size_t>(i * 97), static_cast<uint32_t>(self * 100 + i));
      make_file(file + ".tmp", data);
      ASSERT_OK(rename((file + ".tmp").c_str(), file.c_str()));
      ASSERT_TRUE(same_bytes(data, content_of(file)));
      if (i % 3 == 0) {
        ASSERT_OK(unlink(file.c_str()));
      }
    }
    ASSERT_EQ(40u, names_in(dir).size());
  });
}

}  // namespace
