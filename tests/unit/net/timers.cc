#include "common/net/timers.h"

#include <vector>

#include <gtest/gtest.h>

namespace lace::net {
namespace {

Instant at(int millis) { return Instant{} + Millis(millis); }

TEST(Timers, RunInOrderOfTimeThenOfAdding) {
  Timers timers;
  std::vector<int> ran;
  timers.add(at(20), [&] { ran.push_back(3); });
  timers.add(at(10), [&] { ran.push_back(1); });
  timers.add(at(10), [&] { ran.push_back(2); });
  timers.add(at(30), [&] { ran.push_back(4); });
  timers.run_due(at(20));
  EXPECT_EQ(ran, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(timers.next(), at(30));
}

TEST(Timers, CancelledOnesDoNotRun) {
  Timers timers;
  int ran = 0;
  const TimerId timer = timers.add(at(10), [&] { ++ran; });
  timers.cancel(timer);
  timers.cancel(timer);
  timers.run_due(at(10));
  EXPECT_EQ(ran, 0);
  EXPECT_EQ(timers.next(), Instant::max());
}

TEST(Timers, OneMayCancelTheNext) {
  Timers timers;
  int ran = 0;
  TimerId second{};
  timers.add(at(10), [&] { timers.cancel(second); });
  second = timers.add(at(10), [&] { ++ran; });
  timers.run_due(at(20));
  EXPECT_EQ(ran, 0);
}

TEST(Timers, AddedWhileRunningRunAtTheNextCall) {
  Timers timers;
  int ran = 0;
  timers.add(at(10), [&] { timers.add(at(5), [&] { ++ran; }); });
  timers.run_due(at(20));
  EXPECT_EQ(ran, 0);
  timers.run_due(at(20));
  EXPECT_EQ(ran, 1);
}

TEST(Timers, OneMayCancelItself) {
  Timers timers;
  int ran = 0;
  TimerId self{};
  self = timers.add(at(10), [&] {
    timers.cancel(self);
    ++ran;
  });
  timers.run_due(at(10));
  timers.run_due(at(10));
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace lace::net
