// A thread that carries out requests of the kernel, and what belongs to it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/net/transport.h"

namespace lace::fs::fuse {

struct Worker {
  explicit Worker(std::unique_ptr<net::Caller> its_caller) : caller(std::move(its_caller)) {}

  const std::unique_ptr<net::Caller> caller;
  int device = -1;           // the descriptor requests are read from; an answer must go to the same one
  std::vector<char> buffer;  // for the bytes of an answer; grows to the largest

  // Odd while a reply with cache times is on its way into the kernel. Written by this thread only.
  std::atomic<uint64_t> replying{0};

  // Guarded by Interrupts: the request in hand.
  uint64_t unique = 0;  // 0: none
  uint32_t process = 0;
  bool patient = false;  // lets a request that will soon be done finish, whatever signals come
  bool interrupted = false;

  char* room(size_t bytes) {
    if (buffer.size() < bytes) buffer.resize(bytes);
    return buffer.data();
  }

  // Of the calling thread; null where it is none.
  static Worker*& current() {
    static thread_local Worker* mine = nullptr;
    return mine;
  }
};

}  // namespace lace::fs::fuse
