// The functions by which the C++ library makes threads, locks, waits, asks for the time and for random numbers, made anew over
// Fibers and virtual time. They take the place of the C library's in this program, for its shared libraries too; before a
// simulation runs there is one thread, for which they do the same.
#include <link.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "common/base/check.h"
#include "tests/sim/fibers.h"
#include "tests/sim/thread_functions.h"

namespace lace::sim {
namespace {

const Clock* true_clock = nullptr;
std::mt19937_64 random_bytes{1};

struct Waiter {
  Fiber* fiber;
  bool chosen = false;
};

// By the address of a lock or a condition variable.
using Waiting = std::map<const void*, std::deque<Waiter*>>;
Waiting& waiting() {
  static Waiting all;
  return all;
}

std::map<pthread_t, std::shared_ptr<Fiber>>& threads() {
  static std::map<pthread_t, std::shared_ptr<Fiber>> all;
  return all;
}

bool wait_at(const void* place, std::optional<Micros> longest) {
  Waiter self{current_fiber()};
  waiting()[place].push_back(&self);
  const bool woken = park(longest);
  if (self.chosen) return true;
  CHECK(!woken);
  auto& line = waiting()[place];
  std::erase(line, &self);
  if (line.empty()) waiting().erase(place);
  return false;
}

void wake_at(const void* place, bool all) {
  const auto found = waiting().find(place);
  if (found == waiting().end()) return;
  while (!found->second.empty()) {
    Waiter* first = found->second.front();
    found->second.pop_front();
    if (!is_parked(*first->fiber)) continue;  // its time has just passed
    first->chosen = true;
    wake(*first->fiber);
    if (!all) break;
  }
  if (found->second.empty()) waiting().erase(found);
}

// Locks of libraries, as that of the log, are not worth to wait for: and what a run says must not change its course.
bool is_of_library(const void* lock) {
  using Parts = std::vector<std::pair<uintptr_t, uintptr_t>>;
  static const Parts parts = [] {
    Parts all;
    dl_iterate_phdr(
        [](dl_phdr_info* object, size_t, void* into) {
          for (int i = 0; i < object->dlpi_phnum; ++i) {
            const auto& part = object->dlpi_phdr[i];
            const uintptr_t begin = object->dlpi_addr + part.p_vaddr;
            if (part.p_type == PT_LOAD) static_cast<Parts*>(into)->emplace_back(begin, begin + part.p_memsz);
          }
          return 0;
        },
        &all);
    return all;
  }();
  const auto at = reinterpret_cast<uintptr_t>(lock);
  return std::any_of(parts.begin(), parts.end(), [at](const auto& part) { return part.first <= at && at < part.second; });
}

// Before a thread takes a lock others may go first.
void maybe_give_way(const void* lock) {
  Process* process = process_of_current();
  if (process == nullptr || process->yields_one_in == 0 || is_of_library(lock)) return;
  if (process->random() % process->yields_one_in == 0) give_way();
}

const Clock* clock_here() {
  const Process* process = process_of_current();
  return process == nullptr ? true_clock : &process->loop.clock();
}

// Of a lock, in its own memory: whose it is (a mark; null: nobody's), and how often it was taken.
struct Lock {
  explicit Lock(pthread_mutex_t* mutex)
      : count(mutex->__data.__lock), owner(mutex->__data.__owner), kind(mutex->__data.__kind) {}
  int& count;
  int& owner;
  const int kind;
};

std::optional<Micros> time_until(clockid_t clock, const timespec& until) {
  const auto at = std::chrono::seconds(until.tv_sec) + std::chrono::nanoseconds(until.tv_nsec);
  timespec now{};
  clock_gettime(clock, &now);
  const auto is = std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
  return std::max(Micros(0), std::chrono::ceil<Micros>(at - is));
}

}  // namespace

void begin_virtual_time(const Clock& clock, uint64_t seed) {
  true_clock = &clock;
  random_bytes.seed(seed);
}

}  // namespace lace::sim

using namespace lace::sim;

extern "C" {

// ---------------------------------------------------------------- locks

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  Lock lock(mutex);
  const int self = mark_of_current();
  maybe_give_way(mutex);
  if (lock.count > 0 && lock.owner == self) {
    CHECK((lock.kind & 3) == PTHREAD_MUTEX_RECURSIVE_NP);
    ++lock.count;
    return 0;
  }
  while (lock.count > 0) wait_at(mutex, std::nullopt);
  lock.count = 1;
  lock.owner = self;
  return 0;
}

int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
  Lock lock(mutex);
  const int self = mark_of_current();
  const bool again = lock.owner == self && (lock.kind & 3) == PTHREAD_MUTEX_RECURSIVE_NP;
  if (lock.count > 0 && !again) return EBUSY;
  ++lock.count;
  lock.owner = self;
  return 0;
}

int pthread_mutex_unlock(pthread_mutex_t* mutex) noexcept {
  Lock lock(mutex);
  CHECK(lock.count > 0);
  if (--lock.count > 0) return 0;
  lock.owner = 0;
  wake_at(mutex, false);
  return 0;
}

int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  pthread_mutex_unlock(mutex);
  wait_at(condition, std::nullopt);
  pthread_mutex_lock(mutex);
  return 0;
}

int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock, const timespec* until) {
  pthread_mutex_unlock(mutex);
  const bool woken = wait_at(condition, time_until(clock, *until));
  pthread_mutex_lock(mutex);
  return woken ? 0 : ETIMEDOUT;
}

int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  return pthread_cond_clockwait(condition, mutex, CLOCK_REALTIME, until);
}

int pthread_cond_signal(pthread_cond_t* condition) noexcept {
  wake_at(condition, false);
  return 0;
}

int pthread_cond_broadcast(pthread_cond_t* condition) noexcept {
  wake_at(condition, true);
  return 0;
}

// ---------------------------------------------------------------- threads

int pthread_create(pthread_t* thread, const pthread_attr_t*, void* (*run)(void*), void* argument) noexcept {
  Process* process = process_of_current();
  CHECK(process != nullptr);  // only threads make threads: they belong to the same process
  static pthread_t last = 0;
  *thread = ++last;
  threads()[*thread] = start_fiber(*process, [run, argument] { run(argument); });
  return 0;
}

int pthread_join(pthread_t thread, void** result) {
  const auto found = threads().find(thread);
  CHECK(found != threads().end());
  wait_for_end(found->second);
  threads().erase(thread);
  if (result != nullptr) *result = nullptr;
  return 0;
}

int pthread_detach(pthread_t thread) noexcept {
  threads().erase(thread);
  return 0;
}

// ---------------------------------------------------------------- time and chance

int clock_gettime(clockid_t which, timespec* now) noexcept {
  const lace::Clock* clock = clock_here();
  const bool wall = which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE;
  const bool monotonic = which == CLOCK_MONOTONIC || which == CLOCK_MONOTONIC_COARSE || which == CLOCK_BOOTTIME;
  if (clock == nullptr || !(wall || monotonic)) return static_cast<int>(syscall(SYS_clock_gettime, which, now));
  if (wall) {
    const lace::FileTime time = clock->wall();
    *now = {time.seconds, time.nanos};
    return 0;
  }
  const auto since = std::chrono::nanoseconds(clock->now().time_since_epoch()).count();
  *now = {since / 1'000'000'000, since % 1'000'000'000};
  return 0;
}

ssize_t getrandom(void* into, size_t length, unsigned int) {
  auto* bytes = static_cast<unsigned char*>(into);
  for (size_t i = 0; i < length; ++i) bytes[i] = static_cast<unsigned char>(random_bytes());
  return static_cast<ssize_t>(length);
}

void randombytes_buf(void* const into, const size_t length) { getrandom(into, length, 0); }  // of libsodium
}
