// The judge of histories itself: it must see what has no order.
#include "tests/lib/history.h"

#include <gtest/gtest.h>

namespace lace::test {
namespace {

using Kind = Operation::Kind;

struct History : testing::Test {
  std::vector<Operation> all;
  Operation& add(Kind kind, uint64_t called, uint64_t returned, const std::string& name, uint64_t inode = 0,
                 uint64_t value = 0) {
    Operation operation;
    operation.kind = kind;
    operation.called = called;
    operation.returned = returned;
    operation.name = name;
    operation.inode = InodeId{inode};
    operation.value = value;
    all.push_back(operation);
    return all.back();
  }
};

TEST_F(History, InWhichOneComesAfterTheOtherHasAnOrder) {
  add(Kind::create, 1, 2, "a", 7);
  add(Kind::lookup, 3, 4, "a", 7, first_mode);
  add(Kind::chmod, 5, 6, "", 7, 0600);
  add(Kind::lookup, 7, 8, "a", 7, 0600);
  add(Kind::remove, 9, 10, "a");
  add(Kind::lookup, 11, 12, "a");
  EXPECT_EQ(explain(all), "");
}

TEST_F(History, WithAnOldAnswerHasNone) {
  add(Kind::create, 1, 2, "a", 7);
  add(Kind::lookup, 3, 4, "a");
  EXPECT_NE(explain(all), "");
}

TEST_F(History, OfOverlappingOperationsMayHaveAnyOrder) {
  add(Kind::create, 1, 4, "a", 7);
  add(Kind::lookup, 2, 3, "a");
  EXPECT_EQ(explain(all), "");
  all.clear();
  add(Kind::create, 1, 4, "a", 7);
  add(Kind::lookup, 2, 3, "a", 7, first_mode);
  EXPECT_EQ(explain(all), "");
}

TEST_F(History, InWhichANameComesAndGoesForTwoObserversHasNone) {
  add(Kind::create, 1, 10, "a", 7);
  add(Kind::lookup, 2, 3, "a", 7, first_mode);
  add(Kind::lookup, 4, 5, "a");
  EXPECT_NE(explain(all), "");
}

TEST_F(History, WithTwoWhoMadeTheSameNameHasNone) {
  add(Kind::create, 1, 2, "a", 7);
  add(Kind::create, 3, 4, "a", 8);
  EXPECT_NE(explain(all), "");
}

TEST_F(History, WithAnUncertainOperationMayHaveItOrNot) {
  add(Kind::create, 1, 2, "a", 7);
  add(Kind::remove, 3, 4, "a").unknown = true;
  add(Kind::lookup, 5, 6, "a", 7, first_mode);
  add(Kind::lookup, 7, 8, "a");
  EXPECT_EQ(explain(all), "");
}

TEST_F(History, InWhichWhatWasWrittenIsNotReadHasNone) {
  add(Kind::create, 1, 2, "a", 7);
  add(Kind::put, 3, 4, "", 7, 5);
  add(Kind::get, 5, 6, "", 7, 5);
  EXPECT_EQ(explain(all), "");
  add(Kind::get, 7, 8, "", 7, 0);
  EXPECT_NE(explain(all), "");
}

}  // namespace
}  // namespace lace::test
