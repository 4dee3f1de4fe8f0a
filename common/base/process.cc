#include "common/base/process.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

namespace lace {
namespace {

std::string target_of(const char* path) {
  char text[128];
  const ssize_t length = readlink(path, text, sizeof text);
  return length > 0 && static_cast<size_t>(length) < sizeof text ? std::string(text, static_cast<size_t>(length)) : "";
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Where numbers of processes mean the same as here. Empty if /proc is another namespace's, or not there.
const std::string& here() {
  static const std::string place = [] {
    const std::string boot = first_line("/proc/sys/kernel/random/boot_id");
    const std::string space = target_of("/proc/self/ns/pid");
    const bool ours = target_of("/proc/self") == std::to_string(getpid());
    return boot.empty() || space.empty() || !ours ? std::string() : boot + '/' + space;
  }();
  return place;
}

std::string_view space_of(std::string_view where) { return where.substr(std::min(where.find('/'), where.size())); }

struct Stat {
  char state = '?';
  uint64_t threads = 0;
  uint64_t started = 0;
};

// proc(5): fields are counted from 1; the second, the program's name, may hold anything and ends with the last parenthesis.
std::optional<Stat> stat_of(uint32_t process) {
  const std::string line = first_line("/proc/" + std::to_string(process) + "/stat");
  const size_t name_end = line.rfind(')');
  if (name_end == line.npos) return std::nullopt;
  std::istringstream fields(line.substr(name_end + 1));
  Stat stat;
  std::string skipped;
  fields >> stat.state;
  for (int i = 4; i < 20; ++i) fields >> skipped;
  fields >> stat.threads >> skipped >> stat.started;
  return fields ? std::optional(stat) : std::nullopt;
}

}  // namespace

ProcessId own_process() {
  const auto number = static_cast<uint32_t>(getpid());
  const auto stat = stat_of(number);
  if (!stat) return {"", number, 0};
  return {here(), number, stat->started};
}

bool has_ended(const ProcessId& process) {
  if (process.where.empty() || here().empty() || process.number == 0 || process.started == 0) return false;
  // The machine has been started again since. Containers may be shown other boots; their processes have other name spaces.
  if (space_of(process.where) == space_of(here()) && process.where != here()) return true;
  if (process.where != here()) return false;
  if (kill(static_cast<pid_t>(process.number), 0) != 0 && errno == ESRCH) return true;
  const auto stat = stat_of(process.number);
  if (!stat) return false;  // hidden from us, or ending right now
  if (stat->started != process.started) return true;
  // Ended, but its parent has not asked for its exit code; and no thread of it is left.
  return (stat->state == 'Z' || stat->state == 'X') && stat->threads <= 1;
}

}  // namespace lace
