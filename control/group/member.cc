#include "control/group/member.h"

#include <algorithm>

#include "common/base/log.h"

namespace lace::control {
namespace {

constexpr Millis tick_every{25};
constexpr Millis join_every{300};
constexpr Millis told_within{300};       // the next master, by the one that goes
constexpr Millis handed_over_in{1'500};  // by a server that is to stop

}  // namespace

Member::Member(net::Loop& loop, Register& record, MemberOptions options, MemberProcess process)
    : loop_(loop),
      register_(record),
      options_(std::move(options)),
      process_(std::move(process)),
      mastership_({options_.self, {}, 0, false}, options_.timing),
      following_(loop, options_.directory, process_.open) {
  following_.set_on_placed([this](const std::string& cluster) {
    if (const Status joined = process_.joined(cluster); !joined) return process_.refused(joined.error());
    mastership_.set_namespace(cluster, 0, false);
  });
}

// The server owns the namespace: what uses it goes first.
Member::~Member() {
  gate_.reset();
  snapshots_.reset();
  shipping_.reset();
}

Status Member::start() {
  if (process_.exists()) {
    if (const Status opened = following_.open(); !opened) return opened;
  }
  for (const wire::Endpoint& endpoint : options_.self.endpoints) {
    const Status listening = loop_.listen(endpoint, [this](net::Incoming incoming, net::Responder responder) {
      receive(std::move(incoming), std::move(responder));
    });
    if (!listening) return listening;
    log::info("control.listening", {{"url", endpoint.url}});
  }
  if (following_.names() != nullptr) {
    begin();
  } else {
    choose();
  }
  tick();
  return {};
}

// Without a namespace: if there is no group yet it is made here, else it comes from the master.
void Member::choose() {
  register_.read([this](Result<std::optional<Stored>> stored) {
    if (!stored) {
      static log::Limiter limiter;
      if (limiter.pass()) log::warn("control.record_not_read", {{"reason", stored.error().what}});
      loop_.after(options_.timing.retry, [this] { choose(); });
      return;
    }
    if (!*stored) {
      made_now_ = true;
      if (const Status made = following_.open(); !made) return process_.refused(made.error());
    }
    begin();
  });
}

void Member::begin() {
  if (Namespace* names = following_.names()) {
    const bool founds = made_now_ || names->position().number == 0 || options_.new_group;
    mastership_.set_namespace(names->cluster(), names->term(), founds);
  }
  begun_ = true;
  step(Mastership::Tick{});
}

// ---------------------------------------------------------------- what mastership wants done

void Member::step(const Mastership::Event& event) {
  for (const Mastership::Effect& effect : mastership_.step(loop_.clock().now(), event)) {
    std::visit([this](const auto& what) { run(what); }, effect);
  }
}

void Member::run(const Mastership::ReadRecord&) {
  register_.read([this](Result<std::optional<Stored>> stored) {
    if (!stored) {
      static log::Limiter limiter;
      if (limiter.pass()) log::warn("control.record_not_read", {{"reason", stored.error().what}});
    }
    step(Mastership::RecordRead{std::move(stored)});
  });
}

void Member::run(const Mastership::SwapRecord& effect) {
  register_.swap(effect.revision, effect.record, [this](Result<uint64_t> revision) {
    const std::vector<std::string> before = mastership_.record().in_sync;
    step(Mastership::Swapped{std::move(revision)});
    if (before == mastership_.record().in_sync) return;
    std::string names;
    for (const std::string& name : mastership_.record().in_sync) names += (names.empty() ? "" : ", ") + name;
    log::info("control.in_sync", {{"members", names}, {"term", mastership_.record().term}});
    look();
  });
}

void Member::run(const Mastership::Lead& effect) {
  const Status leading = lead(effect.term);
  if (!leading) {
    log::error("control.not_led", {{"term", effect.term}, {"reason", leading.error().what}});
    process_.refused(leading.error());
  }
}

Status Member::lead(uint64_t term) {
  names_ = following_.names();
  if (names_ == nullptr) return fail(Code::corrupt, "the record names this member, which has no namespace");
  if (const Status begun = names_->begin(); !begun) return begun;
  static_cast<void>(names_->take_term(term));
  if (const Status committed = names_->commit(); !committed) return committed;
  if (const Status joined = process_.joined(names_->cluster()); !joined) return joined;
  loop_.set_term(term);
  shipping_ = std::make_unique<Shipping>(loop_, *names_, mastership_, term);
  shipping_->set_on_kept([this] { look(); });
  shipping_->set_on_caught_up([this](const std::string& slave) { step(Mastership::CaughtUp{slave}); });
  shipping_->set_on_lag([this](const std::string& slave) { step(Mastership::Lags{slave}); });
  snapshots_ = std::make_unique<Snapshots>(loop_, *names_, options_.directory, term);
  gate_ = std::make_unique<AnswerGate>([this] { return mastership_.may_speak(loop_.clock().now()); },
                                       [this] { return shipping_->kept(); }, [this] { return names_->position().number; });
  auto made = process_.lead(following_.release(), hooks());
  if (!made) return pass(made);
  control_ = std::move(*made);
  log::info("control.master", {{"name", mastership_.name()}, {"term", term}, {"number", names_->position().number}});
  beat();
  shipping_->feed();
  return control_->start();
}

void Member::run(const Mastership::Over& effect) {
  if (gate_) gate_->close();
  log::warn("control.master_no_more", {{"name", mastership_.name()}, {"why", effect.why}, {"next", effect.to}});
  const wire::GroupMember* next = member(effect.to);
  if (next == nullptr || next->endpoints.empty()) return end(effect.why);
  const wire::TakeOver message{mastership_.record().term + 1};
  net::call<wire::TakeOver>(loop_, next->endpoints.front(), message, told_within,
                            [this, why = effect.why](const auto&) { end(why); });
}

void Member::run(const Mastership::Refuse& effect) {
  if (!made_now_) return process_.refused(effect.error);
  following_.forget();
  process_.remove();
  end("another member has made the group");
}

void Member::end(const std::string& why) {
  if (std::exchange(ended_, true)) return;
  if (stopped_) return stopped_();
  process_.start_again(why);
}

void Member::stop(std::function<void()> stopped) {
  stopped_ = std::move(stopped);
  if (control_) {
    for (const std::string& name : mastership_.record().in_sync) {
      if (name != mastership_.name()) step(Mastership::HandOver{name});
    }
  }
  if (!control_ || mastership_.record().in_sync.size() < 2) return end("stopped");
  loop_.after(handed_over_in, [this] { end("stopped"); });
}

// ---------------------------------------------------------------- now and then

void Member::tick() {
  if (ended_) return;
  loop_.after(tick_every, [this] { tick(); });
  if (!begun_) return;
  if (names() == nullptr) mastership_.set_namespace("", 0, false);  // it was not good any more
  step(Mastership::Tick{});
  const Instant now = loop_.clock().now();
  if (mastership_.role() == Mastership::Role::slave && !known_as_in_sync_ && now >= join_at_) join();
  if (!control_ || mastership_.role() != Mastership::Role::master) return;
  if (now >= beat_at_) beat();
  shipping_->feed();
  look();
}

void Member::beat() {
  const Instant sent = loop_.clock().now();
  beat_at_ = sent + options_.timing.beacon;
  for (const wire::GroupMember& slave : mastership_.members()) {
    if (slave.name == mastership_.name() || slave.endpoints.empty()) continue;
    const wire::GroupBeacon message{mastership_.term(), mastership_.name(), mastership_.in_sync(slave.name)};
    net::call<wire::GroupBeacon>(loop_, slave.endpoints.front(), message, options_.timing.lease,
                                 [this, sent, name = slave.name](const Result<net::Answered<wire::GroupBeacon>>& answer) {
                                   if (!answer) return;
                                   const uint64_t term = answer->reply.term;
                                   if (term > mastership_.term()) return step(Mastership::NewerTermSeen{term});
                                   shipping_->is_at(name, {answer->reply.position.term, answer->reply.position.number});
                                   step(Mastership::BeaconAnswered{name, sent});
                                   look();
                                 });
  }
}

void Member::join() {
  const wire::GroupMember* master = member(mastership_.master());
  if (master == nullptr || master->endpoints.empty() || master->name == mastership_.name()) return;
  join_at_ = loop_.clock().now() + join_every;
  Namespace* names = following_.names();
  const wire::JoinGroup message{names != nullptr ? names->cluster() : "", options_.self};
  net::call<wire::JoinGroup>(loop_, master->endpoints.front(), message, Millis(1'000),
                             [this](const Result<net::Answered<wire::JoinGroup>>& answer) {
                               if (!answer && answer.error().code == Code::denied) process_.refused(answer.error());
                             });
}

// What waited may go on.
void Member::look() {
  if (!gate_ || ended_) return;
  if (kept_ && shipping_->kept() >= keeping_number_) std::exchange(kept_, nullptr)();
  gate_->look();
}

// ---------------------------------------------------------------- for the server of a master

void Member::keep(std::function<void()> kept) {
  keeping_number_ = names_->position().number;
  kept_ = std::move(kept);
  shipping_->feed();
  look();
}

GroupHooks Member::hooks() {
  return {[this](std::function<void()> kept) { keep(std::move(kept)); },
          [this] { return mastership_.may_speak(loop_.clock().now()); }, [this] { return infos(); },
          [this] { return endpoints(); }};
}

std::vector<wire::ControlInfo> Member::infos() const {
  constexpr Millis away_after{2'000};
  std::vector<wire::ControlInfo> infos;
  for (const wire::GroupMember& one : mastership_.members()) {
    wire::ControlInfo info{one.name, one.name == mastership_.name(), mastership_.term(), 0, "in sync", {}};
    if (!one.endpoints.empty()) info.url = one.endpoints.front().url;
    if (info.master) {
      info.applied = names_->counts().applied;
    } else {
      const Shipping::Progress progress = shipping_->progress(one.name);
      info.applied = progress.applied;
      const bool away = !mastership_.answers(one.name, loop_.clock().now() - away_after);
      if (!mastership_.in_sync(one.name)) info.state = away ? "away" : "catching up";
    }
    infos.push_back(std::move(info));
  }
  return infos;
}

std::vector<wire::Endpoint> Member::endpoints() const {
  std::vector<wire::Endpoint> all = options_.self.endpoints;
  for (const wire::GroupMember& one : mastership_.members()) {
    if (one.name != mastership_.name()) all.insert(all.end(), one.endpoints.begin(), one.endpoints.end());
  }
  return all;
}

const wire::GroupMember* Member::member(const std::string& name) const {
  for (const wire::GroupMember& one : mastership_.record().members) {
    if (one.name == name) return &one;
  }
  return nullptr;
}

}  // namespace lace::control
