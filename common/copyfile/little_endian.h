// Numbers at byte offsets, little-endian, in formats on disk.
#pragma once

#include <bit>
#include <cstring>
#include <string>
#include <string_view>

namespace lace::copyfile {

static_assert(std::endian::native == std::endian::little, "formats on disk are little-endian; swap here for others");

template <class Number>
void put_at(std::string& bytes, size_t offset, Number number) {
  std::memcpy(bytes.data() + offset, &number, sizeof number);
}

template <class Number>
Number get_at(std::string_view bytes, size_t offset) {
  Number number;
  std::memcpy(&number, bytes.data() + offset, sizeof number);
  return number;
}

}  // namespace lace::copyfile
