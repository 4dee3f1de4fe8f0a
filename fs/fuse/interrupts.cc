#include "fs/fuse/interrupts.h"

#include <signal.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace lace::fs::fuse {
namespace {

constexpr size_t max_early = 1024;

uint64_t bit(int signal) { return uint64_t{1} << (signal - 1); }

// Signals whose default is to do nothing, to stop, or to go on.
const uint64_t harmless =
    bit(SIGCHLD) | bit(SIGURG) | bit(SIGWINCH) | bit(SIGCONT) | bit(SIGSTOP) | bit(SIGTSTP) | bit(SIGTTIN) | bit(SIGTTOU);

}  // namespace

bool is_dying(uint32_t thread) {
  std::ifstream status("/proc/" + std::to_string(thread) + "/status");
  uint64_t pending = 0, blocked = 0, ignored = 0, caught = 0;
  for (std::string line; std::getline(status, line);) {
    const auto mask = [&line] { return std::stoull(line.substr(line.find(':') + 1), nullptr, 16); };
    if (line.starts_with("SigPnd:") || line.starts_with("ShdPnd:")) pending |= mask();
    if (line.starts_with("SigBlk:")) blocked = mask();
    if (line.starts_with("SigIgn:")) ignored = mask();
    if (line.starts_with("SigCgt:")) caught = mask();
  }
  return (pending & ~(blocked | ignored | caught | harmless)) != 0;
}

Interrupts::Interrupts(const Clock& clock) : clock_(clock), timer_([this] { run_timer(); }) {}

Interrupts::~Interrupts() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  timer_.join();
}

void Interrupts::add(Worker& worker) {
  const std::lock_guard lock(mutex_);
  workers_.push_back(&worker);
  if (all_) worker.caller->interrupt();
}

void Interrupts::remove(Worker& worker) {
  const std::lock_guard lock(mutex_);
  std::erase(workers_, &worker);
}

void Interrupts::begin(Worker& worker, uint64_t unique, uint32_t process, bool patient) {
  {
    const std::lock_guard lock(mutex_);
    worker.unique = unique;
    worker.process = process;
    worker.patient = patient;
    if (early_.empty() || std::erase(early_, unique) == 0) return;
  }
  deliver(unique);
}

bool Interrupts::end(Worker& worker) {
  const std::lock_guard lock(mutex_);
  const bool early = !early_.empty() && std::erase(early_, worker.unique) != 0;
  const bool was = worker.interrupted || early;
  if (worker.interrupted && !all_) worker.caller->resume();
  worker.unique = 0;
  worker.interrupted = false;
  return was;
}

bool Interrupts::interrupt_now(uint64_t unique) {
  const std::lock_guard lock(mutex_);
  const auto busy = std::ranges::find(workers_, unique, &Worker::unique);
  if (busy == workers_.end()) return false;
  (*busy)->interrupted = true;
  (*busy)->caller->interrupt();
  return true;
}

void Interrupts::deliver(uint64_t unique) {
  uint32_t process = 0;
  bool patient = false;
  {
    const std::lock_guard lock(mutex_);
    const auto busy = std::ranges::find(workers_, unique, &Worker::unique);
    if (busy != workers_.end()) process = (*busy)->process, patient = (*busy)->patient;
  }
  if (process != 0 && patient && !is_dying(process)) return deliver_later(unique, patience);
  if (interrupt_now(unique) || (parked_ && parked_(unique))) return;
  {
    const std::lock_guard lock(mutex_);
    early_.push_back(unique);
    if (early_.size() > max_early) early_.pop_front();
  }
  // It may have begun, or begun and parked, meanwhile; begin() and end() look at early_, so nothing falls in between.
  if (interrupt_now(unique) || (parked_ && parked_(unique))) {
    const std::lock_guard lock(mutex_);
    std::erase(early_, unique);
  }
}

void Interrupts::deliver_later(uint64_t unique, Millis delay) {
  {
    const std::lock_guard lock(mutex_);
    due_.emplace(clock_.now() + delay, unique);
  }
  changed_.notify_all();
}

void Interrupts::wait_for_replies() {
  const std::lock_guard lock(mutex_);  // no worker goes away meanwhile; a reply takes microseconds and none of our locks
  for (const Worker* worker : workers_) {
    const uint64_t seen = worker->replying.load();
    while (seen % 2 == 1 && worker->replying.load() == seen) std::this_thread::yield();
  }
}

void Interrupts::interrupt_all() {
  const std::lock_guard lock(mutex_);
  all_ = true;
  for (Worker* worker : workers_) worker->caller->interrupt();
}

void Interrupts::run_timer() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (due_.empty()) {
      changed_.wait(lock);
    } else if (due_.begin()->first > clock_.now()) {
      changed_.wait_until(lock, due_.begin()->first);
    } else {
      const uint64_t unique = due_.extract(due_.begin()).mapped();
      lock.unlock();
      interrupt_now(unique);
      lock.lock();
    }
  }
}

}  // namespace lace::fs::fuse
