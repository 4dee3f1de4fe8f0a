#include "fs/cli/control_list.h"

#include <algorithm>

#include "fs/cli/table.h"

namespace lace::cli {

nlohmann::ordered_json controls_json(const wire::ClusterStatusReply& status) {
  auto list = nlohmann::ordered_json::array();
  for (const wire::ControlInfo& control : status.controls) {
    list.push_back({{"name", control.name},
                    {"role", control.master ? "master" : "slave"},
                    {"term", control.term},
                    {"applied", control.applied},
                    {"state", control.state},
                    {"endpoint", control.url}});
  }
  return list;
}

// The lag of a slave is how many commits it is behind the master.
std::string control_table(const wire::ClusterStatusReply& status) {
  uint64_t newest = 0;
  for (const auto& control : status.controls) newest = std::max(newest, control.applied);
  Table table({"CONTROL", "ROLE", "STATE", ">TERM", ">APPLIED", ">LAG"});
  for (const auto& control : status.controls) {
    table.add({control.name, control.master ? "master" : "slave", control.state.empty() ? "alone" : control.state,
               human_number(control.term), human_number(control.applied), human_number(newest - control.applied)});
  }
  return table.text();
}

}  // namespace lace::cli
