// Stories of one mount on servers that work.
#include <linux/falloc.h>
#include <unistd.h>

#include <thread>

#include "tests/unit/client/mounted.h"

namespace lace::test {
namespace {

using ::lace::fs::CacheTimes;

TEST_F(Mounted, KeepsBytesUntilCloseAndThenOthersSeeThem) {
  const auto file = create("a");
  write(file.handle, 0, "hello");
  EXPECT_EQ(read(file.handle, 0, 100), "hello");
  EXPECT_EQ(stat(file.attributes.inode).size, 5u);
  ASSERT_TRUE(flush(file.handle));
  EXPECT_EQ(content(file.attributes.inode), "hello");
  EXPECT_EQ(read(file.handle, 1, 3), "ell");
  close(file.handle);
}

TEST_F(AmongOthers, MakesASmallFileWithTwoCommitsAndOneWrite) {
  close(create("warm up").handle);
  const auto first = create("first");
  write(first.handle, 0, "x");
  close(first.handle);
  cluster_.reset_counts();
  const auto file = create("a");
  write(file.handle, 0, pattern(10'000));
  close(file.handle);
  EXPECT_EQ(cluster_.requests(wire::Kind::commit), 2u);
  EXPECT_EQ(cluster_.requests(wire::Kind::write_block), 1u);
  EXPECT_EQ(cluster_.requests(wire::Kind::get_extents), 0u);
  EXPECT_EQ(cluster_.requests(wire::Kind::allocate_blocks), 0u);
}

TEST_F(AmongOthers, SendsAttributesSetWhileWritingInOneCommitWithTheData) {
  const auto file = create("a");
  write(file.handle, 0, "hello");
  cluster_.reset_counts();
  auto context = this->context();
  wire::SetAttributes request;
  request.inode = file.attributes.inode;
  request.set = wire::SetAttributes::set_mode;
  request.mode = 0600;
  ASSERT_TRUE(fs_->set_attributes(context, request));
  request.set = wire::SetAttributes::set_modified;
  request.modified = {1234, 5};
  ASSERT_TRUE(fs_->set_attributes(context, request));
  EXPECT_EQ(cluster_.requests(wire::Kind::commit), 0u);
  EXPECT_EQ(stat(request.inode).mode & 07777, 0600u);
  EXPECT_EQ(stat(request.inode).modified.seconds, 1234);
  close(file.handle);
  ASSERT_EQ(cluster_.commits().size(), 1u);
  EXPECT_EQ(cluster_.commits()[0].size(), 2u);
  EXPECT_EQ(attributes(request.inode).mode & 07777, 0600u);
  EXPECT_EQ(attributes(request.inode).modified.seconds, 1234);
}

TEST_F(Mounted, PutsSmallFilesIntoOnePackAndLargeOnesIntoTheirOwnBlocks) {
  const auto small = create("small");
  write(small.handle, 0, pattern(5'000));
  close(small.handle);
  const auto other = create("other");
  write(other.handle, 0, pattern(5'000, 2));
  close(other.handle);
  EXPECT_EQ(extents(small.attributes.inode)[0].block, extents(other.attributes.inode)[0].block);

  const auto large = create("large");
  const std::string bytes = pattern(3 << 20, 3);
  const uint64_t start = block_bytes - (1 << 20);
  write(large.handle, start, bytes);
  close(large.handle);
  const auto extents = this->extents(large.attributes.inode);
  ASSERT_EQ(extents.size(), 2u);
  EXPECT_EQ(extents[0].block_offset, start);
  EXPECT_EQ(extents[1].block_offset, 0u);
  EXPECT_NE(extents[0].block, extents[1].block);
  EXPECT_EQ(content(large.attributes.inode).substr(start), bytes);
}

TEST_F(Mounted, GoesOnInTheFilesOwnBlock) {
  const auto file = create("a");
  write(file.handle, 0, pattern(1 << 20));
  ASSERT_TRUE(flush(file.handle));
  write(file.handle, 10 << 20, pattern(1 << 20, 2));
  ASSERT_TRUE(flush(file.handle));
  const auto extents = this->extents(file.attributes.inode);
  ASSERT_EQ(extents.size(), 2u);
  EXPECT_EQ(extents[0].block, extents[1].block);
  close(file.handle);
}

TEST_F(Mounted, WritesZerosIntoTheRestOfNewPages) {
  const auto file = create("a");
  write(file.handle, 5'000, "x");
  ASSERT_TRUE(flush(file.handle));
  truncate(file.attributes.inode, 20'000);
  std::string expected(20'000, '\0');
  expected[5'000] = 'x';
  EXPECT_EQ(content(file.attributes.inode), expected);
  EXPECT_EQ(read(file.handle, 0, 30'000), expected);
  close(file.handle);
}

TEST_F(Mounted, ReadsZerosWhereATruncationCut) {
  const auto file = create("a");
  write(file.handle, 0, std::string(10'000, 'x'));
  ASSERT_TRUE(flush(file.handle));
  truncate(file.attributes.inode, 5'000);
  truncate(file.attributes.inode, 10'000);
  write(file.handle, 9'000, "y");
  std::string expected = std::string(5'000, 'x') + std::string(5'000, '\0');
  expected[9'000] = 'y';
  EXPECT_EQ(read(file.handle, 0, 20'000), expected);
  close(file.handle);
  EXPECT_EQ(content(file.attributes.inode), expected);
}

TEST_F(Mounted, CountsUnsentBytesAsData) {
  const auto file = create("a");
  truncate(file.attributes.inode, 1 << 20);
  write(file.handle, 500'000, "data");
  EXPECT_EQ(*seek(file.handle, 0, SEEK_DATA), 500'000u);
  EXPECT_EQ(*seek(file.handle, 500'000, SEEK_HOLE), 500'004u);
  EXPECT_GT(stat(file.attributes.inode).stored, 0u);
  ASSERT_TRUE(flush(file.handle));
  EXPECT_EQ(*seek(file.handle, 0, SEEK_DATA), 500'000u / 4096 * 4096);
  EXPECT_EQ(*seek(file.handle, 0, SEEK_HOLE), 0u);
  EXPECT_EQ(seek(file.handle, 600'000, SEEK_DATA).error().code, Code::no_such_offset);
  EXPECT_EQ(seek(file.handle, 1 << 20, SEEK_HOLE).error().code, Code::no_such_offset);
  close(file.handle);
}

TEST_F(Mounted, PunchesHolesOutOfStoredAndUnsentBytes) {
  const auto file = create("a");
  write(file.handle, 0, std::string(20'000, 'x'));
  ASSERT_TRUE(flush(file.handle));
  write(file.handle, 8'000, std::string(100, 'y'));
  auto context = this->context();
  ASSERT_TRUE(fs_->allocate(context, file.handle, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1'000, 10'000));
  std::string expected(20'000, 'x');
  expected.replace(1'000, 10'000, 10'000, '\0');
  EXPECT_EQ(read(file.handle, 0, 20'000), expected);
  close(file.handle);
  EXPECT_EQ(content(file.attributes.inode), expected);
}

TEST_F(Mounted, SyncsEveryBlockOfAFileOnEveryMember) {
  const auto file = create("a");
  write(file.handle, 0, pattern(2 << 20));
  write(file.handle, block_bytes, pattern(1 << 20));
  ASSERT_TRUE(sync(file.handle));
  EXPECT_EQ(cluster_.unsynced_blocks(file.attributes.inode), 0u);
  cluster_.reset_counts();
  ASSERT_TRUE(sync(file.handle));
  EXPECT_EQ(cluster_.requests(wire::Kind::sync_blocks), 0u) << "nothing was written since";
  write(file.handle, 7, "x");
  ASSERT_TRUE(sync(file.handle));
  EXPECT_EQ(cluster_.unsynced_blocks(file.attributes.inode), 0u);
  close(file.handle);
}

TEST_F(Mounted, StreamsALongFileInTheBackgroundWithinItsMemory) {
  fs::MountOptions options;
  options.dirty_bytes = 8 << 20;
  mount(options);
  const auto file = create("a");
  const std::string piece = pattern(1 << 20);
  for (uint64_t at = 0; at < 64; ++at) write(file.handle, at << 20, piece);
  EXPECT_GT(cluster_.requests(wire::Kind::write_block), 50u) << "written before anybody asked for it";
  close(file.handle);
  EXPECT_EQ(content(file.attributes.inode).substr(63 << 20), piece);
}

TEST_F(Mounted, TruncatesWhatIsOpenedWithTrunc) {
  const auto file = create("a");
  write(file.handle, 0, "hello");
  close(file.handle);
  const auto again = open(file.attributes.inode, O_WRONLY | O_TRUNC);
  EXPECT_EQ(again.attributes.size, 0u);
  EXPECT_EQ(content(file.attributes.inode), "");
  close(again.handle);
}

TEST_F(Mounted, AppendsAtTheEndWhateverTheOffset) {
  const auto file = create("a");
  write(file.handle, 0, "hello");
  const auto append = open(file.attributes.inode, O_WRONLY | O_APPEND);
  write(append.handle, 0, " world");
  close(append.handle);
  EXPECT_EQ(content(file.attributes.inode), "hello world");
  close(file.handle);
}

TEST_F(Mounted, CopiesARangeWithItsHoles) {
  const auto from = create("from");
  write(from.handle, 100'000, pattern(50'000));
  truncate(from.attributes.inode, 300'000);
  const auto to = create("to");
  auto context = this->context();
  const auto copied = fs_->copy_range(context, from.handle, 0, to.handle, 0, 300'000);
  ASSERT_TRUE(copied) << copied.error().what;
  EXPECT_EQ(*copied, 300'000u);
  close(to.handle);
  close(from.handle);
  EXPECT_EQ(content(to.attributes.inode), content(from.attributes.inode));
  EXPECT_LT(attributes(to.attributes.inode).stored, 70'000u);
}

TEST_F(Mounted, ListsADirectoryWhoseNamesAreAskedForOneByOne) {
  for (int i = 0; i < 200; ++i) cluster_.make_as_other_mount("f" + std::to_string(i));
  mount({});
  auto context = this->context();
  cluster_.reset_counts();
  for (int i = 0; i < 200; ++i) {
    const std::string name = "f" + std::to_string(i);
    const auto found = fs_->lookup(context, root_inode, name);
    ASSERT_TRUE(found) << name << ": " << found.error().what;
    EXPECT_EQ(found->inode, cluster_.find(name));
  }
  EXPECT_LE(cluster_.requests(wire::Kind::lookup), 1u);
  EXPECT_EQ(cluster_.requests(wire::Kind::read_directory), 1u);
  EXPECT_EQ(fs_->lookup(context, root_inode, "none").error().code, Code::no_entry);
  EXPECT_LE(cluster_.requests(wire::Kind::lookup), 1u) << "it has all of the names now";
}

TEST_F(Mounted, DoesNotListAHugeDirectoryForAFewOfItsNames) {
  for (int i = 0; i < 5'000; ++i) cluster_.make_as_other_mount("f" + std::to_string(i));
  mount({});
  auto context = this->context();
  cluster_.reset_counts();
  for (int i = 0; i < 5'000; i += 100) ASSERT_TRUE(fs_->lookup(context, root_inode, "f" + std::to_string(i)));
  EXPECT_LE(cluster_.requests(wire::Kind::read_directory), 1u);
  for (int i = 0; i < 5'000; ++i) ASSERT_TRUE(fs_->lookup(context, root_inode, "f" + std::to_string(i)));
  EXPECT_EQ(fs_->lookup(context, root_inode, "none").error().code, Code::no_entry);
  EXPECT_LE(cluster_.requests(wire::Kind::lookup), 700u);
}

TEST_F(AmongOthers, ListsNothingThatItMayNotKeep) {
  for (int i = 0; i < 20; ++i) cluster_.make_as_other_mount("f" + std::to_string(i));
  auto context = this->context();
  cluster_.reset_counts();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(fs_->lookup(context, root_inode, "f" + std::to_string(i)));
  EXPECT_EQ(cluster_.requests(wire::Kind::read_directory), 0u);
}

TEST_F(Mounted, AnswersLookupsItselfWhileItIsAlone) {
  const auto file = create("a");
  close(file.handle);
  auto context = this->context();
  cluster_.reset_counts();
  ASSERT_TRUE(fs_->lookup(context, root_inode, "a"));
  EXPECT_FALSE(fs_->lookup(context, root_inode, "b"));
  EXPECT_FALSE(fs_->lookup(context, root_inode, "b"));
  EXPECT_EQ(cluster_.requests(wire::Kind::lookup), 1u) << "the second time it knows that there is no b";
  stat(file.attributes.inode);
  close(open(file.attributes.inode, O_RDONLY).handle);
  EXPECT_EQ(cluster_.requests(wire::Kind::get_attributes), 0u);
  EXPECT_EQ(cluster_.requests(wire::Kind::open_inode), 0u);
  ASSERT_TRUE(fs_->remove(context, root_inode, "a", false));
  EXPECT_EQ(fs_->lookup(context, root_inode, "a").error().code, Code::no_entry);
  EXPECT_GT(fs_->cache_times().entry.count(), 0);
}

TEST_F(Mounted, KeepsAFileThatIsRemovedWhileItIsOpen) {
  const auto file = create("a");
  write(file.handle, 0, "hello");
  close(file.handle);
  const auto again = open(file.attributes.inode, O_RDONLY);  // control does not know
  auto context = this->context();
  ASSERT_TRUE(fs_->remove(context, root_inode, "a", false));
  tell();
  ASSERT_TRUE(cluster_.exists(file.attributes.inode));
  EXPECT_EQ(read(again.handle, 0, 10), "hello");
  release(again.handle);
  fs_.reset();
  EXPECT_FALSE(cluster_.exists(file.attributes.inode));
}

TEST_F(Mounted, KeepsAFileThatARenameDisplacesWhileItIsOpen) {
  const auto old = create("old");
  write(old.handle, 0, "old");
  close(old.handle);
  close(create("new").handle);
  const auto again = open(old.attributes.inode, O_RDONLY);
  auto context = this->context();
  ASSERT_TRUE(fs_->rename(context, root_inode, "new", root_inode, "old", false, false));
  EXPECT_EQ(read(again.handle, 0, 10), "old");
  release(again.handle);
}

TEST_F(Mounted, KeepsPagesOnlyIfNothingChangedElsewhere) {
  const auto file = create("a");
  write(file.handle, 0, "hello");
  close(file.handle);
  EXPECT_TRUE(open(file.attributes.inode, O_RDONLY).keep_pages) << "our own writes are in the kernel's pages";
  cluster_.push_event(wire::EventKind::sole_ended, 0);
  ASSERT_TRUE(cluster_.acknowledged_all());
  release(open(file.attributes.inode, O_RDONLY).handle);  // control's word of what the pages show
  EXPECT_TRUE(open(file.attributes.inode, O_RDONLY).keep_pages);
  cluster_.write_as_other_mount(file.attributes.inode, 0, "HELLO");
  const auto again = open(file.attributes.inode, O_RDONLY);
  EXPECT_FALSE(again.keep_pages);
  EXPECT_EQ(read(again.handle, 0, 5), "HELLO");
}

TEST_F(Mounted, BeforeAnotherMountComesInEverythingIsToldAndTakenBack) {
  std::vector<std::string> dropped;
  fs::KernelCache kernel;
  kernel.drop_attributes = [](InodeId) {};
  kernel.drop_entry = [&](InodeId, const std::string& name) { dropped.push_back(name); };
  fs_->set_kernel_cache(kernel);
  const auto file = create("a");
  write(file.handle, 0, "hello");
  close(file.handle);
  const auto read_only = open(file.attributes.inode, O_RDONLY);
  const auto writer = open(file.attributes.inode, O_RDWR);
  write(writer.handle, 5, " world");
  cluster_.push_event(wire::EventKind::sole_ended, 0);
  ASSERT_TRUE(cluster_.acknowledged_all());
  EXPECT_EQ(cluster_.content(file.attributes.inode), "hello world");
  EXPECT_TRUE(cluster_.held().contains(file.attributes.inode));
  EXPECT_NE(std::find(dropped.begin(), dropped.end(), "a"), dropped.end());
  EXPECT_EQ(fs_->cache_times().entry.count(), 0);
  cluster_.reset_counts();
  stat(file.attributes.inode);
  EXPECT_EQ(cluster_.requests(wire::Kind::get_attributes), 1u);
  close(writer.handle);
  release(read_only.handle);
}

TEST_F(Mounted, TellsAccessTimesLaterAndTogether) {
  const auto file = create("a");
  write(file.handle, 0, "hello");
  close(file.handle);
  const auto again = open(file.attributes.inode, O_RDONLY);
  const FileTime before = attributes(file.attributes.inode).accessed;

  read(again.handle, 0, 5);
  EXPECT_GT(stat(file.attributes.inode).accessed, before);
  release(again.handle);
  fs_.reset();
  EXPECT_GT(attributes(file.attributes.inode).accessed, before);
}

TEST_F(Mounted, SeesAFileGrowAtAnotherMount) {
  const auto file = create("a");
  write(file.handle, 0, "hello");
  close(file.handle);
  cluster_.push_event(wire::EventKind::sole_ended, 0);
  ASSERT_TRUE(cluster_.acknowledged_all());
  const auto reader = open(file.attributes.inode, O_RDONLY);
  EXPECT_EQ(read(reader.handle, 0, 100), "hello");
  cluster_.write_as_other_mount(file.attributes.inode, 5, " world");
  EXPECT_EQ(read(reader.handle, 5, 100), " world");
  release(reader.handle);
}

TEST_F(Mounted, PlacesDataAnewWhenTheLayoutChangedElsewhere) {
  const auto file = create("a");
  write(file.handle, 0, std::string(20'000, 'x'));
  ASSERT_TRUE(flush(file.handle));
  cluster_.push_event(wire::EventKind::sole_ended, 0);
  ASSERT_TRUE(cluster_.acknowledged_all());
  write(file.handle, 0, "y");
  cluster_.truncate_as_other_mount(file.attributes.inode, 0);
  ASSERT_TRUE(flush(file.handle));
  EXPECT_EQ(content(file.attributes.inode), "y");
  close(file.handle);
}

TEST_F(Mounted, FlushesFromManyThreadsAtOnce) {
  std::vector<std::thread> threads;
  for (unsigned thread = 0; thread < 6; ++thread) {
    threads.emplace_back([this, thread] {
      const auto caller = cluster_.network().make_caller();
      fs::Context context{*caller, 0, 0, 1, 022};
      for (unsigned index = 0; index < 40; ++index) {
        const std::string name = std::to_string(thread) + "-" + std::to_string(index);
        auto file = fs_->create(context, root_inode, name, 0644, O_RDWR | O_CREAT | O_EXCL);
        ASSERT_TRUE(file);
        ASSERT_TRUE(fs_->write(context, file->handle, 0, pattern(6'000, thread * 100 + index)));
        ASSERT_TRUE(fs_->flush(context, file->handle));
        fs_->release(context, file->handle);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  tell();
  for (unsigned thread = 0; thread < 6; ++thread) {
    for (unsigned index = 0; index < 40; ++index)
      EXPECT_EQ(content(cluster_.find(std::to_string(thread) + "-" + std::to_string(index))),
                pattern(6'000, thread * 100 + index));
  }
}

}  // namespace
}  // namespace lace::test
