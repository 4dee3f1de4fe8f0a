// Changes of attributes that wait to travel with the next commit of their file's data (DESIGN.md section 5). Not
// thread-safe: the inode's mutex guards it.
#pragma once

#include <optional>
#include <vector>

#include "common/wire/operations.h"

namespace lace::fs {

class DeferredAttributes {
 public:
  static constexpr size_t max_changes = 8;

  // False: it can't wait (too many wait already, or it is not of the kind that can).
  bool add(const wire::SetAttributes& change);
  // The content was written now: a modification time set before means nothing any more.
  void written() { forget_times(wire::SetAttributes::set_modified); }

  bool empty() const { return changes_.empty(); }
  const std::vector<wire::SetAttributes>& changes() const { return changes_; }
  // These were committed (the first `count`, as changes() gave them).
  void committed(size_t count, uint64_t version);
  uint64_t version() const { return version_; }
  void clear();

  // As they will be.
  void apply_to(wire::Attributes& attributes) const;

 private:
  void forget_times(uint32_t bits);
  std::vector<wire::SetAttributes> changes_;
  uint64_t version_ = 0;  // grows with every change
};

// What stat(2) shows after `change`: as control does it (control/ops/set_attributes.cc).
void apply(const wire::SetAttributes& change, wire::Attributes& attributes);

}  // namespace lace::fs
