// A mount of a FakeCluster, with the words tests use.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "fs/client/file_system.h"
#include "tests/unit/client/fake_cluster.h"

namespace lace::test {

class Mounted : public ::testing::Test {
 protected:
  void SetUp() override { mount({}); }
  // What the cluster has, once control was told of everything that was done here.
  void tell() {
    auto context = this->context();
    const Status told = fs_ ? fs_->sync_directory(context, root_inode) : Status{};
    EXPECT_TRUE(told) << told.error().what;
  }
  std::string content(InodeId inode) {
    tell();
    return cluster_.content(inode);
  }
  std::vector<wire::Extent> extents(InodeId inode) {
    tell();
    return cluster_.extents(inode);
  }
  wire::Attributes attributes(InodeId inode) {
    tell();
    return cluster_.attributes(inode);
  }
  void TearDown() override {
    fs_.reset();
    for (const std::string& violation : cluster_.violations()) ADD_FAILURE() << violation;
  }

  void mount(fs::MountOptions options) {
    fs_.reset();
    options.controls = {FakeCluster::control()};
    if (options.timeout == Millis{60'000}) options.timeout = Millis{20'000};
    auto mounted = fs::FileSystem::mount(cluster_.network(), clock_, options);
    ASSERT_TRUE(mounted) << mounted.error().what;
    fs_ = std::move(*mounted);
    caller_ = cluster_.network().make_caller();
  }

  fs::Context context() { return {*caller_, 1000, 1000, 1, 022}; }
  fs::Opened create(const std::string& name) {
    auto context = this->context();
    auto opened = fs_->create(context, root_inode, name, 0644, O_RDWR | O_CREAT | O_EXCL);
    EXPECT_TRUE(opened) << opened.error().what;
    return opened ? *opened : fs::Opened{};
  }
  fs::Opened open(InodeId inode, int flags = O_RDWR) {
    auto context = this->context();
    auto opened = fs_->open(context, inode, flags);
    EXPECT_TRUE(opened) << opened.error().what;
    return opened ? *opened : fs::Opened{};
  }
  void write(fs::Handle handle, uint64_t offset, const std::string& bytes) {
    auto context = this->context();
    const auto done = fs_->write(context, handle, offset, bytes);
    ASSERT_TRUE(done) << done.error().what;
    ASSERT_EQ(*done, bytes.size());
  }
  std::string read(fs::Handle handle, uint64_t offset, size_t length) {
    auto context = this->context();
    std::string bytes(length, '?');
    const auto done = fs_->read(context, handle, offset, bytes.data(), length);
    EXPECT_TRUE(done) << done.error().what;
    bytes.resize(done ? *done : 0);
    return bytes;
  }
  Status flush(fs::Handle handle) {
    auto context = this->context();
    if (auto done = fs_->flush(context, handle); !done) return done;
    return fs_->sync_directory(context, root_inode);  // tells control of everything
  }
  Status sync(fs::Handle handle) {
    auto context = this->context();
    return fs_->sync(context, handle, false);
  }
  void close(fs::Handle handle) {
    const auto flushed = flush(handle);
    EXPECT_TRUE(flushed) << flushed.error().what;
    release(handle);
  }
  void release(fs::Handle handle) {
    auto context = this->context();
    fs_->release(context, handle);
  }
  void truncate(InodeId inode, uint64_t size) {
    auto context = this->context();
    wire::SetAttributes request;
    request.inode = inode;
    request.set = wire::SetAttributes::set_size;
    request.size = size;
    const auto done = fs_->set_attributes(context, request);
    ASSERT_TRUE(done) << done.error().what;
    ASSERT_EQ(done->size, size);
  }
  wire::Attributes stat(InodeId inode) {
    auto context = this->context();
    auto found = fs_->attributes(context, inode);
    EXPECT_TRUE(found) << found.error().what;
    return found ? *found : wire::Attributes{};
  }
  Result<uint64_t> seek(fs::Handle handle, uint64_t offset, int whence) {
    auto context = this->context();
    return fs_->seek(context, handle, offset, whence);
  }

  SystemClock clock_;
  FakeCluster cluster_;
  std::unique_ptr<fs::FileSystem> fs_;
  std::unique_ptr<net::Caller> caller_;
};

// Another mount may look at any moment.
class AmongOthers : public Mounted {
 protected:
  void SetUp() override {
    cluster_.set_sole(false);
    Mounted::SetUp();
  }
};

// Seeds of a random test: up to `few`, or many in a long run.
inline unsigned end_of_seeds(unsigned few) {
  const char* long_run = std::getenv("LACE_LONG_TESTS");
  return long_run != nullptr && *long_run != '\0' ? 1'000 : few + 1;
}

inline std::string pattern(size_t length, unsigned seed = 1) {
  std::string bytes(length, '\0');
  unsigned state = seed * 2654435761U + 1;
  for (char& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

}  // namespace lace::test
