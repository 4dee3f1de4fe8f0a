// What is known of each copy without opening it: a cache of the copies' own files, in SQLite, so that a server with many copies
// starts at once. The row of a copy is right whenever the journal does not speak of the copy: it is written before the journal
// forgets. After the machine went down, or when it is damaged, it is made anew from the files.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "storage/copy/copy.h"

namespace lace::storage {

struct IndexRow {
  BlockId block{};
  Epoch epoch = 0;
  StoredState state = StoredState::whole;
  uint32_t data_pages = 0;
  uint32_t missing_pages = 0;
  InodeId inode{};
  uint64_t file_offset = 0;
};

class Index {
 public:
  // Blocking, as all of it; one thread. A damaged file is replaced by an empty index. Errors: io, no_space, read_only.
  static Result<std::unique_ptr<Index>> open(const std::string& path);
  ~Index();

  // False: it was never finished, and the copies must be found by looking at their files.
  bool is_complete() const;
  Status each(const std::function<Status(const IndexRow&)>& row) const;
  // One transaction; survives the end of the process, and with checkpoint() that of the machine.
  Status update(const std::vector<IndexRow>& changed, const std::vector<BlockId>& removed);
  Status make_anew(const std::vector<IndexRow>& all);  // complete then
  Status checkpoint();

 private:
  struct Tables;
  Index();
  std::unique_ptr<Tables> tables_;
};

}  // namespace lace::storage
