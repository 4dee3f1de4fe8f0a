// Commands as a person types them.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/base/clock.h"

namespace lace::test {

struct Ran {
  int code = 0;        // exit code; 128 + signal; 124 when the time was over
  std::string output;  // standard output and error together
  bool ok() const { return code == 0; }
};

// Variables that every command sees, such as the mount point as $M.
using Environment = std::map<std::string, std::string>;

// Runs `script` with bash -euo pipefail, where `not COMMAND...` fails when the command succeeds (`!` never ends a script).
Ran shell(const std::string& script, const Environment& environment = {}, Millis timeout = Millis(300'000));

// The same in the background.
class Background {
 public:
  Background(const std::string& script, const Environment& environment = {});
  Background(Background&& other) noexcept;
  ~Background();  // kills it and what it started
  bool running();
  Ran wait(Millis timeout = Millis(300'000));  // kills it when the time is over
  void kill();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lace::test

// EXPECT_SHELL(cluster.environment(), "cp -a /usr/include $M/")
#define EXPECT_SHELL(environment, script) EXPECT_PRED_FORMAT2(::lace::test::shell_passes, environment, script)
#define ASSERT_SHELL(environment, script) ASSERT_PRED_FORMAT2(::lace::test::shell_passes, environment, script)

#include <gtest/gtest.h>

namespace lace::test {
testing::AssertionResult shell_passes(const char*, const char*, const Environment& environment, const std::string& script);
}
