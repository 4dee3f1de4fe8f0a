// The figures: a table for people, or JSON.
#pragma once

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "tests/bench/control/server.h"

namespace lace::bench {

struct Figure {
  std::string what;
  std::string unit;  // what was counted: creates, lookups, entries
  uint64_t count = 0;
  double seconds = 0;
  double server_cpu_seconds = 0;
  uint64_t rss_bytes = 0;  // of the server, afterwards
};

class Report {
 public:
  explicit Report(Server& server) : server_(server) {}

  // Runs and measures it; `run` answers how many it did. Says what it is doing on standard error.
  template <class Run>
  void measure(const std::string& what, const std::string& unit, Run&& run) {
    begin(what);
    const Instant start = clock_.now();
    const double cpu = server_.cpu_seconds();
    const uint64_t count = run();
    add({what, unit, count, std::chrono::duration<double>(clock_.now() - start).count(), server_.cpu_seconds() - cpu,
         server_.rss_bytes()});
  }
  void add(Figure figure);
  // A line that is no rate: "restart until it serves", "0.31 s".
  void note(const std::string& what, const std::string& key, double value, const std::string& shown);

  std::string table() const;
  std::string json() const;

 private:
  struct Note {
    std::string what, key;
    double value;
    std::string shown;
  };
  void begin(const std::string& what) const;

  const SystemClock clock_;
  Server& server_;
  std::vector<Figure> figures_;
  std::vector<Note> notes_;
};

}  // namespace lace::bench
