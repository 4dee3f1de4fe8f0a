// Threads that leave signals to those who wait for them.
#pragma once

#include <csignal>
#include <thread>
#include <utility>

#include <pthread.h>

namespace lace::net {

template <class Function>
std::thread quiet_thread(Function function) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // a thread starts with its maker's mask
  std::thread made(std::move(function));
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return made;
}

}  // namespace lace::net
