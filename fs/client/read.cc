// FileData: reading. Dirty bytes first, the rest from the servers.
#include <cstring>

#include "fs/client/file_data.h"

namespace lace::fs {

namespace {

constexpr int max_replans = 50;

void add_reads(const Extent& extent, char* into, std::vector<BlockRead>& reads) {
  for (uint64_t done = 0; done < extent.length;) {
    const uint64_t now = std::min(max_io_bytes, extent.length - done);
    reads.push_back({extent.block, extent.block_offset + done, now, into + done});
    done += now;
  }
}

}  // namespace

// Copies what is dirty now, zeroes holes and lists what must be read: all of one moment. False: extents are `unknown`.
bool FileData::plan_read(Inode& inode, uint64_t offset, size_t length, char* into, std::vector<BlockRead>& reads,
                         Range& unknown) {
  reads.clear();
  for (const Range& range : inode.dirty.read(offset, length, into)) {
    if (!knows(inode, range.begin, range.end)) {
      unknown = range;
      return false;
    }
    std::memset(into + (range.begin - offset), 0, range.length());
    for (const Extent& extent : inode.extents.within(range.begin, range.end))
      add_reads(extent, into + (extent.offset - offset), reads);
  }
  return true;
}

Result<size_t> FileData::read(net::Caller& caller, const InodePtr& inode, uint64_t offset, char* into, size_t length) {
  std::vector<BlockRead> reads;
  bool asked_size = false;
  for (int plan = 0; plan < max_replans; ++plan) {
    Range unknown;
    size_t within = 0;
    bool planned = false;
    {
      const std::lock_guard lock(inode->mutex);
      const uint64_t size = inode->size();
      if (core_.believes(*inode)) asked_size = true;
      within = offset >= size ? 0 : std::min<uint64_t>(length, size - offset);
      if (within > 0) planned = plan_read(*inode, offset, within, into, reads, unknown);
    }
    if (within == 0) {
      if (asked_size) return size_t{0};
      asked_size = true;  // another mount may have made it longer
      if (auto fresh = refresh(caller, inode); !fresh) return pass(fresh);
      continue;
    }
    if (!planned) {
      if (auto known = fetch_extents(caller, *inode, unknown.begin, unknown.end); !known) return pass(known);
      continue;
    }
    if (reads.empty()) return within;
    const Status done = core_.storage.read(caller, reads);
    if (done) return within;
    if (done.error().code != Code::stale) return pass(done);
    distrust_extents(*inode);
  }
  return fail(Code::io, "the file changes faster than it can be read");
}

Result<std::optional<Range>> FileData::next_data(net::Caller& caller, const InodePtr& inode, uint64_t offset) {
  for (uint64_t from = offset;;) {
    uint64_t size = 0;
    {
      const std::lock_guard lock(inode->mutex);
      size = inode->size();
      if (from >= size) return std::nullopt;
      const uint64_t known_to = extents_good(*inode) ? std::min(size, inode->extents.known_until(from)) : from;
      auto dirty = inode->dirty.next_data(from);
      auto stored = known_to > from ? inode->extents.next_data(from) : std::nullopt;
      if (stored && stored->begin >= known_to) stored.reset();
      // The first data is certain if it begins in what is known.
      if (dirty && (!stored || dirty->begin <= stored->begin) && dirty->begin <= known_to)
        return Range{dirty->begin, std::min(size, dirty->end)};
      if (stored) return Range{stored->begin, std::min(size, stored->end)};
      if (known_to > from) {
        from = known_to;
        continue;
      }
    }
    if (auto known = fetch_extents(caller, *inode, from, from + 1); !known) return pass(known);
  }
}

Result<wire::Attributes> FileData::refresh(net::Caller& caller, const InodePtr& inode) {
  if (auto told = core_.tell(caller, *inode); !told) return pass(told);
  return ask_attributes(caller, inode);
}

Result<wire::Attributes> FileData::ask_attributes(net::Caller& caller, const InodePtr& inode) {
  const uint64_t sole = core_.session.stamp();
  wire::GetAttributes question;
  question.inode = inode->id;
  auto reply = core_.control.ask(caller, question);
  if (!reply) return pass(reply);
  const std::lock_guard lock(inode->mutex);
  inode->learn(reply->attributes, core_.learned(sole, reply->leases, reply->home), core_.clock.now(), false);
  return inode->shown();
}

}  // namespace lace::fs
