#include "tests/sim/copy_file.h"

#include <cstring>

namespace lace::sim {

std::optional<CopyFile> read_copy_file(disk::ForgetfulDisk& disk, BlockId block, bool with_data) {
  const auto file = disk.open(storage::copy_path(block), false);
  if (!file) return std::nullopt;
  CopyFile copy;
  std::string table(storage::table_bytes, '\0');
  const auto got = (*file)->read(storage::table_offset, table.data(), table.size());
  if (!got) return std::nullopt;
  for (uint32_t page = 0; page < block_pages; ++page) {
    storage::PageEntry entry;
    std::memcpy(&entry, table.data() + page * sizeof(entry), sizeof(entry));
    if (entry.tag == 0) continue;
    copy.entries[page] = entry;
    if (!with_data || !entry.data()) continue;
    std::string content(page_bytes, '\0');
    static_cast<void>((*file)->read(page * page_bytes, content.data(), content.size()));
    copy.pages[page] = std::move(content);
  }
  return copy;
}

}  // namespace lace::sim
