// Copies that lie on this machine are read from their files, and only when they are plainly good.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>

#include "common/copyfile/checksum.h"
#include "common/copyfile/format.h"
#include "common/wire/storage_messages.h"
#include "fs/client/local_copies.h"
#include "fs/client/storage_channel.h"
#include "tests/lib/scratch.h"
#include "tests/unit/client/fake_network.h"

namespace lace::test {
namespace {

using copyfile::PageEntry;

constexpr BlockId block{0x1a2f};
constexpr ServerId server{7};
constexpr Epoch epoch = 3;

class ManualClock final : public Clock {
 public:
  Instant now() const override { return now_; }
  FileTime wall() const override { return {1'700'000'000, 0}; }
  void pass(Millis time) { now_ += time; }

 private:
  Instant now_{std::chrono::hours(1)};
};

class LocalCopiesTest : public ::testing::Test {
 protected:
  LocalCopiesTest()
      : answers_([this](const wire::Endpoint&, const net::Request& request, const std::function<bool()>&) {
          return answer(request);
        }) {
    wire::OpenSessionReply session;
    session.session = SessionId{1};
    session.token = "all";
    session.token_lease_ms = 60'000;
    session.lease_ms = 15'000;
    session_.opened(session, clock_.now());
    wire::ServerInfo info;
    info.server = server;
    info.name = "storage-7";
    info.endpoint = {"ipc:///nowhere/s.sock", ""};
    info.state = wire::ServerState::up;
    servers_.update({info});
    blocks_.learn({wire::BlockInfo{block, epoch, {server}, {}, {}}});
    reply_.cluster = "cluster";
    reply_.incarnation = 11;
    reply_.lease_ms = 1'000;
    make_file(block);
  }
  ~LocalCopiesTest() override { std::filesystem::remove_all(directory_); }

  Result<net::Answer> answer(const net::Request& request) {
    EXPECT_EQ(request.kind, wire::Kind::open_copy);
    ++asked_;
    const auto message = wire::decode<wire::OpenCopy>(request.body);
    EXPECT_TRUE(message && message->token == "all");
    reply_.path = path_of(message->block);
    struct stat found {};
    if (stat(reply_.path.c_str(), &found) == 0 && !other_file_) {
      reply_.device = found.st_dev;
      reply_.file = found.st_ino;
    }
    if (refusal_) return tl::unexpected<Error>(*refusal_);
    return net::Answer{wire::encode(reply_), {}, 0};
  }

  std::string path_of(BlockId id) const { return directory_ + '/' + to_string(id); }
  void make_file(BlockId id) {
    path_ = path_of(id);
    close(open(path_.c_str(), O_WRONLY | O_CREAT, 0600));
    std::filesystem::resize_file(path_, copyfile::copy_file_bytes);
    put(copyfile::identity_offset,
        copyfile::encode_identity({id, epoch, copyfile::StoredState::whole, InodeId{5}, 0, "cluster"}));
  }
  void put(uint64_t offset, std::string_view bytes) {
    const int file = open(path_.c_str(), O_WRONLY);
    EXPECT_EQ(pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset)), static_cast<ssize_t>(bytes.size()));
    close(file);
  }
  void put_entry(uint32_t page, PageEntry entry) {
    put(copyfile::table_offset + page * sizeof entry, {reinterpret_cast<const char*>(&entry), sizeof entry});
  }
  void put_page(uint32_t page, const std::string& bytes) {
    put(page * page_bytes, bytes);
    put_entry(page, PageEntry::make_data(copyfile::crc32c(bytes), epoch));
  }
  void identify(Epoch at, copyfile::StoredState state, const std::string& cluster = "cluster") {
    put(copyfile::identity_offset, copyfile::encode_identity({block, at, state, InodeId{5}, 0, cluster}));
  }
  std::optional<std::string> read(uint64_t offset, uint64_t length) {
    std::string bytes(length, '?');
    if (!copies_.read(caller_, {block, offset, length, bytes.data()})) return std::nullopt;
    return bytes;
  }
  static std::string page_of(char c) { return std::string(page_bytes, c); }

  ManualClock clock_;
  const std::string directory_ = make_scratch_directory("local");
  std::string path_;  // of the file that put() changes
  wire::OpenCopyReply reply_;
  std::optional<Error> refusal_;
  int asked_ = 0;
  bool other_file_ = false;
  const FakeCaller::Handler answers_;
  FakeCaller caller_{answers_};
  fs::Session session_{clock_};
  fs::ControlChannel control_{clock_, {wire::Endpoint{"fake://control", ""}}, Millis{1'000}, session_};
  fs::Servers servers_;
  fs::BlockMap blocks_{control_, servers_};
  fs::LocalCopies copies_{blocks_, true};
};

TEST_F(LocalCopiesTest, ReadsPagesPartsOfPagesAndHoles) {
  put_page(0, page_of('a'));
  put_page(1, page_of('b'));
  put_entry(3, PageEntry::make_zero(epoch));
  put_page(4, page_of('e'));
  const std::string all = page_of('a') + page_of('b') + page_of('\0') + page_of('\0') + page_of('e');
  for (const uint64_t offset : {0u, 1u, 4'095u, 4'096u, 5'000u, 9'000u}) {
    for (const uint64_t length : {1u, 10u, 4'096u, 7'000u, 11'000u}) {
      EXPECT_EQ(read(offset, length), all.substr(offset, length)) << offset << ' ' << length;
    }
  }
  EXPECT_EQ(asked_, 1) << "where a copy is need not be asked for each read";
}

TEST_F(LocalCopiesTest, ReadsStreams) {
  std::string all;
  for (uint32_t page = 0; page < 256; ++page) {
    const std::string bytes(page_bytes, static_cast<char>('a' + page % 26));
    put_page(page, bytes);
    all += bytes;
  }
  EXPECT_TRUE(read(0, max_io_bytes) == all);
  EXPECT_TRUE(read(100, max_io_bytes - 4'196) == all.substr(100, max_io_bytes - 4'196));
}

TEST_F(LocalCopiesTest, LeavesWhatDoesNotMatchItsChecksumToTheServer) {
  put_page(0, page_of('a'));
  put_page(1, page_of('b'));
  put(page_bytes + 17, "X");
  EXPECT_EQ(read(0, page_bytes), page_of('a'));
  EXPECT_EQ(read(page_bytes, page_bytes), std::nullopt);
  EXPECT_EQ(read(page_bytes + 1'000, 10), std::nullopt) << "the whole page is verified";
  EXPECT_EQ(read(0, 2 * page_bytes), std::nullopt);
}

TEST_F(LocalCopiesTest, LeavesWhatIsMissingToTheServer) {
  put_page(0, page_of('a'));
  put_entry(1, PageEntry::make_missing());
  EXPECT_EQ(read(0, 2 * page_bytes), std::nullopt);
}

TEST_F(LocalCopiesTest, NeverReadsACopyThatDoesNotCount) {
  put_page(0, page_of('a'));
  EXPECT_EQ(read(0, 10), "aaaaaaaaaa");
  identify(epoch + 1, copyfile::StoredState::whole);
  EXPECT_EQ(read(0, 10), std::nullopt) << "another epoch";
  identify(epoch, copyfile::StoredState::dropped);
  EXPECT_EQ(read(0, 10), std::nullopt) << "dropped";
  identify(epoch, copyfile::StoredState::filling);
  EXPECT_EQ(read(0, 10), std::nullopt) << "filling";
  identify(epoch, copyfile::StoredState::whole, "another");
  EXPECT_EQ(read(0, 10), std::nullopt) << "another cluster's";
  identify(epoch, copyfile::StoredState::whole);
  EXPECT_EQ(read(0, 10), "aaaaaaaaaa");
  std::filesystem::resize_file(path_, 0);
  EXPECT_EQ(read(0, 10), std::nullopt) << "emptied";
  std::filesystem::remove(path_);
  EXPECT_EQ(read(0, 10), std::nullopt) << "gone";
}

TEST_F(LocalCopiesTest, AsksAgainWhenTheServersLeaseIsOverAndBelievesOnlyOneThatHolds) {
  put_page(0, page_of('a'));
  EXPECT_TRUE(read(0, 10));
  clock_.pass(Millis(999));
  EXPECT_TRUE(read(0, 10));
  EXPECT_EQ(asked_, 1);
  clock_.pass(Millis(1));
  EXPECT_TRUE(read(0, 10));
  EXPECT_EQ(asked_, 2);
  reply_.lease_ms = 0;
  clock_.pass(Millis(1'000));
  EXPECT_EQ(read(0, 10), std::nullopt);
}

TEST_F(LocalCopiesTest, ForgetsWhatAServerSaidBeforeItsRestart) {
  constexpr BlockId other{0x1a30};
  put_page(0, page_of('a'));
  EXPECT_TRUE(read(0, 10));
  make_file(other);
  blocks_.learn({wire::BlockInfo{other, epoch, {server}, {}, {}}});
  reply_.incarnation = 12;
  char byte = 0;
  EXPECT_TRUE(copies_.read(caller_, {other, 0, 1, &byte}));
  refusal_ = Error{Code::stale, "the copy is suspect now"};
  EXPECT_EQ(read(0, 10), std::nullopt) << "within the lease";
}

TEST_F(LocalCopiesTest, ReadsNoOtherFileThatIsThere) {
  put_page(0, page_of('a'));
  other_file_ = true;
  EXPECT_EQ(read(0, 10), std::nullopt);
  EXPECT_EQ(read(0, 10), std::nullopt);
  EXPECT_EQ(asked_, 1);
}

TEST_F(LocalCopiesTest, DoesNotAskAServerAgainThatDoesNotShare) {
  refusal_ = Error{Code::denied, "no"};
  EXPECT_EQ(read(0, 10), std::nullopt);
  EXPECT_EQ(read(0, 10), std::nullopt);
  EXPECT_EQ(asked_, 1);
  refusal_.reset();
  clock_.pass(fs::LocalCopies::refused_for);
  wire::RenewSessionReply renewal;
  renewal.token = "all";
  renewal.token_lease_ms = 60'000;
  session_.renewed(renewal, clock_.now());
  EXPECT_TRUE(read(0, 10));
}

TEST_F(LocalCopiesTest, ReadsNothingWhenTheSessionMayBeOver) {
  put_page(0, page_of('a'));
  EXPECT_TRUE(read(0, 10));
  clock_.pass(Millis(15'000));
  EXPECT_EQ(read(0, 10), std::nullopt);
}

TEST_F(LocalCopiesTest, KeepsFewFilesOpen) {
  put_page(0, page_of('a'));
  for (uint64_t id = 1; id <= fs::LocalCopies::most_open + 50; ++id) {
    blocks_.learn({wire::BlockInfo{BlockId{id}, epoch, {server}, {}, {}}});
    char byte = 0;
    make_file(BlockId{id});
    EXPECT_TRUE(copies_.read(caller_, {BlockId{id}, 0, 1, &byte}));
  }
  const auto open_files = std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  EXPECT_LE(open_files, static_cast<std::ptrdiff_t>(2 * fs::LocalCopies::most_open + 50));
}

}  // namespace
}  // namespace lace::test
