#include "common/metrics/registry.h"

#include <charconv>
#include <exception>

#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include "common/base/log.h"

namespace lace::metrics {

void Counter::add(double amount) { inner_->Increment(amount); }
double Counter::value() const { return inner_->Value(); }
void Counter::set_at_least(double value) {
  const double behind = value - inner_->Value();
  if (behind > 0) inner_->Increment(behind);
}

void Gauge::set(double value) { inner_->Set(value); }
double Gauge::value() const { return inner_->Value(); }

void Histogram::observe(double value) { inner_->Observe(value); }

struct Registry::Inner {
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  std::unique_ptr<prometheus::Exposer> exposer;
};

Registry::Registry() : inner_(std::make_unique<Inner>()) {}
Registry::~Registry() = default;

Counter Registry::counter(const std::string& name, const std::string& help, const Labels& labels) {
  return Counter(prometheus::BuildCounter().Name(name).Help(help).Register(*inner_->registry).Add(labels));
}

Gauge Registry::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  return Gauge(prometheus::BuildGauge().Name(name).Help(help).Register(*inner_->registry).Add(labels));
}

Histogram Registry::histogram(const std::string& name, const std::string& help, const std::vector<double>& upper_bounds,
                              const Labels& labels) {
  auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(*inner_->registry);
  return Histogram(family.Add(labels, prometheus::Histogram::BucketBoundaries(upper_bounds)));
}

Result<std::string> Registry::expose(const std::string& address) {
  if (address.empty()) return std::string();
  const size_t colon = address.rfind(':');
  uint16_t port = 0;
  const char* end = address.data() + address.size();
  const bool bad = colon == address.npos || colon == 0 || std::from_chars(address.data() + colon + 1, end, port).ptr != end ||
                   address.back() == ':';
  if (bad) return fail(Code::invalid, "--metrics " + address + ": give HOST:PORT, as in 127.0.0.1:9400");
  try {
    inner_->exposer = std::make_unique<prometheus::Exposer>(address, 1);
    inner_->exposer->RegisterCollectable(inner_->registry);
    const auto ports = inner_->exposer->GetListeningPorts();
    const int taken = ports.empty() ? port : ports.front();
    const std::string listening = address.substr(0, colon) + ":" + std::to_string(taken);
    log::info("metrics.listening", {{"address", listening}, {"path", "/metrics"}});
    return listening;
  } catch (const std::exception& reason) {
    return fail(Code::io, "--metrics " + address + ": can't listen there (" + reason.what() + "): choose another port");
  }
}

std::string Registry::text() const { return prometheus::TextSerializer().Serialize(inner_->registry->Collect()); }

}  // namespace lace::metrics
