// memory_mount MOUNTPOINT [OPTION,...]: mounts a file system that lives in this process, until SIGTERM. For trying the FUSE
// room by hand and with the POSIX suite. Caches are on; the option "strict" turns them off.
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <iostream>
#include <sstream>

#include "fs/fuse/mount.h"
#include "fs/fuse/mount_point.h"
#include "tests/unit/fuse/memory_caller.h"
#include "tests/unit/fuse/memory_file_system.h"

int main(int argc, char** argv) {
  using namespace lace;
  if (argc < 2) return 2;
  std::vector<std::string> options;
  bool strict = false;
  std::istringstream words(argc > 2 ? argv[2] : "");
  for (std::string word; std::getline(words, word, ',');) word == "strict" ? void(strict = true) : options.push_back(word);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  const int stop = signalfd(-1, &set, SFD_CLOEXEC);

  const auto flags = fs::fuse::parse_mount_flags(options, geteuid() == 0);
  if (!flags) return std::cerr << flags.error().what << '\n', 2;
  const auto mount_point = fs::fuse::check_mount_point(argv[1], flags->nonempty);
  if (!mount_point) return std::cerr << mount_point.error().what << '\n', 1;
  const SystemClock clock;
  fs::MemoryNetwork network;
  fs::MemoryFileSystem file_system(clock);
  if (!strict) file_system.set_cache_times({Millis{10'000}, Millis{10'000}});
  auto mount = fs::fuse::Mount::attach(file_system, network, clock, {*mount_point, *flags, "ipc:///nowhere"});
  if (!mount) return std::cerr << mount.error().what << '\n', 1;
  std::cout << "ready\n" << std::flush;
  (*mount)->run(stop);
  return 0;
}
