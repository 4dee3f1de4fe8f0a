// Bytes that were written and are not on the servers yet. Not thread-safe: the inode's mutex guards it; a Snapshot may be
// read without it, because bytes that were handed out in one are never changed in place.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "fs/cache/range_set.h"

namespace lace::fs {

struct DirtyBuffer {
  explicit DirtyBuffer(size_t bytes) : data(new char[bytes]), capacity(bytes) {}
  const std::unique_ptr<char[]> data;
  const size_t capacity;
  size_t used = 0;  // guarded by the inode's mutex
};

struct DirtyPiece {
  uint64_t offset = 0;  // in the file
  std::shared_ptr<DirtyBuffer> buffer;
  size_t start = 0;  // in the buffer
  size_t length = 0;
  size_t frozen = 0;  // so many of the first bytes are in a snapshot

  uint64_t end() const { return offset + length; }
  std::string_view view() const { return {buffer->data.get() + start, length}; }
};

class DirtySnapshot {
 public:
  std::vector<DirtyPiece> pieces;  // by offset, not overlapping

  bool empty() const { return pieces.empty(); }
  uint64_t bytes() const;
  uint64_t end() const { return pieces.empty() ? 0 : pieces.back().end(); }
  std::vector<Range> runs() const;  // merged
  // The bytes of [offset, offset + length); what is not dirty there is zero. Without a copy where one piece holds it all.
  Bytes payload(uint64_t offset, size_t length) const;

 private:
  size_t first_ending_behind(uint64_t offset) const;
};

class DirtyMap {
 public:
  static constexpr uint64_t chunk_bytes = uint64_t{1} << 20;  // pieces do not cross its multiples

  void write(uint64_t offset, std::string_view bytes);
  // Copies what is dirty of [offset, offset + length) to its place in `into`; answers what is not.
  std::vector<Range> read(uint64_t offset, size_t length, char* into) const;
  void drop(uint64_t begin, uint64_t end);
  void clear();

  // `ripe`: only runs' whole chunks: for sending while the file still grows.
  DirtySnapshot snapshot(uint64_t max_bytes, bool ripe);
  // They are stored: forgets what of them was not overwritten since.
  void forget(const DirtySnapshot& snapshot);

  bool empty() const { return pieces_.empty(); }
  uint64_t bytes() const { return bytes_; }
  uint64_t end() const { return pieces_.empty() ? 0 : pieces_.rbegin()->second.end(); }
  std::optional<Range> next_data(uint64_t offset) const;
  std::vector<Range> ranges(uint64_t begin, uint64_t end) const;

 private:
  using Pieces = std::map<uint64_t, DirtyPiece>;
  Pieces::const_iterator first_touching(uint64_t offset) const;
  bool append(uint64_t offset, std::string_view bytes);
  bool overwrite(uint64_t offset, std::string_view bytes);
  void insert(uint64_t offset, std::string_view bytes, size_t capacity);
  void write_within_chunk(uint64_t offset, std::string_view bytes);

  Pieces pieces_;
  uint64_t bytes_ = 0;
};

}  // namespace lace::fs
