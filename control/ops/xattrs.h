// What the operations on extended attributes share.
#pragma once

#include <string_view>

#include "control/store/store.h"

namespace lace::control {

inline constexpr std::string_view capability_name = "security.capability";
inline constexpr size_t max_xattr_name_bytes = 255;
inline constexpr size_t max_xattr_value_bytes = 65'536;  // as the kernel
inline constexpr size_t max_xattr_list_bytes = 65'536;   // all names of an inode, each with a zero, as listxattr(2) answers
inline constexpr size_t max_xattr_total_bytes = size_t{1} << 20;  // all values of an inode

// Sets has_xattr and has_acl to what is stored.
void note_xattrs(Store& store, wire::Attributes& attributes);

}  // namespace lace::control
