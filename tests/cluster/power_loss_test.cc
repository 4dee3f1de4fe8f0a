// The power goes, everywhere at once: every process dies, and every disk forgets what was not synced. What was fsynced is
// there, and of everything else a prefix: as if the program had been stopped at an earlier moment.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <thread>

#include <gmock/gmock.h>

#include "tests/lib/cluster.h"
#include "tests/lib/isolation.h"
#include "tests/lib/loop_disk.h"

namespace lace::test {
namespace {

namespace files = std::filesystem;
using Random = std::mt19937_64;

size_t below(Random& random, size_t bound) { return std::uniform_int_distribution<size_t>(0, bound - 1)(random); }

// ---- a cluster whose servers each have a disk of their own

class Machines {
 public:
  Machines() : cluster_({.data_of = [this](const std::string& server) { return data_of(server); }}) {}
  Cluster& cluster() { return cluster_; }
  static bool possible() { return is_isolated() && LoopDisk(16).ready(); }

  // `written_back`: the servers, by the start of their names, whose disks had written everything back by then.
  void lose_power(const std::vector<std::string>& written_back) {
    cluster_.kill_all();
    for (auto& [server, disk] : disks_) {
      const auto is_meant = [&server = server](const auto& start) { return server.starts_with(start); };
      if (std::any_of(written_back.begin(), written_back.end(), is_meant)) disk->write_back();
    }
    for (auto& [server, disk] : disks_) disk->cut_power();
    // Servers know by this that the machine went down.
    EXPECT_SHELL(cluster_.environment(), R"sh(
      id=/proc/sys/kernel/random/boot_id
      grep -q " $id " /proc/self/mountinfo || { touch $T/boot_id; mount --bind $T/boot_id $id; }
      cat /proc/sys/kernel/random/uuid >$id)sh");
  }
  void come_back() {
    for (auto& [server, disk] : disks_) disk->power_on();
    cluster_.start_all();
  }

 private:
  std::string data_of(const std::string& server) {
    auto& disk = disks_[server];
    disk = std::make_unique<LoopDisk>(1'500);
    return disk->path() + "/data";
  }

  std::map<std::string, std::unique_ptr<LoopDisk>> disks_;  // by server
  Cluster cluster_;
};

// ---- what a program does, and what may be left of it

struct Node {
  char kind = 'f';  // d: directory, f: file, l: symbolic link
  std::string content;
};
using Tree = std::map<std::string, Node>;  // by path

size_t hash_of(const std::string& path, const Node& node) {
  return std::hash<std::string>{}(path + '\0' + node.kind + std::to_string(std::hash<std::string>{}(node.content)));
}

// One call of a program, as its effect on the tree.
struct Step {
  enum class Kind { make, grow, empty, remove, rename } kind = Kind::make;
  std::string path;
  Node node{};            // make: what is there; grow: what is appended
  std::string target{};   // rename: the new path
  size_t hash_after = 0;  // of the whole tree
};

// The tree as it was meant to be, with every step that led to it.
class History {
 public:
  explicit History(Tree start) : start_(start), tree_(std::move(start)) {
    for (const auto& [path, node] : tree_) hash_ += hash_of(path, node);
    first_hash_ = hash_;
  }

  const Tree& tree() const { return tree_; }
  size_t steps() const { return steps_.size(); }
  size_t synced() const { return synced_; }
  void all_is_synced() { synced_ = steps_.size(); }

  void will(Step step) {
    apply(tree_, step, &hash_);
    step.hash_after = hash_;
    steps_.push_back(std::move(step));
  }

  // The number of steps after which the tree was what `found` is, counting no step that comes before the last sync; or what is
  // wrong with it. The last of them may have been done in part, where it is an append.
  testing::AssertionResult explains(const Tree& found) const {
    size_t hash = 0;
    for (const auto& [path, node] : found) hash += hash_of(path, node);
    Tree tree = start_;
    for (size_t i = 0; i < synced_; ++i) apply(tree, steps_[i], nullptr);
    if ((synced_ == 0 ? first_hash_ : steps_[synced_ - 1].hash_after) == hash) return same(tree, found);
    const Tree at_sync = tree;
    for (size_t i = synced_; i < steps_.size(); ++i) {
      const Step& step = steps_[i];
      if (step.kind == Step::Kind::grow && is_part_of(tree, step, found)) return testing::AssertionSuccess();
      apply(tree, step, nullptr);
      if (step.hash_after == hash) return same(tree, found);
    }
    return testing::AssertionFailure() << "is no prefix of what was done after the last sync (step " << synced_ << " of "
                                       << steps_.size() << ")\nagainst the state at the sync: " << differences(at_sync, found)
                                       << "\nagainst the last state: " << differences(tree, found);
  }

 private:
  static void apply(Tree& tree, const Step& step, size_t* hash) {
    const auto leave = [&](const std::string& path) {
      const auto at = tree.find(path);
      if (at != tree.end() && hash) *hash -= hash_of(path, at->second);
    };
    const auto enter = [&](const std::string& path) {
      if (hash) *hash += hash_of(path, tree.at(path));
    };
    switch (step.kind) {
      case Step::Kind::make: tree[step.path] = step.node; return enter(step.path);
      case Step::Kind::grow: leave(step.path), tree[step.path].content += step.node.content; return enter(step.path);
      case Step::Kind::empty: leave(step.path), tree[step.path].content.clear(); return enter(step.path);
      case Step::Kind::remove: leave(step.path), tree.erase(step.path); return;
      case Step::Kind::rename: {
        leave(step.path), leave(step.target);
        Node moved = std::move(tree[step.path]);
        tree.erase(step.path);
        tree[step.target] = std::move(moved);
        return enter(step.target);
      }
    }
  }

  // Whether `found` is `before` and a part of what `step` appends.
  static bool is_part_of(const Tree& before, const Step& step, const Tree& found) {
    const auto now = found.find(step.path);
    if (now == found.end() || found.size() != before.size()) return false;
    const std::string& old = before.at(step.path).content;
    const std::string& content = now->second.content;
    if (content.size() <= old.size() || !(old + step.node.content).starts_with(content)) return false;
    for (const auto& [path, node] : before) {
      const auto other = found.find(path);
      if (other == found.end() || other->second.kind != node.kind) return false;
      if (path != step.path && other->second.content != node.content) return false;
    }
    return true;
  }

  static testing::AssertionResult same(const Tree& expected, const Tree& found) {
    const std::string wrong = differences(expected, found);
    if (wrong.empty()) return testing::AssertionSuccess();
    return testing::AssertionFailure() << wrong;
  }

  static std::string differences(const Tree& expected, const Tree& found) {
    std::string text;
    const auto shown = [](const Tree& tree, const std::string& path) -> std::string {
      const auto at = tree.find(path);
      if (at == tree.end()) return "nothing";
      return std::string(1, at->second.kind) + " of " + std::to_string(at->second.content.size()) + " bytes";
    };
    std::set<std::string> paths;
    for (const auto& [path, node] : expected) paths.insert(path);
    for (const auto& [path, node] : found) paths.insert(path);
    for (const auto& path : paths) {
      const auto one = expected.find(path), other = found.find(path);
      if (one != expected.end() && other != found.end() && one->second.kind == other->second.kind &&
          one->second.content == other->second.content) {
        continue;
      }
      text += "\n  " + path + ": expected " + shown(expected, path) + ", found " + shown(found, path);
      if (one != expected.end() && other != found.end()) {
        const auto& [a, b] = std::pair(one->second.content, other->second.content);
        const auto at = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin();
        text += ", different from byte " + std::to_string(at);
      }
    }
    return text;
  }

  const Tree start_;
  Tree tree_;
  size_t hash_ = 0, first_hash_ = 0;
  std::vector<Step> steps_;
  size_t synced_ = 0;
};

Tree read_tree(const std::string& root) {
  Tree tree;
  for (const auto& entry : files::recursive_directory_iterator(root)) {
    const std::string path = files::relative(entry.path(), root);
    if (entry.is_symlink()) {
      tree[path] = {'l', files::read_symlink(entry.path())};
    } else if (entry.is_directory()) {
      tree[path] = {'d', ""};
    } else {
      tree[path] = {'f', read_file(entry.path())};
    }
  }
  return tree;
}

// A program that makes, changes and removes files below a directory until a call fails.
class Program {
 public:
  Program(std::string root, History& history, uint64_t seed) : root_(std::move(root)), history_(history), random_(seed) {}

  void run() {
    while (one_call()) done_.fetch_add(1);
  }
  size_t done() const { return done_; }

 private:
  std::string at(const std::string& path) const { return root_ + '/' + path; }

  std::string some(char kind) {
    std::vector<std::string> paths;
    for (const auto& [path, node] : history_.tree()) {
      if (node.kind == kind) paths.push_back(path);
    }
    return paths.empty() ? "" : paths[below(random_, paths.size())];
  }

  std::string new_path() {
    const std::string directory = below(random_, 3) == 0 ? "" : some('d');
    return (directory.empty() ? "" : directory + '/') + 'n' + std::to_string(++names_) + '-' +
           std::to_string(random_() % 10'000);
  }

  std::string bytes() {
    constexpr size_t sizes[] = {1, 100, 3'000, 4'096, 9'000, 70'000, 300'000, 2'500'000};
    std::string text(1 + below(random_, sizes[below(random_, below(random_, 4) == 0 ? 8 : 6)]), 0);
    for (size_t i = 0; i < text.size(); i += 8) {
      const uint64_t word = random_();
      std::memcpy(text.data() + i, &word, std::min<size_t>(8, text.size() - i));
    }
    return text;
  }

  bool append(int fd, const std::string& path) {
    const std::string text = bytes();
    history_.will({Step::Kind::grow, path, {'f', text}});
    size_t sent = 0;
    while (sent < text.size()) {
      const ssize_t length = write(fd, text.data() + sent, std::min<size_t>(text.size() - sent, 100'000));
      if (length < 0) return false;
      sent += static_cast<size_t>(length);
    }
    return true;
  }

  bool write_to(const std::string& path, int flags, bool grows) {
    const int fd = open(at(path).c_str(), O_WRONLY | flags, 0644);
    if (fd < 0) return false;
    bool good = !grows || append(fd, path);
    if (good && below(random_, 12) == 0) {
      good = fsync(fd) == 0;
      if (good) history_.all_is_synced();
    }
    return close(fd) == 0 && good;
  }

  bool one_call() {
    const std::string file = some('f'), directory = some('d');
    switch (below(random_, 10)) {
      default: {
        const std::string path = new_path();
        history_.will({Step::Kind::make, path});
        return write_to(path, O_CREAT | O_EXCL, below(random_, 10) > 0);
      }
      case 4: return file.empty() || write_to(file, O_APPEND, true);
      case 5:
        if (file.empty()) return true;
        history_.will({Step::Kind::empty, file});
        return write_to(file, O_TRUNC, true);
      case 6: {
        if (file.empty()) return true;
        const std::string other = some('f');
        const std::string target = below(random_, 2) == 0 && other != file ? other : new_path();
        history_.will({Step::Kind::rename, file, {}, target});
        return rename(at(file).c_str(), at(target).c_str()) == 0;
      }
      case 7:
        if (file.empty()) return true;
        history_.will({Step::Kind::remove, file});
        return unlink(at(file).c_str()) == 0;
      case 8: {
        const std::string path = new_path();
        history_.will({Step::Kind::make, path, {'d', ""}});
        return mkdir(at(path).c_str(), 0755) == 0;
      }
      case 9: {
        const std::string path = new_path(), text = "to/" + std::to_string(random_());
        history_.will({Step::Kind::make, path, {'l', text}});
        return symlink(text.c_str(), at(path).c_str()) == 0;
      }
    }
  }

  const std::string root_;
  History& history_;
  Random random_;
  size_t names_ = 0;
  std::atomic<size_t> done_ = 0;
};

// ---- the tests

struct Cut {
  const char* name;
  std::vector<std::string> written_back;
  bool alone = true;  // one mount only: it decides by itself and tells later
};

class PowerLoss : public testing::TestWithParam<Cut> {};

TEST_P(PowerLoss, LeavesAPrefixWithEverythingThatWasSynced) {
  if (!Machines::possible()) GTEST_SKIP() << "needs loop devices, and mounts of its own";
  Machines machines;
  auto& cluster = machines.cluster();
  ASSERT_SHELL(cluster.environment(), "mkdir $M/d; sync $M/d");
  if (!GetParam().alone) cluster.add_mount();
  const std::string root = cluster.mount().path() + "/d";
  Random random(std::hash<std::string>{}(GetParam().name));
  Tree tree;
  size_t kept = 0, steps = 0;
  for (int round = 1; round <= 2 && !HasFailure(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    History history(tree);
    Program program(root, history, random());
    const size_t calls = 50 + below(random, 1'500);
    std::thread runs([&] { program.run(); });
    cluster.wait_until("the program has done enough", [&](const auto&) { return program.done() >= calls; });
    machines.lose_power(GetParam().written_back);
    runs.join();
    machines.come_back();
    tree = read_tree(root);
    EXPECT_TRUE(history.explains(tree));
    kept += history.synced(), steps += history.steps();
  }
  RecordProperty("steps", std::to_string(steps));
  EXPECT_GT(kept, 0u) << "nothing was synced: this shows nothing";
}

// The pages of a file that is overwritten in place, as a database does. Each is filled with its number and a version.
class Pages {
 public:
  static constexpr size_t count = 512, page_bytes = 4096;
  explicit Pages(std::string path) : path_(std::move(path)), written_(count), synced_(count) {}

  bool make() {
    fd_ = open(path_.c_str(), O_RDWR | O_CREAT, 0644);
    for (size_t page = 0; fd_ >= 0 && page < count; ++page) {
      if (!put(page)) return false;
    }
    return fd_ >= 0 && sync();
  }
  void run(uint64_t seed) {
    Random random(seed);
    while (change(random) && (below(random, 20) != 0 || sync())) done_.fetch_add(1);
    close(fd_);
  }
  size_t done() const { return done_; }

  // In words; empty: none.
  static std::string difference(const std::string& one, const std::string& other) {
    if (one.size() != other.size()) return std::to_string(one.size()) + " and " + std::to_string(other.size()) + " bytes";
    std::string text;
    for (size_t page = 0; page * page_bytes < one.size(); ++page) {
      const std::string a = one.substr(page * page_bytes, page_bytes), b = other.substr(page * page_bytes, page_bytes);
      if (a == b) continue;
      text += " page " + std::to_string(page) + ": version " + std::to_string(version_of(a)) + " and " +
              std::to_string(version_of(b)) + (b == filled(page, version_of(b)) ? ";" : ", a mixture;");
    }
    return text;
  }

  testing::AssertionResult is_whole() const {
    const std::string content = read_file(path_);
    if (content.size() != count * page_bytes) return testing::AssertionFailure() << content.size() << " bytes";
    for (size_t page = 0; page < count; ++page) {
      const std::string found = content.substr(page * page_bytes, page_bytes);
      const uint64_t version = version_of(found);
      if (found != filled(page, version)) return testing::AssertionFailure() << "page " << page << " is a mixture";
      if (version < synced_[page] || version > written_[page]) {
        return testing::AssertionFailure() << "page " << page << " is of version " << version << ", synced was "
                                           << synced_[page] << ", written " << written_[page];
      }
    }
    return testing::AssertionSuccess();
  }

 private:
  static uint64_t version_of(const std::string& page) {
    uint64_t version = 0;
    std::memcpy(&version, page.data() + 8, sizeof version);
    return version;
  }
  static std::string filled(uint64_t page, uint64_t version) {
    std::string text(page_bytes, 0);
    for (size_t i = 0; i < page_bytes; i += 16) {
      std::memcpy(text.data() + i, &page, 8);
      std::memcpy(text.data() + i + 8, &version, 8);
    }
    return text;
  }
  // One page; sometimes a MiB of them at once.
  bool change(Random& random) {
    if (below(random, 100) != 0) return put(below(random, count));
    constexpr size_t many = 256;
    const size_t first = below(random, 2) * many;
    std::string text;
    for (size_t page = first; page < first + many; ++page) text += filled(page, ++written_[page]);
    return pwrite(fd_, text.data(), text.size(), static_cast<off_t>(first * page_bytes)) == static_cast<ssize_t>(text.size());
  }
  bool put(size_t page) {
    const std::string text = filled(page, ++written_[page]);
    return pwrite(fd_, text.data(), page_bytes, static_cast<off_t>(page * page_bytes)) == static_cast<ssize_t>(page_bytes);
  }
  bool sync() {
    const auto before = written_;
    if (fdatasync(fd_) != 0) return false;
    synced_ = before;
    return true;
  }

  const std::string path_;
  std::vector<uint64_t> written_, synced_;  // versions, by page
  int fd_ = -1;
  std::atomic<size_t> done_ = 0;
};

TEST_P(PowerLoss, LeavesWholePagesAndNoneOlderThanItsSync) {
  if (!Machines::possible()) GTEST_SKIP() << "needs loop devices, and mounts of its own";
  Machines machines;
  auto& cluster = machines.cluster();
  ASSERT_SHELL(cluster.environment(), "mkdir $M/d; sync $M/d");
  if (!GetParam().alone) cluster.add_mount();
  Pages pages(cluster.mount().path() + "/d/pages");
  ASSERT_TRUE(pages.make());
  std::thread runs([&] { pages.run(std::hash<std::string>{}(GetParam().name)); });
  cluster.wait_until("many pages are written", [&](const auto&) { return pages.done() > 1'000; });
  machines.lose_power(GetParam().written_back);
  runs.join();
  machines.come_back();
  EXPECT_TRUE(pages.is_whole());
  // Whichever copy is read, it says the same.
  const std::string first = read_file(cluster.mount().path() + "/d/pages");
  for (int number = 1; number <= 3; ++number) {
    cluster.storage(number).kill();
    cluster.mount().unmount();  // with all that is cached
    cluster.mount().start();
    EXPECT_EQ(Pages::difference(first, read_file(cluster.mount().path() + "/d/pages")), "") << "without storage-" << number;
    cluster.storage(number).start();
    cluster.wait_healthy();
  }
}

INSTANTIATE_TEST_SUITE_P(Kept, PowerLoss,
                         testing::Values(Cut{"nothing", {}}, Cut{"control", {"control"}}, Cut{"storage", {"storage"}},
                                         Cut{"storage_1", {"storage-1"}},
                                         Cut{"control_and_storage_2", {"control", "storage-2"}},
                                         Cut{"everything", {"control", "storage"}}, Cut{"nothing_of_two_mounts", {}, false},
                                         Cut{"control_of_two_mounts", {"control"}, false}),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace lace::test
