// The engine that reads /dev/fuse.
#pragma once

#include <atomic>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

#include "fs/fuse/engine.h"
#include "fs/fuse/worker.h"

namespace lace::fs::fuse {

class DeviceEngine final : public Engine {
 public:
  DeviceEngine(Service& service, net::Network& network, int max_threads);
  ~DeviceEngine() override;
  Status greet() override;
  void start(std::function<void()> ended) override;
  void stop() override;

 private:
  struct Thread {
    explicit Thread(std::unique_ptr<net::Caller> caller) : worker(std::move(caller)) {}
    Worker worker;
    std::thread thread;
    bool done = false;  // guarded by mutex_
  };
  enum class Next { go_on, ended };

  void add_thread();
  void serve(Thread& thread);
  Next serve_one(Worker& worker, char* buffer, size_t room);
  void carry_out(Worker& worker, char* message, size_t length);

  Service& service_;
  net::Network& network_;
  const int max_threads_;
  const int session_device_;

  std::function<void()> ended_;  // set by start()
  std::atomic<bool> stopping_{false}, told_ended_{false}, full_{false};
  std::atomic<int> idle_{0};  // threads that wait for a request

  std::mutex mutex_;
  std::list<Thread> threads_;  // guarded by mutex_; none leaves before stop()
  std::condition_variable changed_;
};

}  // namespace lace::fs::fuse
