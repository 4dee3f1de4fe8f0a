// inotify(7): local changes are told to local watchers.
#include <poll.h>
#include <sys/inotify.h>

#include <algorithm>

#include "tests/posix/lib/workspace.h"

namespace {
using namespace posix;

class Inotify : public Workspace {
 protected:
  void SetUp() override {
    Workspace::SetUp();
    make_dir("d");
    watcher_ = Fd(inotify_init1(IN_NONBLOCK));
    ASSERT_OK(watcher_.get());
    ASSERT_OK(inotify_add_watch(watcher_, "d", IN_CREATE | IN_DELETE | IN_MOVE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB));
  }
  /// What was told until now, as "create a" and so on.
  std::vector<std::string> told() {
    std::vector<std::string> all;
    alignas(inotify_event) char buffer[16'384];
    pollfd ready{watcher_, POLLIN, 0};
    while (poll(&ready, 1, 0) > 0) {
      const ssize_t size = read(watcher_, buffer, sizeof buffer);
      for (ssize_t at = 0; at < size;) {
        const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
        const std::string name = event->len ? event->name : "";
        for (const auto& [bit, word] : words) {
          if (event->mask & bit) all.push_back(std::string(word) + " " + name);
        }
        at += static_cast<ssize_t>(sizeof *event + event->len);
      }
    }
    return all;
  }
  bool was_told(const std::string& what) {
    const auto all = told();
    return std::find(all.begin(), all.end(), what) != all.end();
  }

 private:
  static constexpr std::pair<uint32_t, const char*> words[] = {
      {IN_CREATE, "create"}, {IN_DELETE, "delete"},     {IN_MOVED_FROM, "from"}, {IN_MOVED_TO, "to"},
      {IN_MODIFY, "modify"}, {IN_CLOSE_WRITE, "close"}, {IN_ATTRIB, "attrib"}};
  Fd watcher_;
};

TEST_F(Inotify, TellsOfNamesThatComeAndGo) {
  const Fd fd = opened("d/a", O_CREAT | O_RDWR);
  EXPECT_TRUE(was_told("create a"));
  EXPECT_OK(mkdir("d/dir", 0755));
  EXPECT_TRUE(was_told("create dir"));
  EXPECT_OK(rename("d/a", "d/b"));
  EXPECT_EQ((std::vector<std::string>{"from a", "to b"}), told());
  EXPECT_OK(unlink("d/b"));
  EXPECT_TRUE(was_told("delete b"));
  EXPECT_OK(rmdir("d/dir"));
  EXPECT_TRUE(was_told("delete dir"));
}

TEST_F(Inotify, TellsOfWritesAttributesAndCloses) {
  Fd fd = opened("d/a", O_CREAT | O_RDWR);
  told();
  put(fd, "text", 0);
  EXPECT_TRUE(was_told("modify a"));
  EXPECT_OK(fchmod(fd, 0600));
  EXPECT_TRUE(was_told("attrib a"));
  EXPECT_OK(ftruncate(fd, 1));
  EXPECT_TRUE(was_told("modify a"));
  fd.reset();
  EXPECT_TRUE(was_told("close a"));
}

TEST_F(Inotify, TellsOfAnotherProcessToo) {
  Child child([] { make_file("d/theirs", "text"); });
  child.join();
  EXPECT_TRUE(was_told("create theirs"));
}

}  // namespace
