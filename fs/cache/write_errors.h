// The latest error of what was written behind since somebody asked: for syncfs, which tells of all files at once, while each
// file remembers its own for who has it open. Thread-safe.
#pragma once

#include <mutex>
#include <optional>

#include "common/base/result.h"

namespace lace::fs {

class WriteErrors {
 public:
  void note(const Error& error) {
    const std::lock_guard lock(mutex_);
    latest_ = error;
  }
  Status take() {
    const std::lock_guard lock(mutex_);
    if (!latest_) return {};
    const Error error = std::move(*latest_);
    latest_.reset();
    return tl::unexpected<Error>(error);
  }

 private:
  std::mutex mutex_;
  std::optional<Error> latest_;
};

}  // namespace lace::fs
