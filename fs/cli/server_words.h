// What commands say of a storage server.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "common/wire/types.h"

namespace lace::cli {

const char* name_of(wire::ServerState state);
std::string percent_full(const wire::ServerInfo& server);
// "3 days ago", "running, 45 %"
std::string scrub_words(const wire::RepairFigures& figures);
// "storage-2: 3.1 MiB of 4.0 GiB was missed, 2.0 MiB filled, 1 s left"; empty: nothing is to be filled.
std::string fill_words(const wire::ServerInfo& server);
nlohmann::ordered_json scrub_json(const wire::RepairFigures& figures);
nlohmann::ordered_json json_of(const wire::ServerInfo& server);

}  // namespace lace::cli
