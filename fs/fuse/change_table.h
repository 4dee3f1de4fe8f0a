// Which inodes were changed through this mount since a moment, so that attributes fetched ahead for a directory listing are
// never given to the kernel after a newer change: it would take them for the present state (and cut a file that has grown).
//
// A fixed table hashed by inode; two inodes in one place only make a listing a little less generous. Any thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "common/base/ids.h"

namespace lace::fs::fuse {

class ChangeTable {
 public:
  using Stamp = uint64_t;

  // Take it before fetching.
  Stamp now() const { return next_.load(); }

  // Say it before answering the request that made the change.
  void changed(InodeId inode) { place(inode).store(++next_); }
  // Some inode lost a name: its link count changed, and which inode it was is not known.
  void unlinked() { unlinked_.store(++next_); }

  bool same_since(InodeId inode, Stamp stamp) const { return place(inode).load() <= stamp; }
  bool links_same_since(Stamp stamp) const { return unlinked_.load() <= stamp; }

 private:
  static constexpr size_t places = size_t{1} << 14;
  static size_t index(InodeId inode) { return (raw(inode) * 0x9e3779b97f4a7c15u) >> 50; }
  std::atomic<Stamp>& place(InodeId inode) { return table_[index(inode)]; }
  const std::atomic<Stamp>& place(InodeId inode) const { return table_[index(inode)]; }

  std::atomic<Stamp> next_{0}, unlinked_{0};
  std::array<std::atomic<Stamp>, places> table_{};
};

}  // namespace lace::fs::fuse
