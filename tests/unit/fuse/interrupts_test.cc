#include "fs/fuse/interrupts.h"

#include <gtest/gtest.h>

#include "tests/unit/fuse/memory_caller.h"

namespace lace::fs::fuse {
namespace {

constexpr uint32_t nobody = 0;  // no process: never dying, never patient

class InterruptsTest : public testing::Test {
 protected:
  InterruptsTest() { interrupts.add(worker); }
  ~InterruptsTest() override { interrupts.remove(worker); }
  bool waits() { return worker.caller->pause(Millis{0}).has_value(); }

  SystemClock clock;
  Interrupts interrupts{clock};
  Worker worker{std::make_unique<MemoryCaller>()};
};

TEST_F(InterruptsTest, ReachTheRequestInHand) {
  interrupts.begin(worker, 8, nobody, false);
  interrupts.deliver(8);
  EXPECT_FALSE(waits());
  EXPECT_TRUE(interrupts.end(worker));
}

TEST_F(InterruptsTest, LeaveTheNextRequestAlone) {
  interrupts.begin(worker, 8, nobody, false);
  interrupts.deliver(8);
  interrupts.end(worker);
  interrupts.begin(worker, 10, nobody, false);
  EXPECT_TRUE(waits());
  interrupts.deliver(8);  // late
  EXPECT_TRUE(waits());
  EXPECT_FALSE(interrupts.end(worker));
}

TEST_F(InterruptsTest, ReachARequestThatBeginsAfterThem) {
  interrupts.deliver(8);
  interrupts.begin(worker, 8, nobody, false);
  EXPECT_FALSE(waits());
  EXPECT_TRUE(interrupts.end(worker));
}

TEST_F(InterruptsTest, ReachARequestThatIsParked) {
  uint64_t parked = 0;
  interrupts.set_parked([&parked](uint64_t unique) {
    parked = unique;
    return true;
  });
  interrupts.deliver(8);
  EXPECT_EQ(8u, parked);
}

TEST_F(InterruptsTest, GiveAPatientRequestTimeToFinish) {
  interrupts.begin(worker, 8, static_cast<uint32_t>(::getpid()), true);
  interrupts.deliver(8);
  EXPECT_TRUE(waits());
  EXPECT_FALSE(interrupts.end(worker));
}

TEST_F(InterruptsTest, ReachAPatientRequestThatGoesOnAndOn) {
  interrupts.begin(worker, 8, static_cast<uint32_t>(::getpid()), true);
  interrupts.deliver(8);
  EXPECT_FALSE(worker.caller->pause(Millis{30'000}));
  EXPECT_TRUE(interrupts.end(worker));
}

TEST_F(InterruptsTest, ReachEverythingAtTheEnd) {
  interrupts.interrupt_all();
  interrupts.begin(worker, 8, nobody, false);
  EXPECT_FALSE(waits());
  interrupts.end(worker);
  EXPECT_FALSE(waits());
}

}  // namespace
}  // namespace lace::fs::fuse
