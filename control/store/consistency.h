// Reads the whole database and says what does not fit together. For tests, and for tools over a stopped server: these are the
// only statements that scan.
#pragma once

#include <string>
#include <vector>

#include "control/store/counters.h"

namespace lace::control {

// A sentence for each kind of inconsistency, with an example; empty: sound. What tables keep in memory was flushed.
std::vector<std::string> find_inconsistencies(db::Database& database, const Counters& counters);

// "statement: plan" for every steady statement.
std::vector<std::string> plans_of_statements(db::Database& database);

}  // namespace lace::control
