// Sends what was written behind: long runs at once, the rest after a second, everything when memory is short. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "fs/client/file_data.h"
#include "fs/client/worker.h"

namespace lace::fs {

class Flusher {
 public:
  static constexpr Millis oldest{1'000};  // unsent data
  static constexpr Millis tick{250};
  static constexpr uint64_t scattered_bytes = uint64_t{16} << 20;  // so much is sent even if it is no whole runs

  Flusher(Core& core, FileData& data) : core_(core), data_(data) {}
  ~Flusher() { stop(); }
  // Called (no lock held) some time after a file was flushed, by whomever.
  std::function<void(const InodePtr&)> on_flushed = [](const InodePtr&) {};

  void start();
  void stop();  // after what is being sent; what is not, stays

  void changed(const InodePtr& inode);  // it has changes (again)
  void ripe(const InodePtr& inode);     // its `queued` was set by the caller
  void press();                         // everything, now
  // All changes that exist now, in the caller's thread; after `until` no more are begun. The first error is answered, the
  // others are remembered.
  Status flush_all(net::Caller& caller, Instant until = Instant::max());

 private:
  void run(net::Caller& caller);
  void flush_ripe(net::Caller& caller, const InodePtr& inode);
  void flush_aged(net::Caller& caller, bool all);
  std::vector<InodePtr> with_changes(bool all);

  Core& core_;
  FileData& data_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<InodePtr> ripe_;
  std::map<InodeId, InodePtr> changed_;
  bool pressed_ = false;
  bool scanning_ = false;  // one thread at a time looks for what is old
  bool stopping_ = false;
  Instant scanned_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace lace::fs
