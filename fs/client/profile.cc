#include "fs/client/profile.h"

#include <algorithm>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "common/base/check.h"

namespace lace::fs {

std::string Durations::text() const {
  std::string counts;
  for (size_t bucket = 0; bucket < buckets; ++bucket) {
    const uint64_t count = counts_[bucket].load(std::memory_order_relaxed);
    if (count != 0) counts += ' ' + std::to_string(bucket) + '=' + std::to_string(count);
  }
  if (counts.empty()) return {};
  return std::to_string(nanos_.load()) + ' ' + std::to_string(asked_.load()) + counts;
}

namespace {

struct Names {
  std::mutex mutex;
  std::vector<std::string> all;  // guarded by mutex
};

Names& names() {
  static Names known;
  return known;
}

}  // namespace

size_t Profile::number_of(std::string_view name) {
  Names& known = names();
  const std::lock_guard lock(known.mutex);
  const auto found = std::find(known.all.begin(), known.all.end(), name);
  if (found != known.all.end()) return static_cast<size_t>(found - known.all.begin());
  CHECK(known.all.size() < most_operations);
  known.all.emplace_back(name);
  return known.all.size() - 1;
}

std::string Profile::text() const {
  std::string lines;
  const auto add = [&lines](std::string_view what, std::string_view name, const Durations& durations) {
    const std::string text = durations.text();
    if (!text.empty()) lines.append(what).append(" ").append(name).append(" ").append(text).append("\n");
  };
  {
    Names& known = names();
    const std::lock_guard lock(known.mutex);
    for (size_t number = 0; number < known.all.size(); ++number) add("operation", known.all[number], operations_[number]);
  }
  for (size_t kind = 0; kind < most_kinds; ++kind) {
    add("message", wire::name_of(static_cast<wire::Kind>(kind)), messages_[kind]);
  }
  return lines;
}

namespace {

class CountingCaller final : public net::Caller {
 public:
  CountingCaller(std::unique_ptr<net::Caller> caller, const Clock& clock, Profile& profile)
      : caller_(std::move(caller)), clock_(clock), profile_(profile) {}

  Ticket start(const wire::Endpoint& to, net::Request request, Millis timeout) override {
    ++Profile::sent_here();
    const Sent sent{request.kind, clock_.now()};
    const Ticket ticket = caller_->start(to, std::move(request), timeout);
    sent_[static_cast<uint64_t>(ticket)] = sent;
    return ticket;
  }
  Result<net::Answer> finish(Ticket ticket) override {
    auto answer = caller_->finish(ticket);
    const auto sent = sent_.extract(static_cast<uint64_t>(ticket));
    if (!sent.empty()) {
      const auto took = std::chrono::nanoseconds(clock_.now() - sent.mapped().when).count();
      profile_.message(sent.mapped().kind).add(static_cast<uint64_t>(took), !answer);
    }
    return answer;
  }
  Status pause(Millis duration) override { return caller_->pause(duration); }
  void interrupt() override { caller_->interrupt(); }
  void resume() override { caller_->resume(); }

 private:
  struct Sent {
    wire::Kind kind{};
    Instant when{};
  };
  const std::unique_ptr<net::Caller> caller_;
  const Clock& clock_;
  Profile& profile_;
  std::unordered_map<uint64_t, Sent> sent_;
};

class CountingNetwork final : public net::Network {
 public:
  CountingNetwork(net::Network& network, const Clock& clock, Profile& profile)
      : network_(network), clock_(clock), profile_(profile) {}
  std::unique_ptr<net::Loop> make_loop() override { return network_.make_loop(); }
  std::unique_ptr<net::Caller> make_caller() override {
    return std::make_unique<CountingCaller>(network_.make_caller(), clock_, profile_);
  }

 private:
  net::Network& network_;
  const Clock& clock_;
  Profile& profile_;
};

}  // namespace

std::unique_ptr<net::Network> make_counting_network(net::Network& network, const Clock& clock, Profile& profile) {
  return std::make_unique<CountingNetwork>(network, clock, profile);
}

}  // namespace lace::fs
