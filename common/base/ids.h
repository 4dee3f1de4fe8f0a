// Ids are distinct types, so that a block can't be passed where an inode is meant.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>

namespace lace {

enum class InodeId : uint64_t {};    // 1 is the root directory; 0 is none
enum class BlockId : uint64_t {};    // never used twice; 0 is none
enum class ServerId : uint32_t {};   // a storage server, given at its first registration; 0 is none
enum class SessionId : uint64_t {};  // a mount, given at OpenSession; 0 is none
enum class LockOwner : uint64_t {};  // as the kernel names the owner of a file lock
using Epoch = uint32_t;              // of a block; 1 is the first; grows whenever its set of in-sync copies changes

inline constexpr InodeId root_inode{1};
inline constexpr InodeId no_inode{0};

template <class Id>
requires std::is_enum_v<Id>
constexpr auto raw(Id id) { return static_cast<std::underlying_type_t<Id>>(id); }

inline constexpr uint64_t page_bytes = 4096;                 // unit of checksums and of holes
inline constexpr uint64_t block_bytes = uint64_t{64} << 20;  // address space of a block
inline constexpr uint64_t block_pages = block_bytes / page_bytes;
inline constexpr uint64_t max_file_bytes = uint64_t{16} << 40;  // 16 TiB
inline constexpr uint64_t max_io_bytes = uint64_t{1} << 20;     // payload of one read or write message
inline constexpr size_t max_name_bytes = 255;
inline constexpr size_t max_copies = 5;

// Sessions may number new inodes themselves, without asking: their id in the upper half keeps the numbers of all apart, and
// leaves those below 2^32 to control.
constexpr bool can_number(SessionId session) { return raw(session) > 0 && raw(session) < (uint64_t{1} << 31); }
constexpr InodeId numbered_by(SessionId session, uint32_t number) { return InodeId{raw(session) << 32 | number}; }
constexpr bool is_numbered_by(SessionId session, InodeId inode) {
  return can_number(session) && raw(inode) >> 32 == raw(session);
}

// "b0000000000001a2f": how a block is called in file names, logs and output.
std::string to_string(BlockId block);

}  // namespace lace
