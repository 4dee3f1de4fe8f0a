// A namespace in a directory of its own, and short words for what tests do to it.
#pragma once

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/namespace/namespace.h"

namespace lace::control {

inline Code code_of(const wire::OperationResult& result) { return static_cast<Code>(result.outcome.code); }
inline constexpr Code done{};

class NamespaceTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "lace-namespace-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
    open();
    session_ = open_session();
  }
  void TearDown() override {
    if (ns_ != nullptr && check_at_end_) expect_sound();
    ns_.reset();
    std::filesystem::remove_all(directory_);
  }

  void open() {
    NamespaceOptions options;
    options.durability = Durability::normal;  // the machine does not crash in these tests
    options.now = {1'000, 0};
    options.grouped = grouped_;
    options.log_bytes = log_bytes_;
    auto opened = Namespace::open(directory_, options);
    ASSERT_TRUE(opened) << opened.error().what;
    ns_ = std::move(*opened);
    ns_->set_held([this](InodeId inode) { return held_.contains(inode); });
  }
  void reopen() {
    ns_.reset();
    open();
  }
  void expect_sound() {
    const auto findings = ns_->check();
    ASSERT_TRUE(findings) << findings.error().what;
    EXPECT_EQ(*findings, std::vector<std::string>{});
  }

  template <class Run>
  auto change(Run&& run) {
    EXPECT_TRUE(ns_->begin());
    auto result = run();
    EXPECT_TRUE(ns_->commit());
    return result;
  }
  SessionId open_session(const SessionRecord& record = {}) {
    return *change([&] { return ns_->create_session(record); });
  }

  // One commit, in the session's slot 0, in a transaction of its own.
  CommitOutcome commit(std::vector<wire::Operation> operations, SessionId session = {}) {
    if (session == SessionId{}) session = session_;
    const wire::Commit commit{session, 0, ++numbers_[session], std::move(operations)};
    auto outcome = change([&] { return ns_->apply(commit); });
    EXPECT_TRUE(outcome) << outcome.error().what;
    for (const InodeId inode : outcome->held) held_.insert(inode);
    return std::move(*outcome);
  }
  wire::OperationResult run(wire::Operation operation) {
    last_ = commit({std::move(operation)});
    return last_.reply.results.at(0);
  }

  FileTime tick() { return {++seconds_, 5}; }

  wire::Create file(InodeId parent, const std::string& name, uint32_t mode = S_IFREG | 0644) {
    wire::Create create;
    create.parent = parent;
    create.name = name;
    create.mode = mode;
    create.now = tick();
    return create;
  }
  wire::Create directory(InodeId parent, const std::string& name) { return file(parent, name, S_IFDIR | 0755); }
  wire::Remove remove(InodeId parent, const std::string& name, bool directory = false) {
    return {parent, name, directory, tick()};
  }
  wire::Rename rename(InodeId parent, const std::string& name, InodeId new_parent, const std::string& new_name) {
    return {parent, name, new_parent, new_name, false, false, tick()};
  }
  wire::SetAttributes set(InodeId inode, uint32_t set) {
    wire::SetAttributes request;
    request.inode = inode;
    request.set = set;
    request.now = tick();
    return request;
  }
  wire::SetAttributes truncate(InodeId inode, uint64_t size) {
    auto request = set(inode, wire::SetAttributes::set_size);
    request.size = size;
    return request;
  }
  wire::Write write(InodeId inode, std::vector<wire::Extent> extents, uint64_t size) {
    return {inode, std::move(extents), size, attributes(inode).layout, tick(), false};
  }

  InodeId make(const wire::Create& create) {
    const auto result = run(create);
    EXPECT_EQ(code_of(result), done) << result.outcome.what;
    return result.inode.inode;
  }
  wire::Attributes attributes(InodeId inode) {
    const auto found = ns_->attributes(inode);
    EXPECT_TRUE(found) << "inode " << raw(inode);
    return found.value_or(wire::Attributes{});
  }
  BlockId block(SessionId session = {}, std::vector<ServerId> servers = {ServerId{1}, ServerId{2}}) {
    if (session == SessionId{}) session = session_;
    return (*change([&] { return ns_->allocate(session, {Placement{servers}}); })).at(0).block;
  }
  std::vector<std::string> names(InodeId directory) {
    std::vector<std::string> found;
    const auto listing = ns_->read_directory(directory, 0, 10'000, false);
    for (const auto& entry : listing->entries) found.push_back(entry.name);
    return found;
  }
  std::vector<wire::Extent> map_of(InodeId inode) { return ns_->extents(inode, 0, max_file_bytes, 10'000)->extents; }

  std::string directory_;
  std::unique_ptr<Namespace> ns_;
  SessionId session_{};
  std::map<SessionId, uint64_t> numbers_;
  std::set<InodeId> held_;
  CommitOutcome last_;
  int64_t seconds_ = 2'000;
  bool check_at_end_ = true;
  bool grouped_ = false;  // as a member's of a control group
  uint64_t log_bytes_ = uint64_t{64} << 20;
};

}  // namespace lace::control

namespace lace::wire {
inline bool operator==(const Extent& a, const Extent& b) { return a.tie_fields() == b.tie_fields(); }
inline void PrintTo(const Extent& extent, std::ostream* out) {
  *out << "[" << extent.offset << "+" << extent.length << " -> " << raw(extent.block) << "@" << extent.block_offset << "]";
}
}  // namespace lace::wire
