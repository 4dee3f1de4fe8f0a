// Endpoints as people write them: "ipc:///run/lace/control-1", "tcp://host:7400#KEY".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/wire/types.h"

namespace lace::net {

// Errors: invalid, and `what` says what is wrong with which part. The key is optional here.
Result<wire::Endpoint> parse_endpoint(std::string_view text);
// "a,b": one or more. Blanks around each are dropped.
Result<std::vector<wire::Endpoint>> parse_endpoints(std::string_view text);
std::string to_string(const wire::Endpoint& endpoint);

}  // namespace lace::net
