#include "tests/lib/sim_transport.h"

#include <algorithm>
#include <optional>

#include "common/base/check.h"

namespace lace::sim {

static std::string process_of(const std::string& loop) { return loop.substr(0, loop.find('/')); }

static FileTime wall_of(Instant now) {
  const auto since = now.time_since_epoch();
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since);
  return {1'700'000'000 + seconds.count(), static_cast<uint32_t>((since - seconds).count())};
}

class Simulation::TrueClock final : public Clock {
 public:
  explicit TrueClock(const Simulation& simulation) : simulation_(simulation) {}
  Instant now() const override { return simulation_.now_; }
  FileTime wall() const override { return wall_of(now()); }

 private:
  const Simulation& simulation_;
};

// The clock of one process. It outlives the process: the next one of that name goes on with it.
class Simulation::ProcessClock final : public Clock {
 public:
  explicit ProcessClock(const Simulation& simulation) : simulation_(simulation), since_(simulation.now_), then_(since_) {}
  Instant now() const override { return then_ + scaled(simulation_.now_ - since_, 1 + drift_); }
  FileTime wall() const override { return wall_of(now()); }
  void set_drift(double drift) {
    then_ = now();
    since_ = simulation_.now_;
    drift_ = drift;
  }
  // How long it truly takes until this clock has gained so much.
  Micros truly(Micros time) const {
    return drift_ == 0 ? time : std::chrono::ceil<Micros>(scaled(std::chrono::nanoseconds(time), 1 / (1 + drift_)));
  }

 private:
  static std::chrono::nanoseconds scaled(std::chrono::nanoseconds time, double by) {
    return std::chrono::nanoseconds(static_cast<int64_t>(static_cast<double>(time.count()) * by));
  }
  const Simulation& simulation_;
  Instant since_;  // true time
  Instant then_;   // what this clock showed
  double drift_ = 0;
};

class SimLoop final : public net::Loop {
 public:
  SimLoop(Simulation& simulation, std::string name, net::Peer peer)
      : simulation_(simulation),
        name_(std::move(name)),
        process_name_(process_of(name_)),
        peer_(std::move(peer)),
        process_(std::make_shared<int>(0)) {
    static_cast<void>(simulation_.clock_of(process_name_));
    clock_ = simulation_.clocks_.at(process_name_).get();
    CHECK(simulation_.loops_.emplace(name_, this).second);
  }
  ~SimLoop() override { die(); }

  void die() {
    if (!process_) return;
    process_.reset();
    simulation_.loops_.erase(name_);
    std::erase_if(simulation_.listeners_, [](const auto& entry) { return entry.second.process.expired(); });
  }

  const Clock& clock() const override { return *clock_; }
  void set_term(uint64_t term) override { term_ = term; }
  const std::string& process_name() const { return process_name_; }

  Status listen(const wire::Endpoint& endpoint, Handler handler) override {
    const auto taken = simulation_.listeners_.find(endpoint.url);
    if (taken != simulation_.listeners_.end()) return fail(Code::busy, endpoint.url + " is taken");
    simulation_.listeners_[endpoint.url] = {process_, process_name_, std::move(handler), this};
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
            [answer_once, url = to.url] { answer_once(fail(Code::unavailable, url + ": nobody answers there")); });
      return;
    }
    later(clock_->truly(timeout), [answer_once, url = to.url, timeout] {
      answer_once(fail(Code::unknown, url + ": no answer within " + std::to_string(timeout.count()) + " ms"));
    });
    deliver(to.url, listener->second, std::move(request), timeout, answer_once);
  }

  net::TimerId after(Micros delay, std::function<void()> run) override {
    const auto id = static_cast<net::TimerId>(next_timer_++);
    const auto fire = [this, id, run = std::move(run)] {
      if (timers_.erase(id) > 0) run();  // else it was cancelled while its process stood still
    };
    const Instant at = simulation_.now() + clock_->truly(std::max(delay, Micros(0)));
    timers_[id] = simulation_.schedule(at, process_, process_name_, fire);
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
    later(simulation_.disk_delay(process_name_), [this, work = std::move(work), then = std::move(then)]() mutable {
      work();
      later(simulation_.random_delay(Micros(0), Micros(20)), std::move(then));
    });
  }
  void post(std::function<void()> run) override { later(Micros(0), std::move(run)); }
  void run() override { CHECK(!"the simulation runs its loops"); }
  void stop() override { stopped_ = true; }

 private:
  struct Asked {
    Done done;
  };
  using AnswerOnce = std::function<void(Result<net::Answer>)>;

  // One request and its answer, on one connection.
  struct Exchange final : Simulation::Line, std::enable_shared_from_this<Exchange> {
    Simulation* simulation = nullptr;
    std::weak_ptr<void> asker, asked;
    std::string asker_name, asked_name;  // of the processes
    std::string asker_loop, url;
    AnswerOnce answer_once;
    bool ended = false;

    void break_off() const { answer_once(fail(Code::unknown, url + ": the connection ended before the answer came")); }
    void end() override {
      if (std::exchange(ended, true)) return;
      const Instant at = simulation->now() + simulation->random_delay(Micros(1), Micros(1'000));
      simulation->schedule(at, asker, asker_name, [self = shared_from_this()] { self->break_off(); });
    }
    // The answer travels back to a process that may be gone by then. An asked process that dies breaks the connection.
    void send(Result<net::Answer> answer, uint64_t term) {
      if (asked.expired()) answer = fail(Code::unknown, url + ": the connection ended before the answer came");
      if (!asked.expired() && simulation->is_cut(asked_name, asker_name)) return;
      if (answer && !asked.expired()) answer->term = term;
      const auto shared = std::make_shared<Result<net::Answer>>(std::move(answer));
      simulation->schedule(simulation->arrival(asked_name, asker_loop), asker, asker_name, [self = shared_from_this(), shared] {
        if (!self->ended) self->answer_once(std::move(*shared));
      });
    }
  };

  void later(Micros delay, std::function<void()> run) {
    simulation_.schedule(simulation_.now() + delay, process_, process_name_, std::move(run));
  }

  void deliver(const std::string& url, const Simulation::Listener& to, net::Request request, Millis timeout,
               const AnswerOnce& answer_once) {
    const auto exchange = std::make_shared<Exchange>();
    exchange->simulation = &simulation_;
    exchange->asker = process_;
    exchange->asked = to.process;
    exchange->asker_name = process_name_;
    exchange->asked_name = to.name;
    exchange->asker_loop = name_;
    exchange->url = url;
    exchange->answer_once = answer_once;
    simulation_.add_line(process_name_, to.name, exchange);
    const bool repeats =
        simulation_.repeats_ > 0 && simulation_.may_repeat_(request.kind) && simulation_.one_in(simulation_.repeats_);
    const auto kept = std::make_shared<net::Incoming>(
        net::Incoming{request.kind, std::move(request.body), std::move(request.payload), peer_, term_, {}});
    const bool last = simulation_.one_in(simulation_.loss_);
    if (!simulation_.is_cut(process_name_, to.name)) {
      send_request(exchange, kept, timeout);
      if (repeats) send_request(exchange, kept, timeout);
    }
    if (last) simulation_.reset(process_name_, to.name);
  }

  void send_request(const std::shared_ptr<Exchange>& exchange, const std::shared_ptr<net::Incoming>& kept, Millis timeout) {
    const Instant arrives = simulation_.arrival(name_, exchange->asked_name);
    simulation_.schedule(arrives, exchange->asked, exchange->asked_name, [kept, exchange, timeout] {
      Simulation& simulation = *exchange->simulation;
      const auto listener = simulation.listeners_.find(exchange->url);
      if (listener == simulation.listeners_.end() || exchange->ended) return;
      if (simulation.is_cut(exchange->asker_name, exchange->asked_name)) return;
      ++simulation.delivered_;
      net::Incoming incoming = *kept;
      incoming.deadline = listener->second.loop->clock().now() + timeout;
      if (simulation.observer_) simulation.observer_(exchange->asker_loop, exchange->asked_name, incoming);
      listener->second.handler(std::move(incoming),
                               net::Responder([exchange, loop = listener->second.loop](Result<net::Answer> answer) {
                                 exchange->send(std::move(answer), exchange->asked.expired() ? 0 : loop->term_);
                               }));
    });
    // A process that dies before the message arrives: the connection breaks as well.
    simulation_.schedule(arrives + Micros(1), process_, process_name_, [exchange] {
      if (exchange->asked.expired()) exchange->break_off();
    });
  }

  Simulation& simulation_;
  const std::string name_;
  const std::string process_name_;
  const net::Peer peer_;
  std::shared_ptr<void> process_;
  const Simulation::ProcessClock* clock_ = nullptr;
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
    : options_(options), random_(seed), now_(std::chrono::hours(1)), clock_(std::make_unique<TrueClock>(*this)) {}

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

const Clock& Simulation::clock_of(const std::string& process) {
  auto& clock = clocks_[process];
  if (!clock) clock = std::make_unique<ProcessClock>(*this);
  return *clock;
}

void Simulation::set_drift(const std::string& process, double drift) {
  static_cast<void>(clock_of(process));
  clocks_.at(process)->set_drift(drift);
}

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

bool Simulation::lives(const std::string& process) const {
  return std::any_of(loops_.begin(), loops_.end(), [&](const auto& loop) { return loop.second->process_name() == process; });
}

void Simulation::kill(const std::string& process) {
  std::vector<SimLoop*> dying;
  for (const auto& [name, loop] : loops_) {
    if (loop->process_name() == process) dying.push_back(loop);
  }
  CHECK(!dying.empty());
  for (SimLoop* loop : dying) loop->die();
  std::erase_if(held_, [&](const Event& event) { return event.name == process; });
  frozen_.erase(process);
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
  note(static_cast<uint64_t>(now_.time_since_epoch().count()));
  note(std::hash<std::string>()(event.name));
  event.run();
  return true;
}

void Simulation::thaw(const std::string& process) {
  frozen_.erase(process);
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
  Micros delay = random_delay(options_.least_delay, options_.most_delay);
  for (const std::string& end : {process_of(from), process_of(to)}) {
    const auto lag = lags_.find(end);
    if (lag != lags_.end() && lag->second.count() > 0) delay += random_delay(Micros(0), lag->second);
  }
  Instant& last = last_arrival_[{from, to}];
  last = std::max(last, now_ + delay);
  return last;
}

void Simulation::cut(const std::string& a, const std::string& b) {
  cut_one_way(a, b);
  cut_one_way(b, a);
}

void Simulation::add_line(const std::string& a, const std::string& b, const std::shared_ptr<Line>& line) {
  Lines& lines = lines_[std::minmax(a, b)];
  lines.all.push_back(line);
  if (lines.all.size() < lines.look_at) return;
  std::erase_if(lines.all, [](const auto& each) { return each.expired(); });
  lines.look_at = std::max<size_t>(64, 2 * lines.all.size());
}

void Simulation::reset(const std::string& a, const std::string& b) {
  const auto found = lines_.find(std::minmax(a, b));
  if (found == lines_.end()) return;
  for (const auto& each : std::exchange(found->second.all, {})) {
    if (const auto line = each.lock()) line->end();
  }
}

Micros Simulation::disk_delay(const std::string& process) {
  const auto lag = disk_lags_.find(process);
  return random_delay(Micros(1), lag == disk_lags_.end() ? options_.offload_delay : lag->second);
}

Micros Simulation::random_delay(Micros least, Micros most) {
  return Micros(std::uniform_int_distribution<int64_t>(least.count(), std::max(least, most).count())(random_));
}

}  // namespace lace::sim
