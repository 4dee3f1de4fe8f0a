#include "fs/cache/dirty_map.h"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "common/base/check.h"

namespace lace::fs {

namespace {

constexpr size_t first_capacity = 4096;

DirtyPiece part_of(const DirtyPiece& piece, uint64_t begin, uint64_t end) {
  DirtyPiece part = piece;
  const size_t skip = begin - piece.offset;
  part.offset = begin;
  part.start += skip;
  part.length = end - begin;
  part.frozen = std::min(part.length, piece.frozen > skip ? piece.frozen - skip : 0);
  return part;
}

// Whether `piece` still shows the very bytes of `stored` where they overlap.
bool same_bytes(const DirtyPiece& piece, const DirtyPiece& stored) {
  return piece.buffer == stored.buffer && piece.offset + stored.start == stored.offset + piece.start;
}

}  // namespace

DirtyMap::Pieces::const_iterator DirtyMap::first_touching(uint64_t offset) const {
  auto at = pieces_.upper_bound(offset);
  if (at != pieces_.begin() && std::prev(at)->second.end() > offset) --at;
  return at;
}

void DirtyMap::write(uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t room = chunk_bytes - offset % chunk_bytes;
    const size_t now = std::min(room, bytes.size());
    write_within_chunk(offset, bytes.substr(0, now));
    offset += now;
    bytes.remove_prefix(now);
  }
}

void DirtyMap::write_within_chunk(uint64_t offset, std::string_view bytes) {
  if (overwrite(offset, bytes)) return;
  drop(offset, offset + bytes.size());
  if (append(offset, bytes)) return;
  // A run that grows gets larger buffers, up to the end of its chunk.
  const uint64_t room = chunk_bytes - offset % chunk_bytes;
  size_t capacity = bytes.size();
  if (const auto at = pieces_.lower_bound(offset); at != pieces_.begin() && std::prev(at)->second.end() == offset) {
    capacity = std::max(std::max(first_capacity, capacity), std::prev(at)->second.buffer->capacity * 4);
  } else if (offset % chunk_bytes == 0 && bytes.size() >= 65'536) {
    capacity = chunk_bytes;  // the start of a stream
  }
  insert(offset, bytes, std::min<uint64_t>(capacity, room));
}

bool DirtyMap::overwrite(uint64_t offset, std::string_view bytes) {
  auto at = pieces_.upper_bound(offset);
  if (at == pieces_.begin()) return false;
  DirtyPiece& piece = std::prev(at)->second;
  if (offset + bytes.size() > piece.end() || offset < piece.offset + piece.frozen) return false;
  std::memcpy(piece.buffer->data.get() + piece.start + (offset - piece.offset), bytes.data(), bytes.size());
  return true;
}

bool DirtyMap::append(uint64_t offset, std::string_view bytes) {
  auto at = pieces_.lower_bound(offset);
  if (at == pieces_.begin()) return false;
  DirtyPiece& piece = std::prev(at)->second;
  DirtyBuffer& buffer = *piece.buffer;
  if (piece.end() != offset || offset % chunk_bytes == 0 || piece.start + piece.length != buffer.used) return false;
  if (buffer.capacity - buffer.used < bytes.size()) return false;
  std::memcpy(buffer.data.get() + buffer.used, bytes.data(), bytes.size());
  buffer.used += bytes.size();
  piece.length += bytes.size();
  bytes_ += bytes.size();
  return true;
}

void DirtyMap::insert(uint64_t offset, std::string_view bytes, size_t capacity) {
  DirtyPiece piece{offset, std::make_shared<DirtyBuffer>(std::max(capacity, bytes.size())), 0, bytes.size(), 0};
  std::memcpy(piece.buffer->data.get(), bytes.data(), bytes.size());
  piece.buffer->used = bytes.size();
  bytes_ += bytes.size();
  CHECK(pieces_.emplace(offset, std::move(piece)).second);
}

std::vector<Range> DirtyMap::read(uint64_t offset, size_t length, char* into) const {
  std::vector<Range> missing;
  uint64_t at = offset;
  const uint64_t end = offset + length;
  for (auto piece = first_touching(offset); piece != pieces_.end() && piece->first < end; ++piece) {
    const uint64_t from = std::max(at, piece->first);
    const uint64_t to = std::min(end, piece->second.end());
    if (from > at) missing.push_back({at, from});
    std::memcpy(into + (from - offset), piece->second.view().data() + (from - piece->first), to - from);
    at = to;
  }
  if (at < end) missing.push_back({at, end});
  return missing;
}

void DirtyMap::drop(uint64_t begin, uint64_t end) {
  if (begin >= end) return;
  auto at = pieces_.upper_bound(begin);
  if (at != pieces_.begin() && std::prev(at)->second.end() > begin) --at;
  while (at != pieces_.end() && at->first < end) {
    const DirtyPiece old = std::move(at->second);
    at = pieces_.erase(at);
    bytes_ -= std::min(end, old.end()) - std::max(begin, old.offset);
    if (old.offset < begin) pieces_.emplace(old.offset, part_of(old, old.offset, begin));
    if (old.end() > end) pieces_.emplace(end, part_of(old, end, old.end()));
  }
}

void DirtyMap::clear() {
  pieces_.clear();
  bytes_ = 0;
}

DirtySnapshot DirtyMap::snapshot(uint64_t max_bytes, bool ripe) {
  DirtySnapshot result;
  uint64_t bytes = 0;
  for (auto at = pieces_.begin(); at != pieces_.end() && bytes < max_bytes;) {
    auto last = at;  // pieces of one chunk that follow each other
    while (std::next(last) != pieces_.end() && std::next(last)->first == last->second.end() &&
           last->second.end() % chunk_bytes != 0)
      ++last;
    const bool whole = last->second.end() % chunk_bytes == 0;
    const auto behind = std::next(last);
    for (; at != behind; ++at) {
      if (ripe && !whole) continue;
      at->second.frozen = at->second.length;
      bytes += at->second.length;
      result.pieces.push_back(at->second);
    }
  }
  return result;
}

void DirtyMap::forget(const DirtySnapshot& snapshot) {
  for (const DirtyPiece& stored : snapshot.pieces) {
    std::vector<Range> same;
    for (auto at = first_touching(stored.offset); at != pieces_.end() && at->first < stored.end(); ++at) {
      if (same_bytes(at->second, stored))
        same.push_back({std::max(stored.offset, at->first), std::min(stored.end(), at->second.end())});
    }
    for (const Range& range : same) drop(range.begin, range.end);
  }
}

std::optional<Range> DirtyMap::next_data(uint64_t offset) const {
  auto at = first_touching(offset);
  if (at == pieces_.end()) return std::nullopt;
  Range data{std::max(offset, at->first), at->second.end()};
  for (++at; at != pieces_.end() && at->first == data.end; ++at) data.end = at->second.end();
  return data;
}

std::vector<Range> DirtyMap::ranges(uint64_t begin, uint64_t end) const {
  std::vector<Range> result;
  while (const auto data = next_data(begin)) {
    if (data->begin >= end) break;
    result.push_back({data->begin, std::min(end, data->end)});
    begin = data->end;
  }
  return result;
}

uint64_t DirtySnapshot::bytes() const {
  uint64_t sum = 0;
  for (const DirtyPiece& piece : pieces) sum += piece.length;
  return sum;
}

std::vector<Range> DirtySnapshot::runs() const {
  std::vector<Range> result;
  for (const DirtyPiece& piece : pieces) {
    if (!result.empty() && result.back().end == piece.offset)
      result.back().end = piece.end();
    else
      result.push_back({piece.offset, piece.end()});
  }
  return result;
}

size_t DirtySnapshot::first_ending_behind(uint64_t offset) const {
  const auto at = std::partition_point(pieces.begin(), pieces.end(), [&](const DirtyPiece& p) { return p.end() <= offset; });
  return static_cast<size_t>(at - pieces.begin());
}

Bytes DirtySnapshot::payload(uint64_t offset, size_t length) const {
  const uint64_t end = offset + length;
  size_t index = first_ending_behind(offset);
  if (index < pieces.size() && pieces[index].offset <= offset && pieces[index].end() >= end) {
    const DirtyPiece& piece = pieces[index];
    return Bytes(piece.view().substr(offset - piece.offset, length), piece.buffer);
  }
  std::string gathered(length, '\0');
  for (; index < pieces.size() && pieces[index].offset < end; ++index) {
    const DirtyPiece& piece = pieces[index];
    const uint64_t from = std::max(offset, piece.offset);
    const uint64_t to = std::min(end, piece.end());
    std::memcpy(gathered.data() + (from - offset), piece.view().data() + (from - piece.offset), to - from);
  }
  return Bytes(std::move(gathered));
}

}  // namespace lace::fs
