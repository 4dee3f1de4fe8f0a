// Reads the whole database and says what does not fit together. For tests, and over a copy of a namespace that is in use: these
// are the only statements that scan.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "control/store/counters.h"

namespace lace::control {

struct Inconsistency {
  uint32_t rule = 0;   // which is broken: for mend()
  uint64_t id = 0;     // by what: an inode, a block, ...
  std::string what;    // a sentence
  std::string remedy;  // what mend() does about it; empty: it can do nothing
};

inline constexpr size_t most_inconsistencies = 1'000;  // of each rule: more are not listed

// Empty: sound. What tables keep in memory was flushed. `on_step` is told what is looked at next: the how-manieth of how many.
std::vector<Inconsistency> find_inconsistencies(
    db::Database& database, const Counters& counters,
    const std::function<void(const std::string& step, size_t number, size_t of)>& on_step = {});

// "statement: plan" for every steady statement.
std::vector<std::string> plans_of_statements(db::Database& database);

}  // namespace lace::control
