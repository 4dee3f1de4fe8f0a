#include "tests/bench/control/report.h"

#include <cmath>
#include <cstdio>

#include <nlohmann/json.hpp>

#include "fs/cli/table.h"

namespace lace::bench {
namespace {

std::string fixed(double value, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

double per(double amount, double by) { return by > 0 ? amount / by : 0; }

}  // namespace

void Report::begin(const std::string& what) const { std::fprintf(stderr, "%s ...\n", what.c_str()); }

void Report::add(Figure figure) { figures_.push_back(std::move(figure)); }

void Report::note(const std::string& what, const std::string& key, double value, const std::string& shown) {
  notes_.push_back({what, key, value, shown});
}

std::string Report::table() const {
  cli::Table table({"what", ">count", "unit", ">seconds", ">per second", ">server CPU s", ">CPU us each", ">RSS"});
  for (const Figure& f : figures_) {
    const auto count = static_cast<double>(f.count);
    table.add({f.what, cli::human_number(f.count), f.unit, fixed(f.seconds, 2),
               cli::human_number(static_cast<uint64_t>(std::llround(per(count, f.seconds)))), fixed(f.server_cpu_seconds, 2),
               fixed(per(f.server_cpu_seconds * 1e6, count), 1), cli::human_bytes(f.rss_bytes)});
  }
  std::string text = table.text();
  cli::Table notes({"", ""});
  for (const Note& note : notes_) notes.add({note.what, note.shown});
  return notes.empty() ? text : text + notes.text();
}

std::string Report::json() const {
  nlohmann::json all = {{"figures", nlohmann::json::array()}, {"notes", nlohmann::json::object()}};
  for (const Figure& f : figures_) {
    all["figures"].push_back({{"what", f.what},
                              {"unit", f.unit},
                              {"count", f.count},
                              {"seconds", f.seconds},
                              {"per_second", per(static_cast<double>(f.count), f.seconds)},
                              {"server_cpu_seconds", f.server_cpu_seconds},
                              {"rss_bytes", f.rss_bytes}});
  }
  for (const Note& note : notes_) all["notes"][note.key] = note.value;
  return all.dump(2) + "\n";
}

}  // namespace lace::bench
