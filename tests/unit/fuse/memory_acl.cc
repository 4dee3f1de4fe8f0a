#include "tests/unit/fuse/memory_acl.h"

#include <cstring>

namespace lace::fs {
namespace {

enum Tag : uint16_t { user_obj = 1, user = 2, group_obj = 4, group = 8, mask = 16, other = 32 };

AclEntry* find(std::vector<AclEntry>& acl, uint16_t tag) {
  for (AclEntry& entry : acl) {
    if (entry.tag == tag) return &entry;
  }
  return nullptr;
}
AclEntry* group_class(std::vector<AclEntry>& acl) {
  AclEntry* found = find(acl, mask);
  return found ? found : find(acl, group_obj);
}
uint16_t bits(uint32_t mode, int shift) { return static_cast<uint16_t>((mode >> shift) & 7); }

}  // namespace

std::optional<std::vector<AclEntry>> parse_acl(const std::string& value) {
  uint32_t version = 0;
  if (value.size() < 4 || (value.size() - 4) % 8 != 0) return std::nullopt;
  std::memcpy(&version, value.data(), 4);
  if (version != 2) return std::nullopt;
  std::vector<AclEntry> acl((value.size() - 4) / 8);
  std::memcpy(acl.data(), value.data() + 4, acl.size() * 8);
  return acl;
}

std::string format_acl(const std::vector<AclEntry>& acl) {
  std::string value("\2\0\0\0", 4);
  value.append(reinterpret_cast<const char*>(acl.data()), acl.size() * 8);
  return value;
}

bool is_minimal(const std::vector<AclEntry>& acl) { return acl.size() <= 3; }

uint32_t mode_of(const std::vector<AclEntry>& given, uint32_t mode) {
  std::vector<AclEntry> acl = given;
  mode &= ~0777u;
  if (const AclEntry* one = find(acl, user_obj)) mode |= uint32_t{one->permissions} << 6;
  if (const AclEntry* one = group_class(acl)) mode |= uint32_t{one->permissions} << 3;
  if (const AclEntry* one = find(acl, other)) mode |= one->permissions;
  return mode;
}

void apply_mode(std::vector<AclEntry>& acl, uint32_t mode) {
  if (AclEntry* one = find(acl, user_obj)) one->permissions = bits(mode, 6);
  if (AclEntry* one = group_class(acl)) one->permissions = bits(mode, 3);
  if (AclEntry* one = find(acl, other)) one->permissions = bits(mode, 0);
}

uint32_t inherit_mode(std::vector<AclEntry>& acl, uint32_t mode) {
  const uint32_t allowed = mode_of(acl, 0) & mode & 0777;
  apply_mode(acl, allowed);
  return (mode & ~0777u) | allowed;
}

}  // namespace lace::fs
