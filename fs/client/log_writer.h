// Empties the operation log: brings content to the storage servers, then tells control, in order. Two threads: while one
// batch is synced and committed, the next is on its way to the servers already. What somebody waits for, with nothing in front
// of it, the first thread tells control itself.
//
// Content that lies where nothing was before is on stable storage before control is told where: so what is left after a power
// cut is what was done up to some moment, and never a file that is longer than its bytes.
#pragma once

#include <deque>
#include <functional>
#include <mutex>

#include "fs/client/file_data.h"
#include "fs/client/staging.h"
#include "fs/client/worker.h"

namespace lace::fs {

class LogWriter {
 public:
  static constexpr size_t most_waiting = 64;                     // batches that are stored and not yet told
  static constexpr uint64_t most_unsynced = uint64_t{32} << 20;  // bytes of content in them: an fsync waits for these
  static constexpr size_t most_operations = 8'000;               // of one commit
  static constexpr size_t most_message_bytes = size_t{4} << 20;

  LogWriter(Core& core, FileData& data) : core_(core), data_(data) {}
  ~LogWriter() { stop(); }
  // Control refused what was answered with success here already. Called without locks.
  std::function<void(const LogEntry&, const Error&)> on_refused = [](const LogEntry&, const Error&) {};

  void start();
  void stop();  // what is not written stays unwritten

 private:
  struct Batch {
    uint64_t epoch = 0;
    uint64_t last = 0;              // number
    std::vector<LogEntry> entries;  // content replaced by its operation
    std::vector<BlockId> fresh;
    uint64_t bytes = 0;  // of content
    bool hurried = false;
  };

  void stage(net::Caller& caller);
  void stage_entries(net::Caller& caller, OperationLog::Taken taken);
  void settle(net::Caller& caller, FileData::Staging& staging, Batch& batch);
  bool hand_over(net::Caller& caller, Batch& batch, uint64_t last);
  void commit(net::Caller& caller);
  bool next(Batch& batch);
  bool commit_here(net::Caller& caller, Batch& batch);
  void commit_batch(net::Caller& caller, Batch& batch);
  Status sync_fresh(net::Caller& caller, const std::vector<BlockId>& blocks);
  Status tell(net::Caller& caller, Batch& batch);
  bool is_void(const Batch& batch) const { return batch.epoch != core_.log.epoch(); }

  Core& core_;
  FileData& data_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> waiting_;
  uint64_t waiting_bytes_ = 0;
  bool committing_now_ = false;  // one of the threads tells control
  bool stopping_ = false;
  std::unique_ptr<Worker> staging_;
  std::unique_ptr<Worker> committing_;
};

}  // namespace lace::fs
