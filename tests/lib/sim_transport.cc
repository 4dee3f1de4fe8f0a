#include "tests/lib/sim_transport.h"

#include <algorithm>
#include <optional>

#include "common/base/check.h"

namespace lace::sim {

class Simulation::SimClock final : public Clock {
 public:
  explicit SimClock(const Simulation& simulation) : simulation_(simulation) {}
  Instant now() const override { return simulation_.now_; }
  FileTime wall() const override {
    const auto since = simulation_.now_.time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
    return {1'700'000'000 + seconds.count(), static_cast<uint32_t>((since - seconds).count())};
  }

 private:
  const Simulation& simulation_;
};

class SimLoop final : public net::Loop {
 public:
  SimLoop(Simulation& simulation, std::string name, net::Peer peer)
      : simulation_(simulation), name_(std::move(name)), peer_(std::move(peer)), process_(std::make_shared<int>(0)) {
    CHECK(simulation_.loops_.emplace(name_, this).second);
  }
  ~SimLoop() override { die(); }

  void die() {
    if (!process_) return;
    process_.reset();
    simulation_.loops_.erase(name_);
    std::erase_if(simulation_.listeners_, [](const auto& entry) { return entry.second.process.expired(); });
  }

  const Clock& clock() const override { return simulation_.clock(); }
  void set_term(uint64_t term) override { term_ = term; }

  Status listen(const wire::Endpoint& endpoint, Handler handler) override {
    const auto taken = simulation_.listeners_.find(endpoint.url);
    if (taken != simulation_.listeners_.end()) return fail(Code::busy, endpoint.url + " is taken");
    simulation_.listeners_[endpoint.url] = {process_, name_, std::move(handler), this};
    return {};
  }

  void call(const wire::Endpoint& to, net::Request request, Millis timeout, Done done) override {
    const auto asked = std::make_shared<Asked>(Asked{std::move(done)});
    const auto answer_once = [asked](Result<net::Answer> answer) {
      if (const Done call_back = std::exchange(asked->done, nullptr)) call_back(std::move(answer));
    };
    const auto listener = simulation_.listeners_.find(to.url);
    if (listener == simulation_.listeners_.end()) {  // nobody there: known after a round trip
      later(simulation_.random_delay(simulation_.options_.least_delay, simulation_.options_.most_delay),
            [answer_once] { answer_once(fail(Code::unavailable, "nobody listens there")); });
      return;
    }
    later(timeout, [answer_once] { answer_once(fail(Code::unknown, "no answer in time")); });
    deliver(to.url, listener->second, std::move(request), timeout, answer_once);
  }

  net::TimerId after(Micros delay, std::function<void()> run) override {
    const auto id = static_cast<net::TimerId>(next_timer_++);
    const auto fire = [this, id, run = std::move(run)] {
      timers_.erase(id);
      run();
    };
    timers_[id] = simulation_.schedule(simulation_.now() + std::max(delay, Micros(0)), process_, name_, fire);
    return id;
  }
  void cancel(net::TimerId timer) override {
    const auto found = timers_.find(timer);
    if (found == timers_.end()) return;
    simulation_.unschedule(found->second);
    timers_.erase(found);
  }
  void when_drained(std::function<void()> run) override { later(Micros(20), std::move(run)); }
  void offload(std::function<void()> work, std::function<void()> then) override {
    later(simulation_.random_delay(Micros(1), simulation_.options_.offload_delay), [work, then] {
      work();
      then();
    });
  }
  void post(std::function<void()> run) override { later(Micros(0), std::move(run)); }
  void run() override { CHECK(!"the simulation runs its loops"); }
  void stop() override { stopped_ = true; }

 private:
  struct Asked {
    Done done;
  };

  void later(Micros delay, std::function<void()> run) {
    simulation_.schedule(simulation_.now() + delay, process_, name_, std::move(run));
  }

  template <class AnswerOnce>
  void deliver(const std::string& url, const Simulation::Listener& to, net::Request request, Millis timeout,
               const AnswerOnce& answer_once) {
    if (simulation_.is_cut(name_, to.name)) return;  // the timeout tells
    const Instant arrives = simulation_.arrival(name_, to.name);
    net::Incoming incoming{request.kind, std::move(request.body),    std::move(request.payload), peer_,
                           term_,        simulation_.now() + timeout};
    const auto kept = std::make_shared<net::Incoming>(std::move(incoming));

    // The answer travels back to a process that may be gone by then. An asked process that dies breaks the connection.
    struct Answering {
      Simulation* simulation;
      std::weak_ptr<void> asker, asked;
      std::string asker_name, asked_name;
      SimLoop* asked_loop;
      std::function<void(Result<net::Answer>)> answer_once;
      void send(Result<net::Answer> answer) {
        if (asked.expired()) answer = fail(Code::unknown, "the connection ended");
        if (!asked.expired() && simulation->is_cut(asker_name, asked_name)) return;
        if (answer && !asked.expired()) answer->term = asked_loop->term_;
        const Instant at = simulation->arrival(asked_name, asker_name);
        const auto shared = std::make_shared<Result<net::Answer>>(std::move(answer));
        simulation->schedule(at, asker, asker_name, [call_back = answer_once, shared] { call_back(std::move(*shared)); });
      }
    };
    const auto answering =
        std::make_shared<Answering>(Answering{&simulation_, process_, to.process, name_, to.name, to.loop, answer_once});
    simulation_.schedule(arrives, to.process, to.name, [this_simulation = &simulation_, url, kept, answering] {
      const auto listener = this_simulation->listeners_.find(url);
      if (listener == this_simulation->listeners_.end()) return;
      if (this_simulation->is_cut(answering->asker_name, answering->asked_name)) return;
      ++this_simulation->delivered_;
      listener->second.handler(std::move(*kept),
                               net::Responder([answering](Result<net::Answer> answer) { answering->send(std::move(answer)); }));
    });
    // A process that dies before the message arrives: the connection breaks as well.
    simulation_.schedule(arrives + Micros(1), process_, name_, [to_process = to.process, answer_once] {
      if (to_process.expired()) answer_once(fail(Code::unknown, "the connection ended"));
    });
  }

  Simulation& simulation_;
  const std::string name_;
  const net::Peer peer_;
  std::shared_ptr<void> process_;
  uint64_t term_ = 0;
  uint64_t next_timer_ = 1;
  std::map<net::TimerId, Simulation::Key> timers_;
  bool stopped_ = false;
};

namespace {

class SimCaller final : public net::Caller {
 public:
  SimCaller(Simulation& simulation, std::unique_ptr<net::Loop> loop) : simulation_(simulation), loop_(std::move(loop)) {}

  Ticket start(const wire::Endpoint& to, net::Request request, Millis timeout) override {
    const auto ticket = static_cast<Ticket>(next_++);
    answers_[ticket] = std::nullopt;
    loop_->call(to, std::move(request), timeout,
                [this, ticket](Result<net::Answer> answer) { answers_[ticket] = std::move(answer); });
    return ticket;
  }
  Result<net::Answer> finish(Ticket ticket) override {
    CHECK(answers_.contains(ticket));
    simulation_.run_until([&] { return answers_[ticket].has_value() || interrupted_; }, std::chrono::hours(1));
    auto answer = std::move(answers_[ticket]);
    answers_.erase(ticket);
    if (!answer) return fail(Code::interrupted);
    return std::move(*answer);
  }
  Status pause(Millis duration) override {
    simulation_.run_until([&] { return interrupted_; }, duration);
    return interrupted_ ? Status{fail(Code::interrupted)} : Status{};
  }
  void interrupt() override { interrupted_ = true; }
  void resume() override { interrupted_ = false; }

 private:
  Simulation& simulation_;
  std::unique_ptr<net::Loop> loop_;
  uint64_t next_ = 1;
  std::map<Ticket, std::optional<Result<net::Answer>>> answers_;
  bool interrupted_ = false;
};

}  // namespace

Simulation::Simulation(uint64_t seed, Options options)
    : options_(options), random_(seed), now_(std::chrono::hours(1)), clock_(std::make_unique<SimClock>(*this)) {}

// What never happened may hold Responders, which answer when they are dropped: that takes a queue that still stands.
Simulation::~Simulation() {
  while (!events_.empty() || !held_.empty()) {
    std::exchange(events_, {});
    std::exchange(held_, {});
  }
}

std::unique_ptr<net::Loop> Simulation::make_loop(const std::string& name, net::Peer peer) {
  return std::make_unique<SimLoop>(*this, name, std::move(peer));
}

std::unique_ptr<net::Caller> Simulation::make_caller(const std::string& name, net::Peer peer) {
  return std::make_unique<SimCaller>(*this, make_loop(name, std::move(peer)));
}

const Clock& Simulation::clock() const { return *clock_; }

void Simulation::run_for(Micros time) {
  run_until([] { return false; }, time);
}

bool Simulation::run_until(const std::function<bool()>& done, Micros limit) {
  const Instant end = now_ + limit;
  while (!done()) {
    if (!step(end)) {
      now_ = end;
      return done();
    }
  }
  return true;
}

void Simulation::kill(const std::string& name) {
  const auto found = loops_.find(name);
  CHECK(found != loops_.end());
  found->second->die();
}

// The next event, if there is one until `end`.
bool Simulation::step(Instant end) {
  if (events_.empty() || events_.begin()->first.first > end) return false;
  now_ = std::max(now_, events_.begin()->first.first);
  Event event = std::move(events_.begin()->second);
  events_.erase(events_.begin());
  if (event.process.expired()) return true;
  if (frozen_.contains(event.name)) {
    held_.push_back(std::move(event));
    return true;
  }
  event.run();
  return true;
}

void Simulation::thaw(const std::string& name) {
  frozen_.erase(name);
  for (Event& event : std::exchange(held_, {})) {
    if (frozen_.contains(event.name)) {
      held_.push_back(std::move(event));
    } else {
      schedule(now_, event.process, event.name, std::move(event.run));
    }
  }
}

Simulation::Key Simulation::schedule(Instant at, const std::weak_ptr<void>& process, const std::string& name,
                                     std::function<void()> run) {
  const Key key{std::max(at, now_), next_event_++};
  events_[key] = {process, name, std::move(run)};
  return key;
}

Instant Simulation::arrival(const std::string& from, const std::string& to) {
  Instant& last = last_arrival_[{from, to}];
  last = std::max(last, now_ + random_delay(options_.least_delay, options_.most_delay));
  return last;
}

void Simulation::cut(const std::string& a, const std::string& b) { cuts_.insert(std::minmax(a, b)); }
void Simulation::heal() { cuts_.clear(); }
bool Simulation::is_cut(const std::string& a, const std::string& b) const { return cuts_.contains(std::minmax(a, b)); }

Micros Simulation::random_delay(Micros least, Micros most) {
  return Micros(std::uniform_int_distribution<int64_t>(least.count(), std::max(least, most).count())(random_));
}

}  // namespace lace::sim
