// FileData: what is known of a file's extents, and how long it may be believed.
#include "fs/client/file_data.h"

namespace lace::fs {

namespace {

// Asked for at once: a few chunks, so that reading on does not ask again and again.
constexpr uint64_t ask_bytes = 4 * block_bytes;
constexpr int max_races = 100;

uint64_t chunk_floor(uint64_t offset) { return offset / block_bytes * block_bytes; }

}  // namespace

bool FileData::extents_good(const Inode& inode) const {
  // We have been told less than we did.
  if (inode.progress.pending(std::max(inode.made_logged, inode.stored_logged))) return true;
  if (inode.extents_stamp != 0 && inode.extents_stamp == core_.session.stamp()) return true;
  if (inode.extents_stamp == inode.stamp && core_.believes(inode)) return true;
  if (inode.progress.pending(inode.extents_until)) return true;
  return inode.extents_change != 0 && inode.extents_change == inode.attributes.change &&
         core_.clock.now() - inode.extents_asked < extents_good_for;
}

bool FileData::knows(const Inode& inode, uint64_t begin, uint64_t end) const {
  return extents_good(inode) && inode.extents.knows(begin, end);
}

void FileData::distrust_extents(Inode& inode) {
  const std::lock_guard lock(inode.mutex);
  inode.extents.clear();
  inode.extents_change = 0;
  inode.extents_stamp = 0;
  inode.extents_until = 0;
  inode.own_blocks.clear();
}

void FileData::void_extents(InodeId id) {
  ++core_.extents_epoch;
  core_.pool.disown();
  if (id == no_inode) {
    for (const InodePtr& inode : core_.inodes.all()) distrust_extents(*inode);
  } else if (const InodePtr inode = core_.inodes.find(id)) {
    distrust_extents(*inode);
  }
}

// An answer that is older than what is known already is not taken: the asker asks again.
void FileData::learn(Inode& inode, const wire::ExtentsReply& reply, uint64_t sole, uint64_t extents_epoch) {
  const uint64_t stamp = core_.learned(sole, reply.leases, reply.home);
  core_.blocks.learn(reply.blocks);
  const std::lock_guard lock(inode.mutex);
  const bool outdated = inode.by_ourselves ? inode.progress.pending(inode.stored_logged)
                                           : inode.known && reply.attributes.change < inode.attributes.change;
  inode.learn(reply.attributes, stamp, core_.clock.now(), false);
  if (outdated || extents_epoch != core_.extents_epoch.load()) return;
  const bool goes_on = (stamp != 0 && stamp == inode.extents_stamp) || inode.progress.pending(inode.extents_until) ||
                       (inode.extents_change != 0 && inode.extents_change == reply.attributes.change);
  if (!goes_on) inode.extents.clear();
  const uint64_t end = reply.length > UINT64_MAX - reply.offset ? UINT64_MAX : reply.offset + reply.length;
  inode.extents.learn(reply.offset, end, reply.extents);
  inode.extents_change = reply.attributes.change;
  inode.extents_stamp = stamp;
  // While a lease is being given back, answers come without it; but it is not given back before control knows our changes.
  inode.extents_until = inode.pending() ? inode.logged : 0;
  inode.extents_asked = core_.clock.now();
}

// Until the extents of [offset, end) are known.
Status FileData::fetch_extents(net::Caller& caller, Inode& inode, uint64_t offset, uint64_t end) {
  for (int race = 0; race < max_races; ++race) {
    uint64_t from = 0;
    uint64_t number = 0;
    {
      const std::lock_guard lock(inode.mutex);
      if (knows(inode, offset, end)) return {};
      number = std::max(inode.made_logged, inode.stored_logged);
    }
    // What control does not know yet, it can't answer.
    if (auto told = core_.log.wait(caller, number, core_.options.timeout); !told) return told;
    {
      const std::lock_guard lock(inode.mutex);
      if (knows(inode, offset, end)) return {};
      from = extents_good(inode) ? std::max(chunk_floor(offset), inode.extents.known_until(offset)) : chunk_floor(offset);
    }
    const uint64_t stamp = core_.session.stamp();
    const uint64_t epoch = core_.extents_epoch.load();
    uint64_t stored = 0, cuts = 0;
    {
      const std::lock_guard lock(inode.mutex);
      stored = inode.stored_logged;
      cuts = inode.cuts;
    }
    wire::GetExtents question;
    question.inode = inode.id;
    question.offset = from;
    question.length = std::max(end - from, ask_bytes);
    auto reply = core_.control.ask(caller, question);
    if (!reply) return pass(reply);
    if (reply->length == 0) return fail(Code::malformed, "control answered no extents at all");
    {
      const std::lock_guard lock(inode.mutex);
      if (inode.stored_logged != stored || inode.cuts != cuts) continue;  // it was answered before that
    }
    learn(inode, *reply, stamp, epoch);
    const std::lock_guard lock(inode.mutex);
    if (inode.extents.known_until(from) > from) race = -1;  // it is getting on
  }
  return fail(Code::io, "the file's extents change faster than they can be read");
}

}  // namespace lace::fs
