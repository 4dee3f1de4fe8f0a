#include "common/copyfile/format.h"

#include <cstdio>

#include "common/base/check.h"
#include "common/copyfile/checksum.h"
#include "common/copyfile/little_endian.h"

namespace lace::copyfile {
namespace {

constexpr std::string_view magic = "LACECOPY";
constexpr size_t at_format = 8, at_epoch = 12, at_block = 16, at_inode = 24, at_file_offset = 32, at_state = 40;
constexpr size_t at_cluster = 44, cluster_bytes = 32, at_crc = 76;
static_assert(at_cluster + cluster_bytes == at_crc && at_crc + 4 <= identity_bytes);

constexpr std::string_view suffix = ".copy";

}  // namespace

std::string encode_identity(const CopyIdentity& identity) {
  std::string bytes(identity_bytes, '\0');
  bytes.replace(0, magic.size(), magic);
  put_at(bytes, at_format, copy_format);
  put_at(bytes, at_epoch, identity.epoch);
  put_at(bytes, at_block, raw(identity.block));
  put_at(bytes, at_inode, raw(identity.inode));
  put_at(bytes, at_file_offset, identity.file_offset);
  put_at(bytes, at_state, static_cast<uint32_t>(identity.state));
  CHECK(identity.cluster.size() <= cluster_bytes);
  bytes.replace(at_cluster, identity.cluster.size(), identity.cluster);
  put_at(bytes, at_crc, crc32c(std::string_view(bytes).substr(0, at_crc)));
  return bytes;
}

Result<CopyIdentity> decode_identity(std::string_view bytes) {
  if (bytes.size() < identity_bytes || bytes.substr(0, magic.size()) != magic) {
    return fail(Code::corrupt, "not a LaceFS copy, or its identity page is lost");
  }
  if (get_at<uint32_t>(bytes, at_crc) != crc32c(bytes.substr(0, at_crc))) {
    return fail(Code::corrupt, "the identity page is damaged");
  }
  const auto format = get_at<uint32_t>(bytes, at_format);
  if (format != copy_format) {
    return fail(Code::corrupt, "format " + std::to_string(format) + " is not known here: use a newer lace-storage");
  }
  const auto state = get_at<uint32_t>(bytes, at_state);
  if (state < 1 || state > 3) return fail(Code::corrupt, "state " + std::to_string(state) + " is not known here");
  CopyIdentity identity;
  identity.block = BlockId{get_at<uint64_t>(bytes, at_block)};
  identity.epoch = get_at<uint32_t>(bytes, at_epoch);
  identity.state = static_cast<StoredState>(state);
  identity.inode = InodeId{get_at<uint64_t>(bytes, at_inode)};
  identity.file_offset = get_at<uint64_t>(bytes, at_file_offset);
  const std::string_view cluster = bytes.substr(at_cluster, cluster_bytes);
  identity.cluster = cluster.substr(0, cluster.find('\0'));
  return identity;
}

std::string copy_directory(BlockId block) {
  char text[16];
  std::snprintf(text, sizeof text, "blocks/%02x", static_cast<unsigned>(raw(block) >> 8 & 0xff));
  return text;
}

std::string copy_path(BlockId block) { return copy_directory(block) + "/" + to_string(block) + std::string(suffix); }

}  // namespace lace::copyfile
