// Changes of names and attributes that this mount makes by itself: while no other mount exists, or under an exclusive lease on
// the directory, and if it knows enough, it answers at once, in the way control would, and tells control later (operation log,
// DESIGN section 5). Thread-safe.
//
// Each answers nothing if control has to be asked. What they find wrong (exists, ...) is an answer.
#pragma once

#include <functional>
#include <optional>

#include "fs/client/core.h"
#include "fs/client/file_data.h"

namespace lace::fs {

class LocalChanges {
 public:
  LocalChanges(Core& core, FileData& data) : core_(core), data_(data) {}

  struct Made {
    InodePtr inode;
    wire::Attributes attributes;
    uint64_t stamp = 0;  // of its name
  };
  // The inode counts one lookup more. `writes`: it is open at once, and for that.
  enum class Open { no, reads, writes };
  std::optional<Result<Made>> make(const wire::Create& create, Open open);
  std::optional<Result<wire::Attributes>> link(InodeId inode, InodeId parent, std::string_view name);
  std::optional<Status> remove(InodeId parent, std::string_view name, bool directory);
  std::optional<Status> rename(const wire::Rename& rename);
  // The lower nine bits of the mode.
  std::optional<Result<wire::Attributes>> set_permissions(InodeId inode, uint32_t permissions);
  // request.now is set.
  std::optional<Result<wire::Attributes>> set_attributes(const wire::SetAttributes& request);

 private:
  struct Deciding;
  struct Found {
    InodePtr inode;
    wire::Attributes attributes;
  };
  struct Directory {
    InodePtr inode;      // null: control is to be asked
    uint64_t stamp = 0;  // of its names
  };
  Directory directory(InodeId id);
  std::optional<Found> find(const Directory& parent, std::string_view name);
  InodeId next_number();
  void touch_directory(Inode& directory, const FileTime& now, int entries, int links, uint64_t number);
  uint64_t lose_name(const InodePtr& inode, bool keep, const FileTime& now, const std::function<uint64_t(bool hold)>& log);
  uint64_t append(wire::Operation operation, std::vector<InodePtr> inodes);

  Core& core_;
  FileData& data_;
  uint64_t numbering_ = 0;  // generation of the session; guarded by the right to decide, as the next
  uint32_t last_number_ = 0;
};

}  // namespace lace::fs
