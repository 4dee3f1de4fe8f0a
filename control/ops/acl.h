// POSIX access control lists as Linux keeps them in extended attributes (acl(5); linux/posix_acl_xattr.h): a 32-bit
// version, 2, then entries of 16-bit tag, 16-bit permissions and 32-bit id, all little-endian.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace lace::control {

inline constexpr std::string_view access_acl_name = "system.posix_acl_access";
inline constexpr std::string_view default_acl_name = "system.posix_acl_default";

class Acl {
 public:
  // Errors: invalid (not such a list, or one that acl(5) does not allow).
  static Result<Acl> parse(std::string_view bytes);
  std::string bytes() const;

  // The permission bits (0777) that stand for this list.
  uint32_t mode() const;
  // It says no more than those bits do.
  bool is_minimal() const;
  // What chmod(2) does to it.
  void set_mode(uint32_t mode);
  // The list of a new file whose maker asked for `mode`, made from its directory's default list.
  void restrict_to(uint32_t mode);

 private:
  enum Tag : uint16_t { user_obj = 1, user = 2, group_obj = 4, group = 8, mask = 16, other = 32 };
  struct Entry {
    uint16_t tag = 0;
    uint16_t permissions = 0;
    uint32_t id = 0;
  };
  bool is_valid() const;
  Entry* find(Tag tag);
  const Entry* find(Tag tag) const { return const_cast<Acl*>(this)->find(tag); }
  Entry& group_class();  // the mask, or the owning group where there is none

  std::vector<Entry> entries_;
};

}  // namespace lace::control
