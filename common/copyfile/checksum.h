// crc32c (Castagnoli), as iSCSI and ext4 use it. ISA-L, with the processor's instructions where it has them.
#pragma once

#include <cstdint>
#include <string_view>

namespace lace::copyfile {

// `before` continues an earlier checksum. crc32c("123456789") is 0xe3069283.
uint32_t crc32c(std::string_view bytes, uint32_t before = 0);

}  // namespace lace::copyfile
