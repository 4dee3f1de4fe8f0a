#include "common/base/ids.h"

#include <cstdio>

namespace lace {

std::string to_string(BlockId block) {
  char text[24];
  std::snprintf(text, sizeof text, "b%016llx", static_cast<unsigned long long>(raw(block)));
  return text;
}

}  // namespace lace
