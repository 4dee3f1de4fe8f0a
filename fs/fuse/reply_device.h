// To which descriptor of /dev/fuse this thread's replies go: a request must be answered where it was read.
#pragma once

namespace lace::fs::fuse {

// -1: the session's own descriptor (for messages that answer nothing).
inline int& reply_device() {
  static thread_local int device = -1;
  return device;
}

class ReplyDevice {
 public:
  explicit ReplyDevice(int device) : before_(reply_device()) { reply_device() = device; }
  ~ReplyDevice() { reply_device() = before_; }
  ReplyDevice(const ReplyDevice&) = delete;
  ReplyDevice& operator=(const ReplyDevice&) = delete;

 private:
  const int before_;
};

}  // namespace lace::fs::fuse
