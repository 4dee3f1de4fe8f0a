#include "common/copyfile/checksum.h"

#include <climits>

#include <isa-l/crc.h>

#include "common/base/check.h"

namespace lace::copyfile {

uint32_t crc32c(std::string_view bytes, uint32_t before) {
  CHECK(bytes.size() <= INT_MAX);
  auto* data = const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));  // ISA-L only reads it
  return ~crc32_iscsi(data, static_cast<int>(bytes.size()), ~before);
}

}  // namespace lace::copyfile
