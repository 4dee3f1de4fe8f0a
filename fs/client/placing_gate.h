// Whoever writes bytes to storage servers goes by what it knows of extents: from when it looks at them until control has been
// told where the bytes are, it is inside. Whoever has pages shared, here or at another mount, closes the gate: then nobody is
// inside, and those who come wait. Thread-safe.
#pragma once

#include <condition_variable>
#include <mutex>
#include <utility>

#include "common/net/transport.h"

namespace lace::fs {

class PlacingGate {
 public:
  class Pass {
   public:
    Pass() = default;
    explicit Pass(PlacingGate* gate) : gate_(gate) {}
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&& other) noexcept {
      std::swap(gate_, other.gate_);
      return *this;
    }
    ~Pass() {
      if (gate_ != nullptr) gate_->leave();
    }

   private:
    PlacingGate* gate_ = nullptr;
  };

  // Errors: interrupted, io (it was closed for so long).
  Result<Pass> enter(net::Caller& caller, Millis within = Millis::max());
  // Returns when nobody is inside. Several may have it closed. Errors: interrupted, try_again (somebody was inside for so
  // long); then it is not closed.
  Status close(net::Caller& caller, Millis within);
  void open();

 private:
  void leave();

  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned inside_ = 0;
  unsigned closed_ = 0;
};

}  // namespace lace::fs
