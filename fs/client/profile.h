// What a mount does, counted: its operations, and the messages that it sends. For `lace profile`. Thread-safe; a few atomic
// additions for each.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/net/transport.h"

namespace lace::fs {

// How often something was done and how long it took, in steps of a quarter of an octave.
class Durations {
 public:
  static constexpr size_t buckets = 160;
  // The bucket of a duration, and the shortest one that is in none below the next.
  static size_t bucket_of(uint64_t nanos) {
    if (nanos < 4) return nanos;
    const auto octave = static_cast<uint64_t>(std::bit_width(nanos)) - 1;  // 2 or more
    const uint64_t quarter = (nanos >> (octave - 2)) & 3;
    const uint64_t bucket = 4 + (octave - 2) * 4 + quarter;
    return bucket < buckets ? bucket : buckets - 1;
  }
  static uint64_t end_of(size_t bucket) {
    if (bucket < 4) return bucket + 1;
    return (4 + bucket % 4 + 1) << ((bucket - 4) / 4);
  }

  void add(uint64_t nanos, bool asked) {
    counts_[bucket_of(nanos)].fetch_add(1, std::memory_order_relaxed);
    nanos_.fetch_add(nanos, std::memory_order_relaxed);
    if (asked) asked_.fetch_add(1, std::memory_order_relaxed);
  }
  // "NANOS ASKED BUCKET=COUNT ..."; nothing: it was never done.
  std::string text() const;

 private:
  std::array<std::atomic<uint64_t>, buckets> counts_{};
  std::atomic<uint64_t> nanos_{0}, asked_{0};
};

class Profile {
 public:
  static constexpr size_t most_kinds = 1024;  // of messages
  static constexpr size_t most_operations = 64;

  // The number of that name in this process.
  static size_t number_of(std::string_view name);
  Durations& operation(size_t number) { return operations_[number]; }
  Durations& message(wire::Kind kind) { return messages_[static_cast<size_t>(kind) % most_kinds]; }

  // How many messages this thread has sent through counting callers.
  static uint64_t& sent_here() {
    static thread_local uint64_t sent = 0;
    return sent;
  }

  // One line each, "operation NAME " or "message NAME " and Durations::text().
  std::string text() const;

 private:
  std::array<Durations, most_operations> operations_;
  std::array<Durations, most_kinds> messages_;
};

// A network whose callers count what they send; loops are as they are. All three outlive it.
std::unique_ptr<net::Network> make_counting_network(net::Network& network, const Clock& clock, Profile& profile);

}  // namespace lace::fs
