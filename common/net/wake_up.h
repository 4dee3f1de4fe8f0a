// Wakes a thread that waits in poll(2): an eventfd. Any thread may call set().
#pragma once

namespace lace::net {

class WakeUp {
 public:
  WakeUp();  // ends the process if there is no descriptor left
  ~WakeUp();
  WakeUp(const WakeUp&) = delete;
  WakeUp& operator=(const WakeUp&) = delete;

  void set();    // the descriptor becomes readable
  void clear();  // and is no more
  int fd() const { return fd_; }

 private:
  const int fd_;
};

}  // namespace lace::net
