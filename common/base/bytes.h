// Bytes: an immutable piece of memory that may be shared, so that file content passes from socket to disk uncopied.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace lace {

class Bytes {
 public:
  Bytes() = default;
  // Takes the string's memory.
  explicit Bytes(std::string text) {
    auto held = std::make_shared<const std::string>(std::move(text));
    view_ = *held;
    owner_ = std::move(held);
  }
  // `owner` keeps `view` alive.
  Bytes(std::string_view view, std::shared_ptr<const void> owner) : view_(view), owner_(std::move(owner)) {}

  std::string_view view() const { return view_; }
  const char* data() const { return view_.data(); }
  size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  Bytes slice(size_t offset, size_t length) const { return Bytes(view_.substr(offset, length), owner_); }
  const std::shared_ptr<const void>& owner() const { return owner_; }

 private:
  std::string_view view_;
  std::shared_ptr<const void> owner_;
};

}  // namespace lace
