#include "control/settings.h"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "common/base/ids.h"
#include "common/config/files.h"

namespace lace::control {

Result<Settings> open_settings(const std::string& directory, std::optional<uint32_t> copies) {
  const std::string path = directory + "/settings.json";
  if (!std::filesystem::exists(path)) {
    const Settings made{copies.value_or(Settings{}.copies)};
    const std::string text = nlohmann::json{{"copies", made.copies}}.dump() + "\n";
    if (const Status written = config::replace_file(path, text, 0600); !written) return pass(written);
    return made;
  }
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  const auto json = nlohmann::json::parse(text.str(), nullptr, false);
  const bool good = file && json.is_object() && json.contains("copies") && json["copies"].is_number_unsigned() &&
                    json["copies"] >= 1 && json["copies"] <= max_copies;
  if (!good) {
    return fail(Code::corrupt, path +
                                   " is not readable as settings of a cluster: write {\"copies\": 2} there, with the number "
                                   "of copies that the cluster was made with");
  }
  const Settings kept{json["copies"].get<uint32_t>()};
  if (copies && *copies != kept.copies) {
    return fail(Code::invalid, "--copies " + std::to_string(*copies) + ": this cluster was made with " +
                                   std::to_string(kept.copies) + " copies, which stays so: leave --copies away");
  }
  return kept;
}

}  // namespace lace::control
