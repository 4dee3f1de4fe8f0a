// Threads for work that blocks. Started at the first use, joined at the end.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace lace::net {

class Workers {
 public:
  explicit Workers(int threads) : wanted_(threads) {}
  ~Workers();  // what runs is waited for; what is queued is dropped
  void run(std::function<void()> work);

 private:
  void work();

  const int wanted_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // guarded by mutex_
  std::deque<std::function<void()>> queue_;
  int idle_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace lace::net
