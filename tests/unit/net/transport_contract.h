// What every Transport has to keep, whatever carries it. An implementation brings a fixture and instantiates the suite:
//   struct Fixture { Network& servers(); Network& clients(); wire::Endpoint endpoint(int n); };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Name, TransportContract, testing::Types<Fixture>);
#pragma once

#include <atomic>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/net/running_loop.h"

namespace lace::net::test {

template <class Fixture>
class TransportContract : public testing::Test {
 protected:
  std::unique_ptr<RunningLoop> serve(const wire::Endpoint& endpoint, Loop::Handler handler) {
    auto loop = std::make_unique<RunningLoop>(fixture.servers().make_loop());
    listen_at(**loop, endpoint, std::move(handler));
    loop->start();
    return loop;
  }
  // A server that was killed just now may hold its address a moment longer.
  void listen_at(Loop& loop, const wire::Endpoint& endpoint, const Loop::Handler& handler) {
    Status listening = loop.listen(endpoint, handler);
    const Instant end = clock.now() + plenty;
    while (!listening && listening.error().code == Code::busy && clock.now() < end) {
      std::this_thread::yield();
      listening = loop.listen(endpoint, handler);
    }
    ASSERT_TRUE(listening) << listening.error().what;
  }

  SystemClock clock;
  Fixture fixture;
  wire::Endpoint at = fixture.endpoint(1);
};
TYPED_TEST_SUITE_P(TransportContract);

// ---------------------------------------------------------------- requests and answers

TYPED_TEST_P(TransportContract, AnswersWithBodyPayloadAndTerm) {
  auto server = this->serve(this->at, echo);
  server->on_loop([&] { (*server)->set_term(7); });
  auto caller = this->fixture.clients().make_caller();
  const auto answer = caller->call(this->at, numbered(42, Bytes("payload")), plenty);
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(number_of(answer->body), 42u);
  EXPECT_EQ(answer->payload.view(), "payload");
  EXPECT_EQ(answer->term, 7u);
}

TYPED_TEST_P(TransportContract, TellsTheHandlerKindTermDeadlineAndPeer) {
  Held held;
  auto server = this->serve(this->at, held.handler());
  RunningLoop asker(this->fixture.clients().make_loop());
  asker->set_term(9);
  asker.start();
  const Instant before = this->clock.now();
  asker.on_loop([&] { asker->call(this->at, numbered(1), Millis(5000), [](auto) {}); });
  held.wait_for(1);
  auto requests = held.take();
  const Incoming& incoming = requests[0].first;
  EXPECT_EQ(incoming.kind, wire::Kind::get_attributes);
  EXPECT_EQ(incoming.term, 9u);
  EXPECT_GE(incoming.deadline, before + Millis(5000));
  EXPECT_LE(incoming.deadline, this->clock.now() + Millis(5000));
  EXPECT_TRUE(incoming.peer.local || incoming.peer.key.size() == 40);
  server->on_loop([&] { requests.clear(); });
}

TYPED_TEST_P(TransportContract, CarriesPayloadsOfUpToOneMebibyteUnchanged) {
  auto server = this->serve(this->at, echo);
  auto caller = this->fixture.clients().make_caller();
  std::mt19937_64 random(1);
  for (const size_t size : {0, 1, 4095, 4096, 65535, 65536, 65537, 1 << 20}) {
    std::string content(size, '\0');
    for (char& c : content) c = static_cast<char>(random());
    const auto answer = caller->call(this->at, numbered(size, Bytes(content)), plenty);
    ASSERT_TRUE(answer) << answer.error().what;
    EXPECT_TRUE(answer->payload.view() == content) << size;
  }
}

TYPED_TEST_P(TransportContract, KeepsTheOrderOfRequestsToOneEndpoint) {
  std::vector<uint64_t> seen;
  auto server = this->serve(this->at, [&](Incoming incoming, Responder responder) {
    seen.push_back(number_of(incoming.body));
    echo(std::move(incoming), std::move(responder));
  });
  auto caller = this->fixture.clients().make_caller();
  std::vector<Caller::Ticket> tickets;
  for (uint64_t i = 0; i < 1000; ++i) tickets.push_back(caller->start(this->at, numbered(i), plenty));
  for (uint64_t i = 0; i < 1000; ++i) {
    const auto answer = caller->finish(tickets[i]);
    ASSERT_TRUE(answer) << answer.error().what;
    EXPECT_EQ(number_of(answer->body), i);
  }
  server->end();
  for (uint64_t i = 0; i < 1000; ++i) ASSERT_EQ(seen[i], i);
}

TYPED_TEST_P(TransportContract, FinishesTicketsOfSeveralEndpointsInAnyOrder) {
  const auto other = this->fixture.endpoint(2);
  auto first = this->serve(this->at, echo);
  auto second = this->serve(other, echo);
  auto caller = this->fixture.clients().make_caller();
  std::vector<Caller::Ticket> tickets;
  for (uint64_t i = 0; i < 10; ++i) tickets.push_back(caller->start(i % 2 == 0 ? this->at : other, numbered(i), plenty));
  for (uint64_t i = 10; i-- > 0;) {
    const auto answer = caller->finish(tickets[i]);
    ASSERT_TRUE(answer) << answer.error().what;
    EXPECT_EQ(number_of(answer->body), i);
  }
}

TYPED_TEST_P(TransportContract, DeliversTheErrorAHandlerRefusesWith) {
  auto server = this->serve(this->at, [](Incoming, Responder responder) { responder.refuse(Code::stale, "epoch 3 is old"); });
  auto caller = this->fixture.clients().make_caller();
  const auto answer = caller->call(this->at, numbered(1), plenty);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::stale);
  EXPECT_EQ(answer.error().what, "epoch 3 is old");
}

TYPED_TEST_P(TransportContract, RefusesForAResponderThatWasDropped) {
  auto server = this->serve(this->at, [](Incoming, Responder) {});
  auto caller = this->fixture.clients().make_caller();
  const auto answer = caller->call(this->at, numbered(1), plenty);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::unavailable);
}

TYPED_TEST_P(TransportContract, RefusesMessagesThatAreTooLargeToSend) {
  auto server = this->serve(this->at, echo);
  auto caller = this->fixture.clients().make_caller();
  const auto answer = caller->call(this->at, numbered(1, Bytes(std::string(size_t{17} << 20, 'x'))), plenty);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::malformed);
  EXPECT_TRUE(caller->call(this->at, numbered(2), plenty));
}

TYPED_TEST_P(TransportContract, ServesManyCallersAtOnce) {
  auto server = this->serve(this->at, echo);
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      auto caller = this->fixture.clients().make_caller();
      for (uint64_t i = 0; i < 100; ++i) {
        const auto answer = caller->call(this->at, numbered(t * 1000 + i), plenty);
        if (answer && number_of(answer->body) == t * 1000 + i) ++good;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 800);
}

// ---------------------------------------------------------------- time and failures

TYPED_TEST_P(TransportContract, EndsWithUnknownWhenTheAnswerDoesNotComeInTime) {
  Held held;
  auto server = this->serve(this->at, held.handler());
  auto caller = this->fixture.clients().make_caller();
  const auto ticket = caller->start(this->at, numbered(1), Millis(2000));
  held.wait_for(1);
  const auto answer = caller->finish(ticket);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::unknown);
  server->on_loop([&] { held.take(); });
}

TYPED_TEST_P(TransportContract, DropsAnAnswerThatComesTooLate) {
  Held held;
  auto server = this->serve(this->at, held.handler());
  auto caller = this->fixture.clients().make_caller();
  const auto first = caller->start(this->at, numbered(1), Millis(500));
  held.wait_for(1);
  ASSERT_FALSE(caller->finish(first));
  const auto second = caller->start(this->at, numbered(2), plenty);
  held.wait_for(2);
  server->on_loop([&] {
    for (auto& [incoming, responder] : held.take()) responder.raw(Answer{std::move(incoming.body), {}, 0});
  });
  const auto answer = caller->finish(second);
  ASSERT_TRUE(answer) << answer.error().what;
  EXPECT_EQ(number_of(answer->body), 2u);
}

TYPED_TEST_P(TransportContract, SaysUnavailableQuicklyWhereNobodyIs) {
  auto caller = this->fixture.clients().make_caller();
  for (int i = 0; i < 3; ++i) {
    const Instant before = this->clock.now();
    const auto answer = caller->call(this->at, numbered(1), plenty);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::unavailable);
    EXPECT_LT(this->clock.now() - before, plenty / 2);
  }
}

TYPED_TEST_P(TransportContract, EndsCallsAtOnceWhenThePeerIsKilled) {
  Held held;
  auto server = this->serve(this->at, held.handler());
  auto caller = this->fixture.clients().make_caller();
  const auto first = caller->start(this->at, numbered(1), plenty);
  const auto second = caller->start(this->at, numbered(2), plenty);
  held.wait_for(2);
  const Instant before = this->clock.now();
  server->end();
  for (const auto ticket : {first, second}) {
    const auto answer = caller->finish(ticket);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::unknown);
  }
  EXPECT_LT(this->clock.now() - before, plenty / 2);
  const auto after = caller->call(this->at, numbered(3), plenty);
  ASSERT_FALSE(after);
  EXPECT_EQ(after.error().code, Code::unavailable);
}

TYPED_TEST_P(TransportContract, ReachesAServerThatCameBackAtTheSameEndpoint) {
  auto caller = this->fixture.clients().make_caller();
  for (uint64_t round = 0; round < 3; ++round) {
    auto server = this->serve(this->at, echo);
    const Instant end = this->clock.now() + plenty;
    auto answer = caller->call(this->at, numbered(round), plenty);
    while (!answer && this->clock.now() < end) {
      ASSERT_TRUE(answer.error().code == Code::unavailable || answer.error().code == Code::unknown);
      ASSERT_TRUE(caller->pause(Millis(10)));
      answer = caller->call(this->at, numbered(round), plenty);
    }
    ASSERT_TRUE(answer) << answer.error().what;
    EXPECT_EQ(number_of(answer->body), round);
  }
}

TYPED_TEST_P(TransportContract, DeliversNothingOldToAServerThatCameBack) {
  Held held;
  auto server = this->serve(this->at, held.handler());
  auto caller = this->fixture.clients().make_caller();
  const auto old = caller->start(this->at, numbered(1), plenty);
  held.wait_for(1);
  held.take().clear();
  server->end();
  EXPECT_FALSE(caller->finish(old));
  std::atomic<bool> saw_old{false};
  server = this->serve(this->at, [&](Incoming incoming, Responder responder) {
    if (number_of(incoming.body) == 1) saw_old = true;
    echo(std::move(incoming), std::move(responder));
  });
  const Instant end = this->clock.now() + plenty;
  while (!caller->call(this->at, numbered(2), plenty) && this->clock.now() < end) ASSERT_TRUE(caller->pause(Millis(10)));
  EXPECT_FALSE(saw_old);
}

TYPED_TEST_P(TransportContract, InterruptEndsWhatWaitsUntilResumed) {
  Held held;
  auto server = this->serve(this->at, held.handler());
  auto caller = this->fixture.clients().make_caller();
  const auto ticket = caller->start(this->at, numbered(1), plenty);
  std::thread interrupter([&] {
    held.wait_for(1);
    caller->interrupt();
  });
  const auto answer = caller->finish(ticket);
  interrupter.join();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::interrupted);
  const Status paused = caller->pause(plenty);
  ASSERT_FALSE(paused);
  EXPECT_EQ(paused.error().code, Code::interrupted);

  caller->resume();
  EXPECT_TRUE(caller->pause(Millis(1)));
  const auto again = caller->start(this->at, numbered(2), plenty);
  held.wait_for(2);
  server->on_loop([&] {
    for (auto& [incoming, responder] : held.take()) responder.raw(Answer{std::move(incoming.body), {}, 0});
  });
  const auto second = caller->finish(again);
  ASSERT_TRUE(second) << second.error().what;
  EXPECT_EQ(number_of(second->body), 2u);
}

// ---------------------------------------------------------------- loops

TYPED_TEST_P(TransportContract, LoopCallsEndExactlyOnceHoweverTheyEnd) {
  Held held;
  auto server = this->serve(this->at, held.handler());
  RunningLoop asker(this->fixture.clients().make_loop());
  asker.start();
  std::vector<int> ended(100, 0);
  std::vector<Code> codes;
  std::promise<void> all;
  asker.on_loop([&] {
    for (uint64_t i = 0; i < 100; ++i) {
      const Millis timeout = i % 3 == 0 ? Millis(200) : plenty;
      asker->call(this->at, numbered(i), timeout, [&, i](Result<Answer> answer) {
        ++ended[i];
        if (!answer) codes.push_back(answer.error().code);
        int sum = 0;
        for (const int count : ended) sum += count;
        if (sum == 100) all.set_value();
      });
    }
  });
  held.wait_for(100);
  server->on_loop([&] {
    auto requests = held.take();
    for (size_t i = 0; i < 50; ++i) requests[i].second.raw(Answer{std::move(requests[i].first.body), {}, 0});
    for (size_t i = 50; i < 100; ++i) requests[i].second = Responder();
  });
  all.get_future().wait();
  asker.end();
  for (const int count : ended) EXPECT_EQ(count, 1);
}

TYPED_TEST_P(TransportContract, LoopCallsEndAtOnceWhenThePeerIsKilled) {
  Held held;
  auto server = this->serve(this->at, held.handler());
  RunningLoop asker(this->fixture.clients().make_loop());
  asker.start();
  std::promise<Code> ended;
  asker->post([&] {
    asker->call(this->at, numbered(1), plenty, [&](Result<Answer> answer) { ended.set_value(answer.error().code); });
  });
  held.wait_for(1);
  server->end();
  EXPECT_EQ(ended.get_future().get(), Code::unknown);
}

TYPED_TEST_P(TransportContract, LoopSaysUnavailableWhereNobodyIs) {
  RunningLoop asker(this->fixture.clients().make_loop());
  asker.start();
  std::promise<Code> ended;
  asker->post([&] {
    asker->call(this->at, numbered(1), plenty, [&](Result<Answer> answer) { ended.set_value(answer.error().code); });
  });
  EXPECT_EQ(ended.get_future().get(), Code::unavailable);
}

TYPED_TEST_P(TransportContract, AnswersInGroupsWhenDrained) {
  std::vector<std::pair<Incoming, Responder>> group;
  int groups = 0;
  RunningLoop server(this->fixture.servers().make_loop());
  this->listen_at(*server, this->at, [&](Incoming incoming, Responder responder) {
    if (group.empty()) {
      server->when_drained([&] {
        ++groups;
        for (auto& [request, answerer] : std::exchange(group, {})) echo(std::move(request), std::move(answerer));
      });
    }
    group.emplace_back(std::move(incoming), std::move(responder));
  });
  server.start();
  auto caller = this->fixture.clients().make_caller();
  std::vector<Caller::Ticket> tickets;
  for (uint64_t i = 0; i < 500; ++i) tickets.push_back(caller->start(this->at, numbered(i), plenty));
  for (const auto ticket : tickets) EXPECT_TRUE(caller->finish(ticket));
  server.end();
  EXPECT_GE(groups, 1);
  EXPECT_LE(groups, 500);
}

TYPED_TEST_P(TransportContract, TimersRunInOrderUnlessCancelled) {
  RunningLoop loop(this->fixture.servers().make_loop());
  std::vector<int> ran;
  std::promise<void> last;
  loop->after(Millis(30), [&] {
    ran.push_back(3);
    last.set_value();
  });
  loop->after(Millis(10), [&] { ran.push_back(1); });
  const TimerId cancelled = loop->after(Millis(15), [&] { ran.push_back(99); });
  loop->after(Millis(20), [&] { ran.push_back(2); });
  loop->cancel(cancelled);
  loop.start();
  last.get_future().wait();
  loop.end();
  EXPECT_EQ(ran, (std::vector<int>{1, 2, 3}));
}

TYPED_TEST_P(TransportContract, OffloadedWorkRunsElsewhereAndEndsOnTheLoop) {
  RunningLoop loop(this->fixture.servers().make_loop());
  loop.start();
  std::promise<bool> done;
  loop->post([&] {
    const auto here = std::this_thread::get_id();
    auto elsewhere = std::make_shared<bool>(false);
    loop->offload([here, elsewhere] { *elsewhere = std::this_thread::get_id() != here; },
                  [&, here, elsewhere] { done.set_value(*elsewhere && std::this_thread::get_id() == here); });
  });
  EXPECT_TRUE(done.get_future().get());
}

REGISTER_TYPED_TEST_SUITE_P(TransportContract, AnswersWithBodyPayloadAndTerm, TellsTheHandlerKindTermDeadlineAndPeer,
                            CarriesPayloadsOfUpToOneMebibyteUnchanged, KeepsTheOrderOfRequestsToOneEndpoint,
                            FinishesTicketsOfSeveralEndpointsInAnyOrder, DeliversTheErrorAHandlerRefusesWith,
                            RefusesForAResponderThatWasDropped, RefusesMessagesThatAreTooLargeToSend, ServesManyCallersAtOnce,
                            EndsWithUnknownWhenTheAnswerDoesNotComeInTime, DropsAnAnswerThatComesTooLate,
                            SaysUnavailableQuicklyWhereNobodyIs, EndsCallsAtOnceWhenThePeerIsKilled,
                            ReachesAServerThatCameBackAtTheSameEndpoint, DeliversNothingOldToAServerThatCameBack,
                            InterruptEndsWhatWaitsUntilResumed, LoopCallsEndExactlyOnceHoweverTheyEnd,
                            LoopCallsEndAtOnceWhenThePeerIsKilled, LoopSaysUnavailableWhereNobodyIs, AnswersInGroupsWhenDrained,
                            TimersRunInOrderUnlessCancelled, OffloadedWorkRunsElsewhereAndEndsOnTheLoop);

}  // namespace lace::net::test
