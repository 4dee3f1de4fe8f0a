// Random work on a few files, compared byte for byte with arrays in memory; with and without failures under it.
#include <linux/falloc.h>
#include <unistd.h>

#include <random>

#include "tests/unit/client/mounted.h"

namespace lace::test {
namespace {

class Model : public Mounted, public ::testing::WithParamInterface<unsigned> {
 protected:
  void SetUp() override {
    cluster_.set_sole(GetParam() % 2 == 0);
    Mounted::SetUp();
  }
  struct File {
    fs::Opened opened;
    std::string expected;
  };
  uint64_t below(uint64_t limit) { return random_() % limit; }
  // Sizes and offsets near borders of pages, small files and chunks.
  uint64_t offset() {
    const uint64_t scale[] = {100, 5'000, 70'000, 300'000, 2'500'000};
    return below(scale[below(5)]);
  }
  void step(File& file);
  void copy(File& from, File& to);
  void compare(File& file, uint64_t from, uint64_t length);

  std::mt19937_64 random_{GetParam()};
};

void Model::compare(File& file, uint64_t from, uint64_t length) {
  const std::string wanted = from < file.expected.size() ? file.expected.substr(from, length) : "";
  const std::string got = read(file.opened.handle, from, length);
  ASSERT_EQ(got.size(), wanted.size());
  const auto at = std::mismatch(got.begin(), got.end(), wanted.begin()).first - got.begin();
  ASSERT_TRUE(got == wanted) << "differs at " << from + static_cast<uint64_t>(at);
}

void Model::step(File& file) {
  const InodeId inode = file.opened.attributes.inode;
  auto context = this->context();
  switch (below(12)) {
    case 0:
    case 1:
    case 2:
    case 3: {
      const uint64_t at = offset();
      const std::string bytes = pattern(1 + below(below(3) == 0 ? 400'000 : 9'000), static_cast<unsigned>(random_()));
      write(file.opened.handle, at, bytes);
      if (file.expected.size() < at + bytes.size()) file.expected.resize(at + bytes.size(), '\0');
      file.expected.replace(at, bytes.size(), bytes);
      break;
    }
    case 4: {
      const uint64_t size = offset();
      truncate(inode, size);
      file.expected.resize(size, '\0');
      break;
    }
    case 5: {
      const uint64_t at = offset();
      const uint64_t length = 1 + below(30'000);
      const auto done = fs_->allocate(context, file.opened.handle, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, length);
      ASSERT_TRUE(done) << done.error().what;
      const uint64_t end = std::min<uint64_t>(at + length, file.expected.size());
      for (uint64_t byte = at; byte < end; ++byte) file.expected[byte] = '\0';
      break;
    }
    case 6: {
      const auto done = fs_->flush(context, file.opened.handle);
      ASSERT_TRUE(done) << done.error().what;
      break;
    }
    case 7: {
      const auto done = sync(file.opened.handle);
      ASSERT_TRUE(done) << done.error().what;
      break;
    }
    case 8:
      ASSERT_TRUE(fs_->flush(context, file.opened.handle));
      release(file.opened.handle);
      file.opened = open(inode, below(4) == 0 ? O_RDWR | O_TRUNC : O_RDWR);
      if (file.opened.attributes.size == 0) file.expected.clear();
      break;
    case 9: {
      const uint64_t at = offset();
      const auto data = seek(file.opened.handle, at, SEEK_DATA);
      // What is no data must be zero.
      const uint64_t zero_to = data ? *data : file.expected.size();
      for (uint64_t byte = at; byte < std::min<uint64_t>(zero_to, file.expected.size()); ++byte)
        ASSERT_EQ(file.expected[byte], '\0') << "SEEK_DATA skipped data at " << byte;
      break;
    }
    default: compare(file, offset(), 1 + below(500'000)); break;
  }
  ASSERT_EQ(stat(inode).size, file.expected.size());
}

// Mostly where pages can be shared.
void Model::copy(File& from, File& to) {
  const uint64_t step = below(5) == 0 ? 1 : page_bytes;
  const uint64_t from_offset = offset() / step * step;
  const uint64_t to_offset = below(2) == 0 ? from_offset : offset() / step * step;
  const uint64_t length = below(3) == 0 ? 4'000'000 : 1 + below(300'000);
  auto context = this->context();
  for (uint64_t done = 0; done < length && from_offset + done < from.expected.size();) {
    const auto copied =
        fs_->copy_range(context, from.opened.handle, from_offset + done, to.opened.handle, to_offset + done, length - done);
    ASSERT_TRUE(copied) << copied.error().what;
    ASSERT_GT(*copied, 0u);
    done += *copied;
  }
  const std::string bytes = from_offset < from.expected.size() ? from.expected.substr(from_offset, length) : "";
  if (bytes.empty()) return;
  if (to.expected.size() < to_offset + bytes.size()) to.expected.resize(to_offset + bytes.size(), '\0');
  to.expected.replace(to_offset, bytes.size(), bytes);
  ASSERT_EQ(stat(to.opened.attributes.inode).size, to.expected.size());
}

TEST_P(Model, KeepsSharedPagesAsTheyAre) {
  std::vector<File> files(4);
  for (size_t index = 0; index < files.size(); ++index) files[index].opened = create(std::to_string(index));
  for (int round = 0; round < 250; ++round) {
    const size_t from = below(files.size());
    if (below(4) == 0)
      copy(files[from], files[(from + 1 + below(3)) % files.size()]);
    else
      step(files[from]);
    if (HasFatalFailure()) FAIL() << "in round " << round << " of seed " << GetParam();
  }
  for (File& file : files) {
    compare(file, 0, file.expected.size() + 1);
    close(file.opened.handle);
    ASSERT_TRUE(content(file.opened.attributes.inode) == file.expected);
  }
}

TEST_P(Model, ReadsWhatWasWritten) {
  std::vector<File> files(3);
  for (size_t index = 0; index < files.size(); ++index) files[index].opened = create(std::to_string(index));
  for (int round = 0; round < 250; ++round) {
    step(files[below(files.size())]);
    if (HasFatalFailure()) FAIL() << "in round " << round << " of seed " << GetParam();
  }
  for (File& file : files) {
    compare(file, 0, file.expected.size() + 1);
    close(file.opened.handle);
    ASSERT_TRUE(content(file.opened.attributes.inode) == file.expected);
  }
}

TEST_P(Model, ReadsWhatWasWrittenOverFailures) {
  // Every now and then a request is not done, or done and not answered; half way through, a server dies.
  auto count = std::make_shared<std::atomic<unsigned>>(GetParam());
  const auto unlucky = [count](const std::string&, const net::Request& request) -> std::optional<Error> {
    if (request.kind == wire::Kind::wait_events || request.kind == wire::Kind::open_session) return std::nullopt;
    const unsigned number = ++*count;
    if (number % 17 == 0) return Error{Code::unknown, "lost"};
    if (number % 23 == 0 && request.kind != wire::Kind::write_block) return Error{Code::unavailable, "busy"};
    return std::nullopt;
  };
  std::vector<File> files(2);
  for (size_t index = 0; index < files.size(); ++index) files[index].opened = create(std::to_string(index));
  cluster_.set_before([unlucky](const std::string& url, const net::Request& request) {
    return request.kind == wire::Kind::write_block || request.kind == wire::Kind::sync_blocks ? std::nullopt
                                                                                              : unlucky(url, request);
  });
  cluster_.set_after([unlucky](const std::string& url, const net::Request& request) -> std::optional<Error> {
    if (request.kind != wire::Kind::commit && request.kind != wire::Kind::get_extents) return std::nullopt;
    return unlucky(url, request);
  });
  for (int round = 0; round < 100; ++round) {
    if (round == 50) cluster_.kill(1 + GetParam() % 3);
    step(files[below(files.size())]);
    if (HasFatalFailure()) FAIL() << "in round " << round << " of seed " << GetParam();
  }
  for (File& file : files) {
    compare(file, 0, file.expected.size() + 1);
    close(file.opened.handle);
    ASSERT_TRUE(content(file.opened.attributes.inode) == file.expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Model, ::testing::Range(1U, end_of_seeds(12)));

}  // namespace
}  // namespace lace::test
