// Logs: one event a line, with fields, for people and for grep:
//   2026-11-22T16:56:29.123Z warn storage.copy_corrupt block=b00000000000004d2 page=17 remedy="read from another copy"
// Any thread may log. Lines below the level set are free.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace lace::log {

enum class Level { debug, info, warn, error };

struct Field {
  std::string_view name;
  std::string value;
  Field(std::string_view field, std::string text) : name(field), value(std::move(text)) {}
  Field(std::string_view field, std::string_view text) : name(field), value(text) {}
  Field(std::string_view field, const char* text) : name(field), value(text) {}
  Field(std::string_view field, std::integral auto number) : name(field), value(std::to_string(number)) {}
};
using Fields = std::initializer_list<Field>;

// Logs go to standard error; the daemons' supervisor writes them to a file.
void set_level(Level level);
void event(Level level, std::string_view name, Fields fields = {});
inline void debug(std::string_view name, Fields fields = {}) { event(Level::debug, name, fields); }
inline void info(std::string_view name, Fields fields = {}) { event(Level::info, name, fields); }
inline void warn(std::string_view name, Fields fields = {}) { event(Level::warn, name, fields); }
inline void error(std::string_view name, Fields fields = {}) { event(Level::error, name, fields); }

// Lets an event that outsiders can provoke through at most once a second, and counts the rest:
//   static log::Limiter limiter; if (limiter.pass()) log::warn("net.malformed", {{"suppressed", limiter.taken()}});
class Limiter {
 public:
  bool pass();       // any thread
  uint64_t taken();  // how many were held back since the last one that passed; resets

 private:
  std::atomic<int64_t> next_ns_{0};
  std::atomic<uint64_t> held_back_{0};
};

}  // namespace lace::log
