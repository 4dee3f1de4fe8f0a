// A copy as it lies on a disk, read without the server's code for it.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "common/disk/forgetful_disk.h"
#include "storage/copy/format.h"

namespace lace::sim {

struct CopyFile {
  std::map<uint32_t, storage::PageEntry> entries;  // those that are not 0
  std::map<uint32_t, std::string> pages;           // of the entries with data
};
// Nothing: there is no such file.
std::optional<CopyFile> read_copy_file(disk::ForgetfulDisk& disk, BlockId block, bool with_data);

}  // namespace lace::sim
