// What must hold in the namespace, and what is done where it does not.
#pragma once

#include <span>
#include <string>

#include "control/store/consistency.h"

namespace lace::control {

// A statement that finds what must not be: its first column is the id of what is wrong.
struct Rule {
  const char* broken;  // what it means when it finds something
  const char* finds;
  const char* remedy = nullptr;  // nothing can be done, if there is none
  const char* mends = nullptr;   // statements, separated by ";;", with that id as their parameter
  bool finds_nameless = false;   // what it finds may have no name: then it gets one
};

std::span<const Rule> rules();  // their numbers are their places

// Those that no single statement can see to.
namespace special_rules {
inline constexpr uint32_t stored = 1'000;
inline constexpr uint32_t overlap = 1'001;
inline constexpr uint32_t users = 1'002;
inline constexpr uint32_t copies = 1'003;
inline constexpr uint32_t counters = 1'004;
inline constexpr uint32_t file = 1'005;
}  // namespace special_rules

std::string remedy_of(uint32_t rule);

}  // namespace lace::control
