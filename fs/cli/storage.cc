// lace storage: the storage servers of a cluster: which there are, one more, one less, and how much repair may take.
#include <algorithm>
#include <iostream>

#include <nlohmann/json.hpp>

#include "fs/cli/commands.h"
#include "fs/cli/local_storages.h"
#include "fs/cli/progress.h"
#include "fs/cli/server_words.h"
#include "fs/cli/table.h"
#include "fs/cli/where.h"

namespace lace::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Millis answer_within{5'000};
constexpr Millis poll_interval{250};
constexpr Millis stuck_after{60'000};
constexpr uint64_t mib = uint64_t{1} << 20;

Result<wire::ServerInfo> server_called(Asker& asker, const std::string& name) {
  auto status = asker.status(answer_within);
  if (!status) return pass(status);
  for (const wire::ServerInfo& server : status->servers) {
    if (server.name == name) return server;
  }
  return fail(Code::no_entry, "no storage server is called " + name + " ('lace storage list' names them)");
}

// ---------------------------------------------------------------- list

int list(Arguments arguments) {
  Where where;
  bool json = false;
  config::Options options("lace storage list", "shows the storage servers of a cluster");
  where.declare(options);
  options.flag("json", json, "print JSON, for programs");
  if (const auto code = options.parse(std::move(arguments))) return *code;
  auto asker = where.asker();
  if (!asker) return failed("storage list", asker.error());
  auto status = asker->status(answer_within);
  if (!status) return failed("storage list", status.error());
  std::ranges::sort(status->servers, {}, &wire::ServerInfo::name);
  if (json) {
    Json servers = Json::array();
    for (const auto& server : status->servers) servers.push_back(json_of(server));
    std::cout << servers.dump(2) << '\n';
    return 0;
  }
  Table table({"STORAGE", "STATE", ">USED", ">FREE", ">FULL", ">BLOCKS", ">TO FILL", ">BAD PAGES", "LAST SCRUB"});
  for (const auto& server : status->servers) {
    table.add({server.name, name_of(server.state), human_bytes(server.used_bytes), human_bytes(server.available_bytes),
               percent_full(server), human_number(server.blocks), human_bytes(server.missing_bytes),
               human_number(server.repair.corrupt_pages), scrub_words(server.repair)});
  }
  std::cout << table.text();
  return 0;
}

// ---------------------------------------------------------------- add

int add(Arguments arguments) {
  Where where;
  bool json = false;
  config::Options options("lace storage add", "starts one more storage server of a cluster on this machine");
  where.declare(options);
  options.flag("json", json, "print JSON, for programs");
  options.section("Clusters on several machines",
                  "Start lace-storage on the machine that has the disk, with an empty --data directory, a new --name, and the "
                  "cluster's --control and keys ('lace-storage --help'). It joins by itself, and takes load at once.");
  if (const auto code = options.parse(std::move(arguments))) return *code;
  const auto local = where.local();
  if (!local) return failed("storage add", local.error());
  auto name = add_storage(*local, json ? std::cerr : std::cout);
  if (!name) return failed("storage add", name.error());
  if (json) {
    std::cout << Json{{"name", *name}}.dump(2) << '\n';
  } else {
    std::cout << *name << " is up; new blocks go there from now on, and others are moved when servers are filled unevenly\n";
  }
  return 0;
}

// ---------------------------------------------------------------- drain

// Until nothing is left on it. The order is control's, which goes on with it whether anybody looks or not.
Status watch_drain(Asker& asker, const std::string& name, uint64_t blocks) {
  Progress progress;
  const uint64_t all = std::max<uint64_t>(blocks, 1);
  const Instant start = SystemClock().now();
  Instant moved = start;
  for (uint64_t left = blocks;;) {
    const auto server = server_called(asker, name);
    if (!server && server.error().code == Code::no_entry) return pass(server);
    const Instant now = SystemClock().now();
    if (server && server->blocks < left) moved = now;
    if (server) left = server->blocks;
    const double part = 1 - static_cast<double>(left) / static_cast<double>(all);
    std::string words = name + ": " + human_number(left) + " of " + human_number(all) + " blocks are left";
    const double seconds = std::chrono::duration<double>(now - start).count();
    if (left < all && left > 0) {
      words += ", " + human_time(static_cast<uint64_t>(seconds * static_cast<double>(left) / static_cast<double>(all - left))) +
               " to go";
    }
    progress.show(part, words);
    if (server && left == 0) return {};
    if (now - moved >= stuck_after) {
      return fail(Code::unavailable, human_number(left) + " blocks on " + name +
                                         " find no other server: the others are full, down, or too few. It stays draining: add "
                                         "a server, or end it with --cancel");
    }
    asker.pause(poll_interval);
  }
}

int drain(Arguments arguments) {
  Where where;
  std::string name;
  bool json = false, cancel = false, background = false;
  config::Options options("lace storage drain", "makes the copies of a storage server elsewhere, so that it can be removed");
  where.declare(options);
  options.argument("NAME", name, "the server, as in storage-2");
  options.flag("cancel", cancel, "the server is used again");
  options.flag("background", background, "do not wait until nothing is left on it");
  options.flag("json", json, "print JSON, for programs");
  options.section("While it drains",
                  "It serves what it has, and gets nothing new. Interrupt the command at any time: draining goes on, also over "
                  "restarts, and the same command shows how far it is.");
  if (const auto code = options.parse(std::move(arguments))) return *code;
  auto asker = where.asker();
  if (!asker) return failed("storage drain", asker.error());
  const auto before = server_called(*asker, name);
  if (!before) return failed("storage drain", before.error());
  const auto changed =
      asker->change_server({name, cancel ? wire::ServerChange::use : wire::ServerChange::drain}, answer_within);
  if (!changed) return failed("storage drain", changed.error());
  if (!cancel && !background) {
    if (const Status done = watch_drain(*asker, name, before->blocks); !done) return failed("storage drain", done.error());
  }
  const auto now = server_called(*asker, name);
  if (!now) return failed("storage drain", now.error());
  if (json) {
    std::cout << Json{{"name", name}, {"state", name_of(now->state)}, {"blocks_left", now->blocks}}.dump(2) << '\n';
  } else if (cancel) {
    std::cout << name << " is used again\n";
  } else if (now->blocks == 0) {
    std::cout << name << " holds nothing that counts any more: 'lace storage remove " << name << "' makes it leave\n";
  } else {
    std::cout << name << " is draining: " << human_number(now->blocks) << " blocks are left\n";
  }
  return 0;
}

// ---------------------------------------------------------------- remove

int remove(Arguments arguments) {
  Where where;
  std::string name;
  bool json = false;
  config::Options options("lace storage remove", "takes a drained storage server out of the cluster");
  where.declare(options);
  options.argument("NAME", name, "the server, as in storage-2");
  options.flag("json", json, "print JSON, for programs");
  options.section(
      "What happens",
      "Refused while copies on it count. It can't come back: what is in its data directory is never looked at again, "
      "and stays until you delete it. Of a cluster on this machine its process is ended.");
  if (const auto code = options.parse(std::move(arguments))) return *code;
  auto asker = where.asker();
  if (!asker) return failed("storage remove", asker.error());
  const auto changed = asker->change_server({name, wire::ServerChange::remove}, answer_within);
  if (!changed) return failed("storage remove", changed.error());
  std::string kept;
  if (const auto local = where.local()) {
    const auto directory = forget_storage(*local, name);
    if (!directory) return failed("storage remove", directory.error());
    kept = *directory;
  }
  if (json) {
    std::cout << Json{{"name", name}, {"removed", true}, {"data", kept}}.dump(2) << '\n';
  } else {
    std::cout << name << " is removed" << (kept.empty() ? "" : "; its data stays in " + kept + " until you delete it") << '\n';
  }
  return 0;
}

// ---------------------------------------------------------------- limits

Json json_of(const wire::RepairLimits& limits) {
  return {{"fill_bytes_per_second", limits.fill_bytes_per_second},
          {"fills_at_once", limits.fills_at_once},
          {"scrub_bytes_per_second", limits.scrub_bytes_per_second},
          {"scrub_every_hours", limits.scrub_every_hours}};
}

int limits(Arguments arguments) {
  Where where;
  bool json = false;
  uint64_t fill = 0, scrub = 0, days = 0;
  uint32_t fills = 0;
  config::Options options("lace storage limits", "shows or sets how much of each storage server repair may take");
  where.declare(options);
  options.number("fill", fill, 0, 100'000, "MiB per second that a server fetches to fill copies");
  options.number("fills", fills, 0, 64, "copies that a server fills at the same time");
  options.number("scrub", scrub, 0, 100'000, "MiB per second that a server reads to check its copies");
  options.number("scrub-days", days, 0, 3'650, "days from one scrub to the next");
  options.flag("json", json, "print JSON, for programs");
  options.section("When it counts", "At once, on all servers, until it is set again. 0, or nothing, leaves a number as it is.");
  if (const auto code = options.parse(std::move(arguments))) return *code;
  auto asker = where.asker();
  if (!asker) return failed("storage limits", asker.error());
  const auto now = asker->set_limits({{fill * mib, fills, scrub * mib, static_cast<uint32_t>(days * 24)}}, answer_within);
  if (!now) return failed("storage limits", now.error());
  if (json) {
    std::cout << json_of(*now).dump(2) << '\n';
    return 0;
  }
  std::cout << "fill:        " << human_bytes(now->fill_bytes_per_second) << "/s on each server, " << now->fills_at_once
            << " copies at a time\n"
            << "scrub:       " << human_bytes(now->scrub_bytes_per_second) << "/s on each server, every "
            << human_time(uint64_t{now->scrub_every_hours} * 3'600) << '\n';
  return 0;
}

struct Subcommand {
  const char* name;
  int (*run)(Arguments);
  const char* summary;
};
constexpr Subcommand subcommands[] = {
    {"list", list, "which there are, how full they are, and how they are"},
    {"add", add, "start one more, on this machine"},
    {"drain", drain, "make the copies of one elsewhere"},
    {"remove", remove, "take a drained one out of the cluster"},
    {"limits", limits, "how much repair may take"},
};

}  // namespace

int storage_command(Arguments arguments) {
  const std::string first = arguments.empty() ? "" : arguments.front();
  for (const auto& each : subcommands) {
    if (first != each.name) continue;
    arguments.erase(arguments.begin());
    return each.run(std::move(arguments));
  }
  const bool help = first == "--help" || first == "-h";
  auto& out = help ? std::cout : std::cerr;
  if (help) {
    out << "lace storage: the storage servers of a cluster.\n\nUsage:\n";
    for (const auto& each : subcommands)
      out << "    lace storage " << each.name << std::string(8 - std::string(each.name).size(), ' ') << each.summary << '\n';
    out << "\n'lace storage WORD --help' tells more.\n";
    return 0;
  }
  out << "lace storage: " << (first.empty() ? "say what to do" : "unknown word '" + first + "'")
      << ": list, add, drain, remove or limits (see 'lace storage --help')\n";
  return 2;
}

}  // namespace lace::cli
