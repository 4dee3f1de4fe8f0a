// lace profile: what a mount does, how often, how long it takes, and what it asks servers for.
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <map>
#include <sstream>
#include <thread>

#include <nlohmann/json.hpp>

#include "common/config/options.h"
#include "fs/cli/commands.h"
#include "fs/cli/profile_text.h"
#include "fs/cli/table.h"

namespace lace::cli {
namespace {

using Json = nlohmann::ordered_json;

Result<std::string> ask_mount(const std::string& directory) {
  std::string text(size_t{64} << 10, '\0');
  const ssize_t length = getxattr(directory.c_str(), "lace.profile", text.data(), text.size());
  if (length >= 0) return text.substr(0, static_cast<size_t>(length));
  const int number = errno;
  if (number == ENODATA || number == EOPNOTSUPP || number == ENOTSUP) {
    return fail(Code::invalid, directory + " is not in a LaceFS mount that counts: name a directory of one");
  }
  return fail(Code::io, directory + ": " + std::strerror(number));
}

double micros(double nanos) { return nanos / 1000.0; }

std::string shown(double microseconds) {
  char text[32];
  std::snprintf(text, sizeof text, microseconds < 100 ? "%.1f" : "%.0f", microseconds);
  return text;
}

void print_table(const std::vector<Counted>& all, std::chrono::milliseconds interval) {
  for (const char* what : {"operation", "message"}) {
    const bool operations = std::string_view(what) == "operation";
    Table table({what, ">count", interval.count() > 0 ? ">per s" : ">", ">mean us", ">p50 us", ">p99 us",
                 operations ? ">without asking" : ">errors"});
    for (const Counted& one : all) {
      if (one.what != what) continue;
      const std::string share = std::to_string(100 * (one.count() - std::min(one.asked, one.count())) / one.count()) + " %";
      const std::string rate =
          interval.count() > 0 ? human_number(one.count() * 1000 / static_cast<uint64_t>(interval.count())) : "";
      table.add({one.name, human_number(one.count()), rate, shown(micros(one.mean_nanos())),
                 shown(micros(static_cast<double>(one.quantile_nanos(0.5)))),
                 shown(micros(static_cast<double>(one.quantile_nanos(0.99)))), operations ? share : human_number(one.asked)});
    }
    if (!table.empty()) std::cout << table.text() << '\n';
  }
  std::cout << std::flush;
}

void print_json(const std::vector<Counted>& all) {
  Json out;
  out["operations"] = Json::array();
  out["messages"] = Json::array();
  for (const Counted& one : all) {
    const bool operation = one.what == "operation";
    Json entry{{"name", one.name},
               {"count", one.count()},
               {"mean_us", micros(one.mean_nanos())},
               {"p50_us", micros(static_cast<double>(one.quantile_nanos(0.5)))},
               {"p99_us", micros(static_cast<double>(one.quantile_nanos(0.99)))},
               {operation ? "asked_servers" : "errors", one.asked}};
    out[operation ? "operations" : "messages"].push_back(std::move(entry));
  }
  std::cout << out.dump(2) << std::endl;
}

}  // namespace

int profile_command(Arguments arguments) {
  std::string mount_point;
  int every = 0;
  bool json = false;
  config::Options options("lace profile",
                          "what a mount has done since it began: operations of programs, and messages to servers");
  options.argument("MOUNTPOINT", mount_point, "a mounted directory, or any file in it");
  options.number("every", every, 0, 3600,
                 "go on, and show what happened in each of so many SECONDS; 0: once, since the beginning");
  options.flag("json", json, "for programs: one object each time");
  options.section(
      "Output",
      "  operation    what the kernel asked the mount for. 'without asking': answered from what the mount knew;\n"
      "               for sync and the like, by what its log had told already\n"
      "  message      what the mount asked servers for: write_block and sync_blocks storage servers, commit control");
  options.section("Examples", "  lace profile ~/lace\n  lace profile --every 2 ~/lace");
  if (const auto code = options.parse(std::move(arguments))) return *code;
  std::vector<Counted> before;
  while (true) {
    const auto text = ask_mount(mount_point);
    if (!text) return failed("profile", text.error());
    const std::vector<Counted> now = parse_profile(*text);
    if (every == 0 || !before.empty()) {
      const auto shown = difference(now, before);
      json ? print_json(shown) : print_table(shown, std::chrono::seconds(every));
    }
    if (every == 0) return 0;
    before = now;
    std::this_thread::sleep_for(std::chrono::seconds(every));
  }
}

}  // namespace lace::cli
