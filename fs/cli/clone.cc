// lace clone: a file or a whole tree once more, at once, sharing all its bytes.
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>

#include <nlohmann/json.hpp>

#include "common/config/options.h"
#include "common/wire/mount_requests.h"
#include "fs/cli/commands.h"
#include "fs/cli/mount_request.h"

namespace lace::cli {
namespace {

struct Target {
  std::string directory;
  std::string name;
};

// As cp has it: into a directory that exists, else under this name.
Result<Target> target_of(const std::string& source, const std::string& given) {
  std::filesystem::path path(given);
  if (!path.has_filename()) path = path.parent_path();
  struct stat there {};
  if (stat(given.c_str(), &there) == 0) {
    if (!S_ISDIR(there.st_mode)) return fail(Code::exists, given + " exists: remove it first, or give another name");
    std::filesystem::path from = std::filesystem::path(source).lexically_normal();
    if (!from.has_filename()) from = from.parent_path();
    return Target{given, from.filename().string()};
  }
  const std::string directory = path.has_parent_path() ? path.parent_path().string() : ".";
  return Target{directory, path.filename().string()};
}

Status clone(const std::string& source, const Target& target) {
  wire::CopyTreeRequest request;
  if (target.name.empty() || target.name.size() >= sizeof request.name) {
    return fail(Code::name_too_long, "'" + target.name + "' can't be a name: it has 1 to 255 bytes");
  }
  const auto parent = inode_of(target.directory);
  if (!parent) return pass(parent);
  struct stat from {
  }, to{};
  if (stat(source.c_str(), &from) != 0) return fail(Code::no_entry, source + ": " + std::strerror(errno));
  if (stat(target.directory.c_str(), &to) != 0) return fail(Code::no_entry, target.directory + ": " + std::strerror(errno));
  if (from.st_dev != to.st_dev) {
    return fail(Code::cross_device, source + " and " + target.directory + " are on different mounts: name both through one");
  }
  request.parent = raw(*parent);
  std::memcpy(request.name, target.name.data(), target.name.size());
  return send_request(source, wire::copy_tree_request, &request);
}

}  // namespace

int clone_command(Arguments arguments) {
  std::string source, given;
  bool json = false;
  config::Options options("lace clone", "makes a copy of a file or a whole tree that shares all its bytes with it");
  options.argument("SRC", source, "a file or directory on a LaceFS mount");
  options.argument("DST", given, "the copy; an existing directory: it goes into that");
  options.flag("json", json, "print JSON, for programs");
  options.section(
      "What it does",
      "The copy is made at one moment, by the servers, in a time that depends on the number of files and not of bytes. "
      "Owners, times, attributes and links stay. What is written to one of them later is the other's no more, and "
      "takes the space of what was written. At most 100,000 files and directories are copied at once.");
  if (const auto code = options.parse(std::move(arguments))) return *code;
  const auto target = target_of(source, given);
  if (!target) return failed("clone", target.error());
  if (const Status done = clone(source, *target); !done) return failed("clone", done.error());
  if (json) {
    const nlohmann::ordered_json result{{"source", source}, {"copy", target->directory + "/" + target->name}};
    std::cout << result.dump(2) << '\n';
  }
  return 0;
}

}  // namespace lace::cli
