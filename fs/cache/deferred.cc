#include "fs/cache/deferred.h"

#include <sys/stat.h>

#include <algorithm>

namespace lace::fs {

namespace {

using wire::SetAttributes;

constexpr uint32_t deferrable = SetAttributes::set_mode | SetAttributes::set_uid | SetAttributes::set_gid |
                                SetAttributes::set_accessed | SetAttributes::set_modified | SetAttributes::keep_changed |
                                SetAttributes::clear_privileges;
constexpr uint32_t touches_privileges = SetAttributes::set_uid | SetAttributes::set_gid | SetAttributes::clear_privileges;

// Whether doing both at once is the same as one after the other: changes of owner clear set-id bits, changes of mode set them.
bool can_merge(const SetAttributes& earlier, const SetAttributes& later) {
  const bool mode_first = (earlier.set & SetAttributes::set_mode) && (later.set & touches_privileges);
  const bool owner_first = (earlier.set & touches_privileges) && (later.set & SetAttributes::set_mode);
  return !mode_first && !owner_first;
}

void merge(const SetAttributes& later, SetAttributes& into) {
  const bool keeps = (into.set & later.set & SetAttributes::keep_changed) != 0;
  if (later.set & SetAttributes::set_mode) into.mode = later.mode;
  if (later.set & SetAttributes::set_uid) into.uid = later.uid;
  if (later.set & SetAttributes::set_gid) into.gid = later.gid;
  if (later.set & SetAttributes::set_accessed) into.accessed = later.accessed;
  if (later.set & SetAttributes::set_modified) into.modified = later.modified;
  into.set |= later.set;
  if (!keeps) into.set &= ~uint32_t{SetAttributes::keep_changed};
  into.now = std::max(into.now, later.now);
}

}  // namespace

void apply(const SetAttributes& change, wire::Attributes& attributes) {
  if ((change.set & SetAttributes::clear_privileges) && !S_ISDIR(attributes.mode)) {
    attributes.mode &= ~uint32_t{S_ISUID};
    if (attributes.mode & S_IXGRP) attributes.mode &= ~uint32_t{S_ISGID};
  }
  if (change.set & SetAttributes::set_uid) attributes.uid = change.uid;
  if (change.set & SetAttributes::set_gid) attributes.gid = change.gid;
  if (change.set & SetAttributes::set_mode) attributes.mode = (attributes.mode & S_IFMT) | (change.mode & 07777);
  if (change.set & SetAttributes::set_size) {
    attributes.size = change.size;
    attributes.modified = change.now;
  }
  if (change.set & SetAttributes::set_accessed) attributes.accessed = change.accessed;
  if (change.set & SetAttributes::set_modified) attributes.modified = change.modified;
  if (!(change.set & SetAttributes::keep_changed)) attributes.changed = std::max(attributes.changed, change.now);
}

bool DeferredAttributes::add(const SetAttributes& change) {
  if (change.set & ~deferrable) return false;
  if (!changes_.empty() && can_merge(changes_.back(), change)) {
    merge(change, changes_.back());
  } else {
    if (changes_.size() >= max_changes) return false;
    changes_.push_back(change);
  }
  ++version_;
  return true;
}

void DeferredAttributes::forget_times(uint32_t bits) {
  for (SetAttributes& change : changes_) {
    if (change.set & bits) ++version_;
    change.set &= ~bits;
  }
}

void DeferredAttributes::committed(size_t count, uint64_t version) {
  // Changed in between: the same again and more; setting an attribute twice to the same does no harm.
  if (version != version_) return;
  changes_.erase(changes_.begin(), changes_.begin() + static_cast<std::ptrdiff_t>(std::min(count, changes_.size())));
}

void DeferredAttributes::clear() {
  changes_.clear();
  ++version_;
}

void DeferredAttributes::apply_to(wire::Attributes& attributes) const {
  for (const SetAttributes& change : changes_) apply(change, attributes);
}

}  // namespace lace::fs
