// The fixture of every test: a directory of its own below the directory under test, in which the test runs (so that paths
// are short, and other users need no rights on what is above). Removed afterwards.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/posix/lib/differences.h"
#include "tests/posix/lib/expect.h"
#include "tests/posix/lib/files.h"
#include "tests/posix/lib/process.h"

namespace posix {

/// Makes the directory of this run below `base` (absolute). Throws std::runtime_error that says what is wrong with `base`.
void open_run(const std::string& base);
void close_run();
/// The directory of this run.
const std::string& run_dir();

class Workspace : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;
  /// The absolute path of the test's directory.
  const std::string& home() const { return home_; }

 private:
  std::string home_;
};

}  // namespace posix
