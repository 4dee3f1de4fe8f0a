// Around a removal: an inode that loses its name must live on while it is open here.
#pragma once

#include "fs/client/mount.h"

namespace lace::fs {

// While it lives, opens of the inode go through control; before it began, control was told of those that had not.
class Mount::Displacing {
 public:
  Displacing(Mount& mount, InodeId parent, std::string_view name);
  Displacing(const Displacing&) = delete;
  Displacing& operator=(const Displacing&) = delete;
  ~Displacing();
  Status prepare(net::Caller& caller);

 private:
  Mount& mount_;
  const InodeId parent_;
  InodePtr inode_;  // null: not known, or nothing is there
  bool unknown_ = false;
};

}  // namespace lace::fs
