// The `lace` command: finds the subcommand and runs it.
#include <iostream>

#include "common/config/options.h"
#include "fs/cli/commands.h"

namespace lace::cli {
namespace {

struct Command {
  const char* name;
  int (*run)(Arguments);
  const char* summary;
};

constexpr Command commands[] = {
    {"up", up_command, "start a cluster on this machine and mount it"},
    {"down", down_command, "unmount and stop it; the data stays"},
    {"mount", mount_command, "mount a cluster that runs"},
    {"unmount", unmount_command, "unmount"},
    {"status", status_command, "health, servers, blocks and mounts of a cluster"},
    {"info", info_command, "where the bytes of a file are"},
    {"storage", storage_command, "storage servers: list, add, drain, remove, and limits of repair"},
    {"scrub", scrub_command, "have the copies on storage servers checked"},
    {"clone", clone_command, "copy a file or a tree, sharing its bytes"},
    {"snapshot", snapshot_command, "keep directories as they are"},
    {"fsck", fsck_command, "check that everything fits together, and mend it"},
    {"control", control_command, "the control servers: which is the master, hand over, remove"},
    {"profile", profile_command, "what a mount does, and how long it takes"},
    {"key", key_command, "make keys for clusters that span machines"},
};

void print_help(std::ostream& out) {
  out << "lace: the command of LaceFS, a POSIX file system backed by a cluster.\n\nUsage:\n    lace COMMAND "
         "[OPTION]...\n\nCommands:\n";
  for (const auto& command : commands)
    out << "    " << command.name << std::string(10 - std::string(command.name).size(), ' ') << command.summary << '\n';
  out << "\nOptions:\n    -h, --help\n        print this and end\n    --version\n        print the version and end\n"
         "\n'lace COMMAND --help' tells more.\n\nExit code: 0 done, 1 failed, 2 wrong usage.\n";
}

int wrong_command(const std::string& typed) {
  std::vector<std::string> known;
  for (const auto& command : commands) known.emplace_back(command.name);
  const auto meant = config::nearest(typed, known);
  std::cerr << "lace: unknown " << (typed.starts_with('-') ? "flag '" : "command '") << typed << "'";
  if (meant) std::cerr << ": did you mean 'lace " << *meant << "'?";
  std::cerr << " (see 'lace --help')\n";
  return 2;
}

int run(Arguments arguments) {
  if (arguments.empty()) {
    print_help(std::cerr);
    return 2;
  }
  const std::string first = arguments.front();
  arguments.erase(arguments.begin());
  if (first == "--version") return std::cout << "lace " << LACE_VERSION << '\n', 0;
  if (first == "--help" || first == "-h" || (first == "help" && arguments.empty())) return print_help(std::cout), 0;
  if (first == "help") return run({arguments.front(), "--help"});
  for (const auto& command : commands) {
    if (first == command.name || (first == "umount" && command.run == unmount_command))
      return command.run(std::move(arguments));
  }
  return wrong_command(first);
}

}  // namespace

}  // namespace lace::cli

int main(int argc, char** argv) { return lace::cli::run(std::vector<std::string>(argv + 1, argv + argc)); }
