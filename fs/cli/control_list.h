// The control servers of a cluster, as `lace status` and `lace control list` show them.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "common/wire/control_messages.h"

namespace lace::cli {

nlohmann::ordered_json controls_json(const wire::ClusterStatusReply& status);
std::string control_table(const wire::ClusterStatusReply& status);

}  // namespace lace::cli
