// posix_suite: the rules of POSIX and Linux for files, tested on any directory. See README.md.
#include <gtest/gtest.h>
#include <sys/statfs.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <string>
#include <string_view>

#include "tests/posix/lib/differences.h"
#include "tests/posix/lib/workspace.h"

namespace {

struct Options {
  std::string dir;
  bool fresh = false;  ///< `dir` is ours to remove
};

bool take(std::string_view argument, std::string_view flag, std::string& value) {
  if (!argument.starts_with(flag)) return false;
  value = argument.substr(flag.size());
  return true;
}

void list_differences() {
  for (const auto& one : posix::all_differences()) std::printf("%-22s %s\n", one.name.c_str(), one.meaning.c_str());
}

/// Exit code of a run that ends here, or -1 to go on.
int read_options(int argc, char** argv, Options& options) {
  if (const char* dir = std::getenv("LACE_POSIX_DIR")) options.dir = dir;
  std::string value;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (take(argument, "--dir=", value)) {
      options.dir = value;
    } else if (take(argument, "--allow=", value)) {
      if (posix::allow_only(value)) continue;
      std::fprintf(stderr, "posix_suite: --allow=%s: unknown difference; --list-differences names them\n", value.c_str());
      return 2;
    } else if (argument == "--list-differences") {
      list_differences();
      return 0;
    } else {
      std::fprintf(stderr,
                   "usage: posix_suite [--dir=PATH] [--allow=NAME,NAME...] [--list-differences] [--gtest_filter=...]\n"
                   "  --dir     directory to test in (or LACE_POSIX_DIR; default: a fresh one for temporary files)\n"
                   "  --allow   the only differences from the rules that are allowed (default: all listed ones)\n");
      return 2;
    }
  }
  return -1;
}

void choose_directory(Options& options) {
  namespace fs = std::filesystem;
  if (options.dir.empty()) {
    std::string name = (fs::temp_directory_path() / "posix-dir-XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("cannot make " + name);
    fs::permissions(name, fs::perms(0755));
    options.dir = name;
    options.fresh = true;
  }
  options.dir = fs::canonical(options.dir).string();
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  Options options;
  if (const int code = read_options(argc, argv, options); code >= 0) return code;
  try {
    choose_directory(options);
    posix::open_run(options.dir);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "posix_suite: %s\n", error.what());
    posix::close_run();
    return 2;
  }
  struct statfs info {};
  statfs(options.dir.c_str(), &info);
  std::printf("Directory: %s (file system type 0x%lx)\n", options.dir.c_str(), static_cast<unsigned long>(info.f_type));
  const int failed = RUN_ALL_TESTS();
  posix::close_run();
  if (options.fresh) std::filesystem::remove(options.dir);
  posix::print_differences_met();
  return failed;
}
