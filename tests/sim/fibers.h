// Threads of simulated processes: coroutines with stacks of their own, of which one runs at a time, until it waits. What a
// thread does is an event of the simulation, so that all of them together take the same course in every run of a seed.
//
// thread_functions.cc gives the program its own pthread_create, pthread_mutex_lock, pthread_cond_wait and clock_gettime, made
// of these: fs/client runs on them as it is, with its threads, locks and condition variables.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>

#include "common/net/transport.h"

namespace lace::sim {

class Fiber;

// What a process of several threads has in common. The threads of one that was killed never run again.
struct Process {
  net::Loop& loop;  // outlives the threads
  std::mt19937_64& random;
  uint32_t yields_one_in = 0;  // before it takes a lock, a thread lets others go first; 0: never
};

// Begins to run as an event of its own.
std::shared_ptr<Fiber> start_fiber(Process& process, std::function<void()> body);

// Null: no thread runs, but the simulation itself.
Fiber* current_fiber();
Process* process_of_current();

// A number that only the thread that runs has now; the simulation itself has one too.
int mark_of_current();

// Of the thread that runs. True: wake() was called; false: the time has passed.
bool park(std::optional<Micros> longest = std::nullopt);
// May be called before, after and without park(); only what is parked wakes up.
void wake(Fiber& fiber);
bool is_parked(const Fiber& fiber);
void give_way();
bool has_ended(const Fiber& fiber);
void wait_for_end(const std::shared_ptr<Fiber>& fiber);

}  // namespace lace::sim
