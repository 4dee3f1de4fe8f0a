// Pages that become shared: this mount asks for it, or another one does. Either way nothing is placed meanwhile (PlacingGate),
// and what was known of extents is void afterwards. Thread-safe.
#pragma once

#include <list>

#include "fs/client/core.h"
#include "fs/client/file_data.h"
#include "fs/client/worker.h"

namespace lace::fs {

class Sharing {
 public:
  Sharing(Core& core, FileData& data) : core_(core), data_(data) {}
  ~Sharing() { stop(); }
  void stop();

  // Has control make bytes of `from` those of `to`; what this mount knows of both is told before. Errors: those of
  // wire::Share; io and interrupted: it may happen yet, but before anything that is written later.
  Status share(net::Caller& caller, const InodePtr& from, Range range, const InodePtr& to, uint64_t to_offset);
  // Has control copy a tree; everything that was done here is told before.
  Result<wire::OperationResult> copy_tree(net::Caller& caller, const wire::CopyTree& operation);

  // Another mount has pages shared: returns when nothing is placed here, and stays so until go_on(). `event` and `generation`
  // say by which control server, and for which session, it was asked.
  void hold(net::Caller& caller, uint64_t event, uint64_t generation);
  void go_on(InodeId inode);
  // Control was restarted, or there is another session: nobody will say go_on().
  void forgotten();

 private:
  Status close(net::Caller& caller);
  Result<wire::OperationResult> commit(net::Caller& caller, wire::Operation operation, InodeId inode);
  void settle_later(InodeId inode);
  bool asked_by_present(uint64_t event, uint64_t generation) const;

  Core& core_;
  FileData& data_;
  std::mutex mutex_;
  bool held_ = false;  // the gate is closed for another mount
  bool stopping_ = false;
  std::list<Worker> settling_;
};

}  // namespace lace::fs
