#include "fs/cli/server_words.h"

#include <algorithm>
#include <ctime>

#include "fs/cli/progress.h"
#include "fs/cli/table.h"

namespace lace::cli {

const char* name_of(wire::ServerState state) {
  switch (state) {
    case wire::ServerState::up: return "up";
    case wire::ServerState::down: return "down";
    case wire::ServerState::draining: return "draining";
    case wire::ServerState::read_only: return "read-only";
    case wire::ServerState::failing: return "failing";
  }
  return "unknown";
}

std::string percent_full(const wire::ServerInfo& server) {
  const uint64_t all = server.used_bytes + server.available_bytes;
  if (all == 0) return "-";
  return std::to_string(server.used_bytes * 100 / all) + " %";
}

std::string scrub_words(const wire::RepairFigures& figures) {
  if (figures.scrubbing) {
    const uint64_t percent =
        figures.scrub_bytes == 0 ? 0 : std::min<uint64_t>(figures.scrubbed_bytes * 100 / figures.scrub_bytes, 100);
    return "running, " + std::to_string(percent) + " %";
  }
  if (figures.scrub_ended == 0 || figures.scrub_bytes == 0) return "not yet";
  const int64_t ago = std::max<int64_t>(std::time(nullptr) - figures.scrub_ended, 0);
  return human_time(static_cast<uint64_t>(ago)) + " ago";
}

std::string fill_words(const wire::ServerInfo& server) {
  if (server.missing_bytes == 0) return {};
  const uint64_t missed = std::max(server.repair.missed_bytes, server.missing_bytes);
  std::string words = server.name + ": " + human_bytes(missed) + " of " +
                      human_bytes(server.used_bytes + server.missing_bytes) + " was missed, " +
                      human_bytes(missed - server.missing_bytes) + " filled";
  const uint64_t rate = server.repair.fill_bytes_per_second;
  if (rate > 0) words += ", " + human_bytes(rate) + "/s, " + human_time(server.missing_bytes / rate + 1) + " left";
  return words;
}

nlohmann::ordered_json scrub_json(const wire::RepairFigures& figures) {
  return {{"running", figures.scrubbing},      {"read_bytes", figures.scrubbed_bytes},   {"all_bytes", figures.scrub_bytes},
          {"ended", figures.scrub_ended},      {"corrupt_pages", figures.corrupt_pages}, {"healed_pages", figures.healed_pages},
          {"disk_errors", figures.disk_errors}};
}

nlohmann::ordered_json json_of(const wire::ServerInfo& server) {
  const uint64_t missed = std::max(server.repair.missed_bytes, server.missing_bytes);
  const uint64_t rate = server.repair.fill_bytes_per_second;
  return {{"name", server.name},
          {"state", name_of(server.state)},
          {"capacity_bytes", server.capacity_bytes},
          {"used_bytes", server.used_bytes},
          {"available_bytes", server.available_bytes},
          {"missing_bytes", server.missing_bytes},
          {"hole_copy_received_bytes", server.hole_copy_received_bytes},
          {"copies", server.copies},
          {"blocks", server.blocks},
          {"endpoint", server.endpoint.url},
          {"fill",
           {{"missed_bytes", missed},
            {"filled_bytes", missed - server.missing_bytes},
            {"bytes_per_second", rate},
            {"seconds_left", rate == 0 ? 0 : server.missing_bytes / rate + (server.missing_bytes > 0 ? 1 : 0)}}},
          {"scrub", scrub_json(server.repair)}};
}

}  // namespace lace::cli
