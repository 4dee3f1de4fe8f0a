// A digest of what is in pages, by their entries in the table: the same on two copies if what they hold is the same, as far as
// the pages' checksums tell.
#pragma once

#include <cstdint>

#include "common/copyfile/format.h"

namespace lace::storage {

class PagesDigest {
 public:
  void add(const copyfile::PageEntry& entry) {
    // What was never written is as good as what was written as zero; a page that was lost stands for what it should be.
    const bool bytes = (entry.tag & copyfile::PageEntry::epoch_mask) != 0 && (entry.tag & copyfile::PageEntry::zero_flag) == 0;
    mix(bytes ? uint64_t{1} << 32 | entry.crc : 0);
  }
  void skip() { mix(uint64_t{1} << 33); }
  uint64_t value() const { return value_; }

 private:
  // The finalizer of SplitMix64 (Steele, Lea, Flood 2014).
  void mix(uint64_t word) {
    value_ += 0x9e3779b97f4a7c15 + word;
    value_ = (value_ ^ value_ >> 30) * 0xbf58476d1ce4e5b9;
    value_ = (value_ ^ value_ >> 27) * 0x94d049bb133111eb;
    value_ ^= value_ >> 31;
  }
  uint64_t value_ = 0;
};

}  // namespace lace::storage
