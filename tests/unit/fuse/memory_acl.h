// POSIX ACLs in the form of the attributes system.posix_acl_*, as far as modes and inheritance need them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lace::fs {

struct AclEntry {
  uint16_t tag, permissions;
  uint32_t id;
};
std::optional<std::vector<AclEntry>> parse_acl(const std::string& value);
std::string format_acl(const std::vector<AclEntry>& acl);
bool is_minimal(const std::vector<AclEntry>& acl);  // says no more than a mode does

uint32_t mode_of(const std::vector<AclEntry>& acl, uint32_t mode);  // access ACL set: the mode that goes with it
void apply_mode(std::vector<AclEntry>& acl, uint32_t mode);         // chmod
uint32_t inherit_mode(std::vector<AclEntry>& acl, uint32_t mode);   // a file made with `mode` below this default ACL

}  // namespace lace::fs
