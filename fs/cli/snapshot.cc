// lace snapshot: directories as they were.
#include <dirent.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <iostream>

#include <nlohmann/json.hpp>

#include "common/config/options.h"
#include "common/wire/mount_requests.h"
#include "fs/cli/commands.h"
#include "fs/cli/mount_request.h"
#include "fs/cli/table.h"

namespace lace::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* place = "/.lace/snapshots";
constexpr const char* origin_name = "user.lace.origin";

struct Taken {
  std::string name;
  std::string origin;
  std::string path;
  time_t when = 0;
};

std::string origin_of(const std::string& path) {
  char value[4096];
  const ssize_t length = lgetxattr(path.c_str(), origin_name, value, sizeof value);
  return length < 0 ? std::string() : std::string(value, static_cast<size_t>(length));
}

Result<std::vector<Taken>> taken_on(const std::string& path) {
  const auto mount = mount_of(path);
  if (!mount) return pass(mount);
  std::vector<Taken> all;
  const std::string top = *mount + place;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(top, none)) {
    struct stat status {};
    if (stat(entry.path().c_str(), &status) != 0) continue;
    all.push_back({entry.path().filename().string(), origin_of(entry.path()), entry.path(), status.st_ctime});
  }
  if (none && none != std::errc::no_such_file_or_directory) return fail(Code::io, top + ": " + none.message());
  std::sort(all.begin(), all.end(),
            [](const Taken& a, const Taken& b) { return std::pair(a.when, a.name) < std::pair(b.when, b.name); });
  return all;
}

Result<wire::SnapshotRequest> request_of(const std::string& name) {
  wire::SnapshotRequest request;
  if (name.empty() || name.size() >= sizeof request.name || name.find('/') != std::string::npos) {
    return fail(Code::invalid, "'" + name + "' can't be the name of a snapshot: it has 1 to 255 bytes, and no '/'");
  }
  std::memcpy(request.name, name.data(), name.size());
  return request;
}

int create(Arguments arguments) {
  std::string directory, name;
  bool json = false;
  config::Options options("lace snapshot create", "keeps a directory as it is now");
  options.argument("DIR", directory, "a directory on a LaceFS mount");
  options.argument("NAME", name, "how the snapshot is to be called");
  options.flag("json", json, "print JSON, for programs");
  options.section(
      "What it does",
      "All of the directory at one moment, also what other mounts have closed or synced, is at "
      "MOUNTPOINT/.lace/snapshots/NAME from then on and can't be changed. The directory .lace is in no listing. What is "
      "in the snapshot alone takes space, the rest is shared. 'lace clone' copies it back.");
  if (const auto code = options.parse(std::move(arguments))) return *code;
  const auto request = request_of(name);
  if (!request) return failed("snapshot create", request.error());
  const auto mount = mount_of(directory);
  if (!mount) return failed("snapshot create", mount.error());
  if (const Status done = send_request(directory, wire::snapshot_request, &*request); !done) {
    return failed("snapshot create", done.error());
  }
  const std::string path = *mount + place + "/" + name;
  if (json) {
    std::cout << Json{{"name", name}, {"path", path}}.dump(2) << '\n';
  } else {
    std::cout << path << '\n';
  }
  return 0;
}

int list(Arguments arguments) {
  std::string path = ".";
  bool json = false;
  config::Options options("lace snapshot list", "lists the snapshots of a cluster");
  options.argument("PATH", path, "anything on a LaceFS mount (where you are)").optional();
  options.flag("json", json, "print JSON, for programs");
  if (const auto code = options.parse(std::move(arguments))) return *code;
  const auto all = taken_on(path);
  if (!all) return failed("snapshot list", all.error());
  if (json) {
    Json found = Json::array();
    for (const Taken& one : *all) {
      found.push_back({{"name", one.name}, {"of", one.origin}, {"taken", one.when}, {"path", one.path}});
    }
    std::cout << found.dump(2) << '\n';
    return 0;
  }
  Table table({"NAME", "OF", "TAKEN", "PATH"});
  for (const Taken& one : *all) {
    char when[32] = {};
    struct tm local {};
    std::strftime(when, sizeof when, "%F %T", localtime_r(&one.when, &local));
    table.add({one.name, one.origin, when, one.path});
  }
  std::cout << (table.empty() ? std::string("There are no snapshots.\n") : table.text());
  return 0;
}

int remove(Arguments arguments) {
  std::string name, path = ".";
  bool json = false;
  config::Options options("lace snapshot remove", "removes a snapshot");
  options.argument("NAME", name, "the snapshot");
  options.argument("PATH", path, "anything on the LaceFS mount (where you are)").optional();
  options.flag("json", json, "print JSON, for programs");
  options.section("What it does",
                  "The name is gone at once. What nothing else shares is given back within seconds to minutes.");
  if (const auto code = options.parse(std::move(arguments))) return *code;
  const auto request = request_of(name);
  if (!request) return failed("snapshot remove", request.error());
  const auto mount = mount_of(path);
  if (!mount) return failed("snapshot remove", mount.error());
  if (const Status done = send_request(*mount, wire::remove_snapshot_request, &*request); !done) {
    return failed("snapshot remove", done.error());
  }
  if (json) std::cout << Json{{"removed", name}}.dump(2) << '\n';
  return 0;
}

constexpr const char* help =
    "lace snapshot: keeps directories as they are.\n\n"
    "Usage:\n"
    "    lace snapshot create DIR NAME\n"
    "    lace snapshot list [PATH]\n"
    "    lace snapshot remove NAME [PATH]\n\n"
    "'lace snapshot create --help' and so on tell more.\n";

}  // namespace

int snapshot_command(Arguments arguments) {
  const std::string what = arguments.empty() ? "" : arguments.front();
  if (!arguments.empty()) arguments.erase(arguments.begin());
  if (what == "create") return create(std::move(arguments));
  if (what == "list") return list(std::move(arguments));
  if (what == "remove") return remove(std::move(arguments));
  if (what == "--help" || what == "-h") return std::cout << help, 0;
  std::cerr << help;
  return 2;
}

}  // namespace lace::cli
