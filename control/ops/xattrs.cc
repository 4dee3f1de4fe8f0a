#include "control/ops/xattrs.h"

#include <algorithm>

#include "control/ops/acl.h"

namespace lace::control {

void note_xattrs(Store& store, wire::Attributes& attributes) {
  const auto names = store.xattrs.names(attributes.inode);
  attributes.has_xattr = !names.empty();
  attributes.has_acl = std::any_of(names.begin(), names.end(),
                                   [](const std::string& name) { return name == access_acl_name || name == default_acl_name; });
}

}  // namespace lace::control
