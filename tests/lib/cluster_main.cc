// main() of tests that run real daemons.
#include <cstring>

#include <gtest/gtest.h>

#include "tests/lib/isolation.h"

namespace {

int run_tests(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--gtest_list_tests") == 0) return run_tests(argc, argv);
  }
  return lace::test::run_isolated(run_tests, argc, argv);
}
