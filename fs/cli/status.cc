// lace status: what a cluster says of itself.
#include <algorithm>
#include <iostream>

#include <nlohmann/json.hpp>

#include "fs/cli/commands.h"
#include "fs/cli/control_list.h"
#include "fs/cli/progress.h"
#include "fs/cli/server_words.h"
#include "fs/cli/table.h"
#include "fs/cli/where.h"

namespace lace::cli {
namespace {

using Json = nlohmann::ordered_json;
using lace::cli::json_of;

Json json_of(const wire::SessionInfo& session) {
  return {{"session", raw(session.session)},
          {"host", session.host},
          {"mount_point", session.mount_point},
          {"process", session.process},
          {"lease_left_ms", session.lease_left_ms},
          {"open_inodes", session.held},
          {"locks", session.locks},
          {"sole", session.sole},
          {"leases", session.leases},
          {"exclusive_leases", session.exclusive}};
}

Json json_of(const wire::RepairLimits& limits) {
  return {{"fill_bytes_per_second", limits.fill_bytes_per_second},
          {"fills_at_once", limits.fills_at_once},
          {"scrub_bytes_per_second", limits.scrub_bytes_per_second},
          {"scrub_every_hours", limits.scrub_every_hours}};
}

// Of all servers together.
struct Filling {
  uint64_t missed = 0, missing = 0, rate = 0;
};
Filling filling_of(const wire::ClusterStatusReply& status) {
  Filling all;
  for (const auto& server : status.servers) {
    if (server.state == wire::ServerState::down || server.missing_bytes == 0) continue;
    all.missed += std::max(server.repair.missed_bytes, server.missing_bytes);
    all.missing += server.missing_bytes;
    all.rate += server.repair.fill_bytes_per_second;
  }
  return all;
}

Json json_of(const Filling& all) {
  return {{"missed_bytes", all.missed},
          {"filled_bytes", all.missed - all.missing},
          {"bytes_per_second", all.rate},
          {"seconds_left", all.rate == 0 ? 0 : all.missing / all.rate + (all.missing > 0 ? 1 : 0)}};
}

template <class Item>
Json json_list(const std::vector<Item>& items) {
  Json list = Json::array();
  for (const auto& item : items) list.push_back(json_of(item));
  return list;
}

Json json_of(const wire::ClusterStatusReply& status) {
  Json in_sync = Json::object();
  for (size_t copies = 0; copies < status.in_sync.size(); ++copies) in_sync[std::to_string(copies)] = status.in_sync[copies];
  return {{"health", status.health},
          {"reasons", status.reasons},
          {"cluster", status.cluster},
          {"copies", status.copies},
          {"servers", json_list(status.servers)},
          {"controls", controls_json(status)},
          {"blocks", {{"total", status.blocks}, {"in_sync", std::move(in_sync)}}},
          {"missing_bytes", status.missing_bytes},
          {"fill", json_of(filling_of(status))},
          {"limits", json_of(status.limits)},
          {"inodes", status.inodes},
          {"sessions", json_list(status.sessions)}};
}

std::string storage_table(const wire::ClusterStatusReply& status) {
  Table table({"STORAGE", "STATE", ">USED", ">FREE", ">CAPACITY", ">COPIES", ">TO FILL"});
  for (const auto& server : status.servers) {
    table.add({server.name, name_of(server.state), human_bytes(server.used_bytes), human_bytes(server.available_bytes),
               human_bytes(server.capacity_bytes), human_number(server.copies), human_bytes(server.missing_bytes)});
  }
  return table.text();
}

std::string session_table(const wire::ClusterStatusReply& status) {
  Table table({"MOUNT", "HOST", ">PID", ">OPEN", ">LOCKS", ">DIRECTORIES", ">OWN", ">LEASE"});
  for (const auto& session : status.sessions) {
    table.add({session.mount_point, session.host, std::to_string(session.process), human_number(session.held),
               human_number(session.locks), session.sole ? "all" : human_number(session.leases),
               session.sole ? "all" : human_number(session.exclusive), std::to_string(session.lease_left_ms / 1000) + " s"});
  }
  return table.text();
}

std::string blocks_line(const wire::ClusterStatusReply& status) {
  std::string line = human_number(status.blocks) + " of " + std::to_string(status.copies) + " copies each";
  std::string counts;
  for (size_t copies = status.in_sync.size(); copies-- > 0;) {
    if (status.in_sync[copies] == 0) continue;
    counts +=
        (counts.empty() ? "; in sync: " : ", ") + human_number(status.in_sync[copies]) + " with " + std::to_string(copies);
  }
  return line + counts;
}

std::string to_fill(const wire::ClusterStatusReply& status) {
  const Filling all = filling_of(status);
  std::string words = human_bytes(status.missing_bytes);
  if (all.missing == 0) return words;
  words += " of " + human_bytes(all.missed) + " that was missed";
  if (all.rate > 0) words += ", " + human_bytes(all.rate) + "/s, " + human_time(all.missing / all.rate + 1) + " left";
  return words;
}

void print(const wire::ClusterStatusReply& status) {
  std::cout << "Health:   " << status.health << '\n';
  for (const auto& reason : status.reasons) std::cout << "          " << reason << '\n';
  std::cout << "Cluster:  " << status.cluster << '\n'
            << "Blocks:   " << blocks_line(status) << '\n'
            << "To fill:  " << to_fill(status) << '\n'
            << "Inodes:   " << human_number(status.inodes) << "\n\n"
            << control_table(status) << '\n'
            << storage_table(status);
  for (const auto& server : status.servers) {
    if (const std::string words = fill_words(server); !words.empty()) std::cout << words << '\n';
  }
  if (!status.sessions.empty()) std::cout << '\n' << session_table(status);
}

// What a script can rely on is there also when no control server answers.
Json unavailable(const Error& error) {
  wire::ClusterStatusReply nothing;
  nothing.health = "unavailable";
  nothing.reasons = {error.what};
  return json_of(nothing);
}

}  // namespace

int status_command(Arguments arguments) {
  Where where;
  bool json = false;
  config::Options options("lace status", "shows the health of a cluster, its servers, blocks and mounts");
  where.declare(options);
  options.flag("json", json, "print JSON, for programs");
  options.section("Health",
                  "healthy: every block has all its copies in sync on servers that are up.\n"
                  "degraded: some blocks have fewer; everything can be read and written.\n"
                  "repairing: as degraded, and copies are being filled.\n"
                  "unavailable: some blocks can't be read, or no control server answers.");
  if (const auto code = options.parse(std::move(arguments))) return *code;
  auto asker = where.asker();
  if (!asker && asker.error().code == Code::invalid) return options.wrong_usage(asker.error().what);
  if (!asker) return failed("status", asker.error());
  auto status = asker->status(Millis(5'000));
  if (status) std::ranges::sort(status->servers, {}, &wire::ServerInfo::name);
  if (json) std::cout << (status ? json_of(*status) : unavailable(status.error())).dump(2) << '\n';
  if (!status) {
    if (!json) std::cout << "Health:   unavailable\n";
    return failed("status", status.error());
  }
  if (!json) print(*status);
  return 0;
}

}  // namespace lace::cli
