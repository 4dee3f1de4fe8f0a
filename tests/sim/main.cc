// sim [--seeds N] [--from S] [--jobs N] [--trace] [--twice] [--names]: see usage().
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/run.h"
#include "tests/sim/trace.h"

namespace {

using lace::sim::RunResult;

constexpr int wall_seconds = 120;  // of one run: more is a run that does not end

struct Flags {
  uint64_t seeds = 100;
  uint64_t from = 1;
  uint64_t jobs = 1;
  uint64_t block = 0;
  uint64_t page = 0;
  bool trace = false;
  bool twice = false;
  bool names = false;
};

int usage(int code) {
  std::fputs(
      "simulator [--seeds N] [--from S] [--jobs N] [--trace] [--twice] [--names]\n"
      "Runs whole clusters in virtual time, with faults, one for each seed. Exit code 0 if no seed fails.\n"
      "  --seeds N  so many (100), from\n"
      "  --from S   this one (1) on\n"
      "  --jobs N   so many at a time (1)\n"
      "  --trace    says on standard error what happens\n"
      "  --block N --page N  and when this page changes on a server's disk\n"
      "  --twice    runs each seed twice, and fails where the two runs differ\n"
      "  --names    mounts in the same directories, instead of clients that work on blocks\n",
      code == 0 ? stdout : stderr);
  return code;
}

bool parse(int argc, char** argv, Flags& flags) {
  const std::map<std::string, uint64_t*> numbers{{"--seeds", &flags.seeds},
                                                 {"--from", &flags.from},
                                                 {"--jobs", &flags.jobs},
                                                 {"--block", &flags.block},
                                                 {"--page", &flags.page}};
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    if (const auto number = numbers.find(flag); number != numbers.end()) {
      if (++i == argc) return false;
      char* end = nullptr;
      *number->second = std::strtoull(argv[i], &end, 10);
      if (*argv[i] == '\0' || *end != '\0') return false;
    } else if (flag == "--trace") {
      flags.trace = true;
    } else if (flag == "--twice") {
      flags.twice = true;
    } else if (flag == "--names") {
      flags.names = true;
    } else {
      return false;
    }
  }
  return flags.jobs > 0;
}

// A run has a process of its own: whatever becomes of it, the others go on.
struct Child {
  pid_t pid = 0;
  int pipe = -1;
  uint64_t seed = 0;
  std::string said;
};

Child start(uint64_t seed, const Flags& flags) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
  const pid_t pid = fork();
  if (pid < 0) std::abort();
  if (pid > 0) {
    close(ends[1]);
    return {pid, ends[0], seed, {}};
  }
  alarm(wall_seconds);
  if (flags.trace) {
    static const lace::SystemClock clock;
    lace::sim::set_trace(clock, true);
    lace::sim::watched() = {flags.block, static_cast<uint32_t>(flags.page)};
  }
  const RunResult result = flags.names ? lace::sim::run_names_seed(seed) : lace::sim::run_seed(seed);
  char head[32];
  std::snprintf(head, sizeof(head), "%016llx\n", static_cast<unsigned long long>(result.fingerprint));
  const std::string all = head + result.summary + "\n" + result.failure;
  if (write(ends[1], all.data(), all.size()) < 0) _exit(1);
  _exit(0);
}

struct Outcome {
  std::string fingerprint, summary, failure;
};

Outcome collect(Child& child) {
  char buffer[4'096];
  for (ssize_t got = 0; (got = read(child.pipe, buffer, sizeof(buffer))) > 0;) {
    child.said.append(buffer, static_cast<size_t>(got));
  }
  close(child.pipe);
  int status = 0;
  waitpid(child.pid, &status, 0);
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    if (signal == SIGALRM) return {"", "", "the run does not end: stopped after " + std::to_string(wall_seconds) + " s"};
    return {"", "", std::string("the run ended with signal ") + strsignal(signal)};
  }
  const size_t first = child.said.find('\n');
  const size_t second = first == std::string::npos ? first : child.said.find('\n', first + 1);
  if (second == std::string::npos) return {"", "", "the run ended without a word"};
  return {child.said.substr(0, first), child.said.substr(first + 1, second - first - 1), child.said.substr(second + 1)};
}

class Runner {
 public:
  explicit Runner(const Flags& flags) : flags_(flags) {}

  int run() {
    const auto begun = std::chrono::steady_clock::now();
    for (uint64_t i = 0; i < flags_.seeds || !children_.empty();) {
      while (i < flags_.seeds && children_.size() < flags_.jobs) children_.push_back(start(flags_.from + i++, flags_));
      finish_one();
    }
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    std::printf("sim: %llu seeds in %.0f s, %zu failed\n", static_cast<unsigned long long>(flags_.seeds), took,
                failures_.size());
    for (const auto& [seed, failure] : failures_) say(seed, failure);
    return failures_.empty() ? 0 : 1;
  }

 private:
  void say(uint64_t seed, const std::string& failure) {
    std::printf("sim: seed %llu FAILED: %s\n     again: scripts/sim --seeds 1 --from %llu --trace%s\n",
                static_cast<unsigned long long>(seed), failure.c_str(), static_cast<unsigned long long>(seed),
                flags_.names ? " --names" : "");
    std::fflush(stdout);
  }

  void finish_one() {
    std::vector<pollfd> waiting;
    for (const Child& child : children_) waiting.push_back({child.pipe, POLLIN, 0});
    while (poll(waiting.data(), waiting.size(), -1) < 0) {
    }
    for (size_t i = 0; i < waiting.size(); ++i) {
      if (waiting[i].revents == 0) continue;
      Child child = children_[i];
      children_.erase(children_.begin() + static_cast<std::ptrdiff_t>(i));
      finished(child.seed, collect(child));
      return;
    }
  }

  void finished(uint64_t seed, const Outcome& outcome) {
    std::string failure = outcome.failure;
    if (flags_.twice && failure.empty()) {
      Child again = start(seed, flags_);
      if (collect(again).fingerprint != outcome.fingerprint) failure = "two runs of it differ";
    }
    ++done_;
    if (!failure.empty()) {
      failures_[seed] = failure;
      say(seed, failure);
    }
    if (flags_.seeds == 1) {
      std::printf("sim: seed %llu: %s, fingerprint %s\n", static_cast<unsigned long long>(seed), outcome.summary.c_str(),
                  outcome.fingerprint.c_str());
    } else if (done_ % 100 == 0) {
      std::printf("sim: %llu of %llu seeds\n", static_cast<unsigned long long>(done_),
                  static_cast<unsigned long long>(flags_.seeds));
    }
    std::fflush(stdout);
  }

  const Flags flags_;
  std::vector<Child> children_;
  std::map<uint64_t, std::string> failures_;
  uint64_t done_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--help" || std::string(argv[i]) == "-h") return usage(0);
  }
  if (!parse(argc, argv, flags)) return usage(2);
  return Runner(flags).run();
}
