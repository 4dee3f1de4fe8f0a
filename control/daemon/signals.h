// Signals that end a daemon gracefully.
#pragma once

#include <functional>
#include <thread>

#include <pthread.h>

#include <csignal>

namespace lace::control {

// Signals come to this thread only; it has been blocked for them before any other thread was made.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&set_, signal);  // SIGUSR1 ends the waiting
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }
  void watch(std::function<void()> stop) {
    thread_ = std::thread([this, stop = std::move(stop)] {
      int signal = 0;
      if (sigwait(&set_, &signal) == 0 && signal != SIGUSR1) stop();
    });
  }
  ~Signals() {
    if (!thread_.joinable()) return;
    pthread_kill(thread_.native_handle(), SIGUSR1);
    thread_.join();
  }

 private:
  sigset_t set_{};
  std::thread thread_;
};

}  // namespace lace::control
