// Mounts that all work in the same few directories, and what they were answered: whole fs/client, as it is. See
// tests/lib/history.h for what must hold.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fs/client/file_system.h"
#include "tests/lib/history.h"
#include "tests/sim/client_process.h"

namespace lace::sim {

struct NameWork {
  int clients = 3;
  int directories = 2;
  int names = 3;             // that are used in each
  uint32_t operations = 40;  // of each client
  uint32_t alone = 50;       // percent: the client prefers its own directory
  Millis most_pause{60};     // between two of them
  uint32_t yields_one_in = 0;
};

class NameClients {
 public:
  NameClients(Simulation& simulation, const wire::Endpoint& control, NameWork work);

  // Makes the directories; then the clients begin.
  void start();
  bool all_ended() const;
  static std::string name_of(int client) { return "client-" + std::to_string(client); }
  const std::vector<test::Operation>& history() const { return history_; }
  std::string doing() const;

 private:
  struct Mounted {
    fs::FileSystem& file_system;
    net::Caller& caller;
    int client = 0;
    std::vector<InodeId> known{};  // files that were seen
  };
  void run(ClientProcess& process, int client);
  void make_directories(Mounted& mounted);
  void one_operation(Mounted& mounted);
  test::Operation begin(const Mounted& mounted, test::Operation::Kind kind);
  void end(test::Operation operation, const Status& status, std::initializer_list<Code> expected);
  void create(Mounted& mounted, test::Operation operation);
  void remove(Mounted& mounted, test::Operation operation);
  void rename(Mounted& mounted, test::Operation operation);
  void lookup(Mounted& mounted, test::Operation operation);
  void list(Mounted& mounted, test::Operation operation);
  void chmod(Mounted& mounted, test::Operation operation);
  void put(Mounted& mounted, test::Operation operation);
  void get(Mounted& mounted, test::Operation operation);
  fs::Context context(const Mounted& mounted) const { return {mounted.caller, 0, 0, 1, 0}; }
  InodeId directory(int number) const { return directories_.at(static_cast<size_t>(number)); }
  uint64_t random(uint64_t below) { return simulation_.random()() % below; }

  Simulation& simulation_;
  const wire::Endpoint control_;
  const NameWork work_;
  std::vector<std::unique_ptr<ClientProcess>> processes_;
  std::vector<std::string> doing_;
  std::vector<InodeId> directories_;
  std::vector<test::Operation> history_;
  uint64_t count_ = 0;  // of calls and returns
  uint64_t values_ = 0;
};

}  // namespace lace::sim
