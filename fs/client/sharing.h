// Pages that become shared: this mount asks for it, or another one does. Either way nothing is placed meanwhile (PlacingGate),
// and what was known of extents is void afterwards. Thread-safe.
#pragma once

#include <atomic>
#include <list>
#include <optional>

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

  // Another mount has pages shared: returns when control knows what was done here and nothing is placed here, and stays so
  // until go_on(). `event` and `generation` say by which control server, and for which session, it was asked: returns for one
  // that is gone, and waits until the mount knows one that is new.
  void hold(net::Caller& caller, uint64_t event, uint64_t generation);
  void go_on(InodeId inode);
  // Control was restarted, or there is another session: nobody will say go_on().
  void forgotten();

 private:
  struct Asker {
    uint64_t term = 0, generation = 0;
  };
  Status close(net::Caller& caller);
  Status close_here(net::Caller& caller);
  void open_here();
  Result<wire::OperationResult> commit(net::Caller& caller, wire::Operation operation, InodeId inode);
  void settle_later(InodeId inode);
  bool is_gone(const Asker& asker) const;
  bool is_present(const Asker& asker) const;
  bool tell_for_copy(net::Caller& caller);
  void void_and_open(InodeId inode);

  Core& core_;
  FileData& data_;
  std::mutex mutex_;
  std::optional<Asker> held_;      // the gate is closed for another mount
  std::atomic<unsigned> here_{0};  // how often it is closed for this one
  bool stopping_ = false;
  std::list<Worker> settling_;
};

}  // namespace lace::fs
