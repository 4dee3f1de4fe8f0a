#include "storage/copy/format.h"

#include <gtest/gtest.h>

#include "common/copyfile/checksum.h"

namespace lace::storage {
namespace {

TEST(Checksum, IsCrc32c) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("6789", crc32c("12345")), crc32c("123456789"));
}

TEST(Format, NamesCopiesSoThatAPersonFindsThem) {
  EXPECT_EQ(copy_path(BlockId{0x1a2f}), "blocks/1a/b0000000000001a2f.copy");
  EXPECT_EQ(block_of_name("b0000000000001a2f.copy"), BlockId{0x1a2f});
  for (const char* wrong : {"", "b.copy", "b0000000000001a2f.tmp", "c0000000000001a2f.copy", "b00000000000x1a2f.copy"}) {
    EXPECT_EQ(block_of_name(wrong), BlockId{}) << wrong;
  }
}

TEST(Format, TellsTheKindsOfPagesApart) {
  EXPECT_TRUE(PageEntry::make_data(1, 3).data());
  EXPECT_EQ(PageEntry::make_data(1, 3).epoch(), 3u);
  EXPECT_TRUE(PageEntry::make_zero(3).zero());
  EXPECT_FALSE(PageEntry::make_zero(3).data());
  EXPECT_EQ(PageEntry::make_zero(3).epoch(), 3u);
  EXPECT_TRUE(PageEntry::make_missing().missing());
  EXPECT_FALSE(PageEntry::make_missing().data());
  EXPECT_FALSE(PageEntry{}.data() || PageEntry{}.zero() || PageEntry{}.missing());
}

TEST(Format, KeepsTheIdentityOfACopy) {
  const CopyIdentity identity{BlockId{5}, 7, StoredState::filling, InodeId{9}, 11, std::string(32, 'c')};
  const auto read = decode_identity(encode_identity(identity));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->block, identity.block);
  EXPECT_EQ(read->epoch, identity.epoch);
  EXPECT_EQ(read->state, identity.state);
  EXPECT_EQ(read->inode, identity.inode);
  EXPECT_EQ(read->file_offset, identity.file_offset);
  EXPECT_EQ(read->cluster, identity.cluster);
}

TEST(Format, SeesEveryFlippedBitOfAnIdentity) {
  const std::string good = encode_identity({BlockId{5}, 7, StoredState::whole, InodeId{9}, 11, "abc"});
  for (size_t bit = 0; bit < 80 * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] ^= static_cast<char>(1 << bit % 8);
    const auto read = decode_identity(bad);
    ASSERT_FALSE(read) << bit;
    EXPECT_EQ(read.error().code, Code::corrupt);
  }
  EXPECT_FALSE(decode_identity("short"));
}

TEST(Format, KnowsTheRegionsOfARange) {
  EXPECT_EQ(regions_of(0, 1), 1);
  EXPECT_EQ(regions_of(region_bytes - 1, 2), 3);
  EXPECT_EQ(regions_of(0, block_bytes), all_regions);
  EXPECT_EQ(regions_of(block_bytes - 1, 1), 0x8000);
}

}  // namespace
}  // namespace lace::storage
