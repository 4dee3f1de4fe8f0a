// Checks the whole namespace while the server goes on (lace fsck): copies the database, a little between other work, has a
// worker thread look at the copy, and mends what is wrong, one thing a transaction; then looks again, until nothing more can be
// mended.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "common/net/transport.h"
#include "control/group/group_commit.h"
#include "control/mapping/servers.h"

namespace lace::control {

// Loop thread only. What it is handed outlives it.
class Checker {
 public:
  Checker(net::Loop& loop, Namespace& ns, GroupCommit& group, const Servers& servers)
      : loop_(loop), namespace_(ns), group_(group), servers_(servers) {}

  // Begins a check, joins the one that is under way, or says how it is getting on. Errors: no_entry, and those of the disk.
  Result<wire::CheckNamespaceReply> ask(const wire::CheckNamespace& question);

 private:
  Status begin();
  void copy_some();
  void look();
  void looked(Result<std::vector<Inconsistency>> found);
  void mend_next();
  void look_at_blocks(BlockId after);
  void add(wire::CheckFinding finding);
  void finish(const Status& status);

  net::Loop& loop_;
  Namespace& namespace_;
  GroupCommit& group_;
  const Servers& servers_;

  wire::CheckNamespaceReply state_;
  Status failed_;
  bool repairs_ = false;
  int round_ = 0;
  uint64_t mended_in_round_ = 0;
  std::shared_ptr<NamespaceCopy> copy_;  // a worker thread may have it, too
  std::vector<Inconsistency> to_mend_;   // the last one first
};

}  // namespace lace::control
