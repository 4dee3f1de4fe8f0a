#include "common/base/log.h"

#include <chrono>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace lace::log {
namespace {

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = std::make_shared<spdlog::logger>("lace", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *instance;
}

spdlog::level::level_enum level_of(Level level) {
  switch (level) {
    case Level::debug: return spdlog::level::debug;
    case Level::info: return spdlog::level::info;
    case Level::warn: return spdlog::level::warn;
    case Level::error: return spdlog::level::err;
  }
  return spdlog::level::err;
}

// A value is quoted when it could be taken apart wrongly; control characters never reach a terminal.
void append_value(std::string& line, std::string_view value) {
  const bool plain = !value.empty() && value.find_first_of(" \"=\\") == value.npos;
  if (!plain) line += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') line += '\\';
    line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  if (!plain) line += '"';
}

}  // namespace

void set_level(Level level) { logger().set_level(level_of(level)); }

void event(Level level, std::string_view name, Fields fields) {
  const auto wanted = level_of(level);
  if (!logger().should_log(wanted)) return;
  std::string line(name);
  for (const Field& field : fields) {
    line += ' ';
    line += field.name;
    line += '=';
    append_value(line, field.value);
  }
  logger().log(wanted, "{}", line);
}

bool Limiter::pass() {
  const int64_t now = std::chrono::steady_clock::now().time_since_epoch().count();
  int64_t next = next_ns_.load();
  if (now >= next && next_ns_.compare_exchange_strong(next, now + 1'000'000'000)) return true;
  ++held_back_;
  return false;
}

uint64_t Limiter::taken() { return held_back_.exchange(0); }

}  // namespace lace::log
