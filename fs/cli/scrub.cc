// lace scrub: every copy is read and checked now, or how far that is.
#include <algorithm>
#include <iostream>
#include <set>

#include <nlohmann/json.hpp>

#include "fs/cli/commands.h"
#include "fs/cli/progress.h"
#include "fs/cli/server_words.h"
#include "fs/cli/table.h"
#include "fs/cli/where.h"

namespace lace::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Millis answer_within{5'000};
constexpr Millis poll_interval{250};
constexpr Millis begins_within{15'000};

Result<std::vector<wire::ServerInfo>> servers_of(Asker& asker, const std::string& name) {
  auto status = asker.status(answer_within);
  if (!status) return pass(status);
  std::vector<wire::ServerInfo> found;
  for (const wire::ServerInfo& server : status->servers) {
    if (name.empty() || server.name == name) found.push_back(server);
  }
  if (found.empty())
    return fail(Code::no_entry, name.empty() ? "the cluster has no storage server" : "no storage server is called " + name);
  std::ranges::sort(found, {}, &wire::ServerInfo::name);
  return found;
}

// Until the scrubs that were ordered are over.
Status watch(Asker& asker, const std::string& name, std::vector<std::string> begun,
             const std::vector<wire::ServerInfo>& before) {
  Progress progress;
  const Instant start = SystemClock().now();
  std::set<std::string> seen;
  for (;;) {
    const auto servers = servers_of(asker, name);
    if (!servers) return pass(servers);
    uint64_t done = 0, all = 0;
    size_t left = 0;
    for (const wire::ServerInfo& server : *servers) {
      if (std::find(begun.begin(), begun.end(), server.name) == begun.end()) continue;
      const auto old = std::find_if(before.begin(), before.end(), [&](const auto& one) { return one.name == server.name; });
      const bool over =
          !server.repair.scrubbing &&
          (seen.contains(server.name) || (old != before.end() && server.repair.scrub_order > old->repair.scrub_order));
      if (server.repair.scrubbing) seen.insert(server.name);
      if (server.state == wire::ServerState::down)
        return fail(Code::unavailable, server.name + " went down; it goes on when it is up");
      left += over ? 0 : 1;
      done += server.repair.scrubbing || over ? server.repair.scrubbed_bytes : 0;
      all += server.repair.scrub_bytes;
    }
    progress.show(all == 0 ? 0 : static_cast<double>(done) / static_cast<double>(all),
                  human_bytes(done) + " of " + human_bytes(all) + " read on " + std::to_string(begun.size()) + " servers");
    if (left == 0) return {};
    if (seen.empty() && SystemClock().now() - start > begins_within)
      return fail(Code::unavailable, "the servers did not begin: look at their logs");
    asker.pause(poll_interval);
  }
}

void print(const std::vector<wire::ServerInfo>& servers, bool json) {
  if (json) {
    Json list = Json::array();
    for (const auto& server : servers) list.push_back({{"name", server.name}, {"scrub", scrub_json(server.repair)}});
    std::cout << list.dump(2) << '\n';
    return;
  }
  Table table({"STORAGE", "STATE", "SCRUB", ">READ", ">BAD PAGES", ">HEALED", ">DISK ERRORS"});
  for (const auto& server : servers) {
    table.add({server.name, name_of(server.state), scrub_words(server.repair), human_bytes(server.repair.scrubbed_bytes),
               human_number(server.repair.corrupt_pages), human_number(server.repair.healed_pages),
               human_number(server.repair.disk_errors)});
  }
  std::cout << table.text();
}

}  // namespace

int scrub_command(Arguments arguments) {
  Where where;
  std::string name;
  bool json = false, now = false, background = false;
  config::Options options("lace scrub", "shows how the copies on storage servers are checked, or has them checked now");
  where.declare(options);
  options.argument("SERVER", name, "one server, as in storage-2; else all").optional();
  options.flag("now", now, "read and check every copy now");
  options.flag("background", background, "with --now: do not wait for the end");
  options.flag("json", json, "print JSON, for programs");
  options.section(
      "What it does",
      "Each server reads its copies from the disk, slowly, every 14 days ('lace storage limits' sets both), and goes on "
      "where it was after a restart. A page that does not match its checksum is had from another copy.");
  if (const auto code = options.parse(std::move(arguments))) return *code;
  if (background && !now) return options.wrong_usage("--background is for --now");
  auto asker = where.asker();
  if (!asker) return failed("scrub", asker.error());
  auto servers = servers_of(*asker, name);
  if (!servers) return failed("scrub", servers.error());
  if (now) {
    const auto begun = asker->start_scrub({name}, answer_within);
    if (!begun) return failed("scrub", begun.error());
    if (!background) {
      if (const Status done = watch(*asker, name, begun->servers, *servers); !done) return failed("scrub", done.error());
    }
    servers = servers_of(*asker, name);
    if (!servers) return failed("scrub", servers.error());
  }
  print(*servers, json);
  return 0;
}

}  // namespace lace::cli
