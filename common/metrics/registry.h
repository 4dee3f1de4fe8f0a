// What a daemon counts, for Prometheus: GET /metrics answers it as text. This room is the only one that includes
// prometheus-cpp. Counters, gauges and histograms live as long as their Registry; they may be changed from any thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace lace::metrics {

using Labels = std::map<std::string, std::string>;

class Counter {
 public:
  explicit Counter(prometheus::Counter& inner) : inner_(&inner) {}
  void add(double amount = 1);  // not negative
  double value() const;
  void set_at_least(double value);  // follows a counter that is kept elsewhere

 private:
  prometheus::Counter* inner_;
};

class Gauge {
 public:
  explicit Gauge(prometheus::Gauge& inner) : inner_(&inner) {}
  void set(double value);
  double value() const;

 private:
  prometheus::Gauge* inner_;
};

class Histogram {
 public:
  explicit Histogram(prometheus::Histogram& inner) : inner_(&inner) {}
  void observe(double value);

 private:
  prometheus::Histogram* inner_;
};

class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // Names as Prometheus wants them: "lace_control_commits_total", "..._seconds", "..._bytes". The same name and labels give
  // the same metric. Labels must be few and bounded.
  Counter counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  Histogram histogram(const std::string& name, const std::string& help, const std::vector<double>& upper_bounds,
                      const Labels& labels = {});

  // Listens on "HOST:PORT" (port 0: any that is free; "" does nothing) and logs the address as metrics.listening. Answers the
  // address. Errors: invalid (not HOST:PORT), io (the port is taken, ...).
  Result<std::string> expose(const std::string& address);
  // What /metrics answers.
  std::string text() const;

 private:
  struct Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace lace::metrics
