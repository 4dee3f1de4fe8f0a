#include "tests/sim/fibers.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <set>
#include <vector>

#include "common/base/check.h"

namespace lace::sim {
namespace {

constexpr size_t stack_bytes = size_t{512} << 10;
constexpr size_t guard_bytes = 4'096;

Fiber* running = nullptr;
ucontext_t scheduler;
int last_mark = 1;

}  // namespace

// Those that have not ended. What lies on the stack of a thread that was killed stays where it is, for others point to it.
static std::set<std::shared_ptr<Fiber>>& unended() {
  static std::set<std::shared_ptr<Fiber>> all;
  return all;
}

class Fiber : public std::enable_shared_from_this<Fiber> {
 public:
  Fiber(Process& its_process, std::function<void()> its_body) : process(its_process), body(std::move(its_body)) {
    void* memory = mmap(nullptr, stack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(memory != MAP_FAILED);
    CHECK(mprotect(memory, guard_bytes, PROT_NONE) == 0);
    stack = memory;
    CHECK(getcontext(&context) == 0);
    context.uc_stack.ss_sp = memory;
    context.uc_stack.ss_size = stack_bytes;
    context.uc_link = nullptr;
    makecontext(&context, enter, 0);
  }
  ~Fiber() { munmap(stack, stack_bytes); }

  static void enter() {
    Fiber* self = running;
    self->body();
    self->ended = true;
    for (Fiber* waiting : self->joining) wake(*waiting);
    self->leave();
    CHECK(!"an ended thread runs");
  }
  void run() {
    CHECK(running == nullptr);
    running = this;
    CHECK(swapcontext(&scheduler, &context) == 0);
    running = nullptr;
    if (ended) unended().erase(shared_from_this());
  }
  void leave() { CHECK(swapcontext(&context, &scheduler) == 0); }

  void resume_later() {
    process.loop.post([self = shared_from_this()] { self->run(); });
  }

  Process& process;
  const int mark = ++last_mark;
  std::function<void()> body;
  bool ended = false;
  bool parked = false;
  bool woken = false;
  std::vector<Fiber*> joining;

 private:
  void* stack = nullptr;
  ucontext_t context{};
};

std::shared_ptr<Fiber> start_fiber(Process& process, std::function<void()> body) {
  auto fiber = std::make_shared<Fiber>(process, std::move(body));
  unended().insert(fiber);
  fiber->resume_later();
  return fiber;
}

int mark_of_current() { return running == nullptr ? 1 : running->mark; }
Fiber* current_fiber() { return running; }
Process* process_of_current() { return running == nullptr ? nullptr : &running->process; }

bool park(std::optional<Micros> longest) {
  CHECK(running != nullptr);  // the simulation itself never waits for one of its threads
  Fiber& self = *running;
  self.parked = true;
  self.woken = false;
  std::optional<net::TimerId> timer;
  if (longest) {
    timer = self.process.loop.after(*longest, [fiber = self.shared_from_this()] {
      if (!fiber->parked) return;
      fiber->parked = false;
      fiber->run();
    });
  }
  self.leave();
  if (timer && self.woken) self.process.loop.cancel(*timer);
  return self.woken;
}

void wake(Fiber& fiber) {
  if (!fiber.parked) return;
  fiber.parked = false;
  fiber.woken = true;
  fiber.resume_later();
}

bool is_parked(const Fiber& fiber) { return fiber.parked; }

void give_way() {
  running->resume_later();
  running->leave();
}

bool has_ended(const Fiber& fiber) { return fiber.ended; }

void wait_for_end(const std::shared_ptr<Fiber>& fiber) {
  while (!fiber->ended) {
    fiber->joining.push_back(running);
    park();
  }
}

}  // namespace lace::sim
