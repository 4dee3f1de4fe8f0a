// Clients that work on blocks: fs/client's session, control channel, block map, pool and storage channel, as they are, write,
// read, sync, punch and remove, and tell the model. What the model forbids fails the run.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fs/client/core.h"
#include "fs/client/keeper.h"
#include "tests/sim/block_model.h"
#include "tests/sim/client_process.h"
#include "tests/sim/clients.h"

namespace lace::sim {

struct BlockWork {
  int clients = 3;
  size_t blocks = 6;           // that exist at a time
  uint32_t operations = 150;   // of each client
  Millis most_pause{60};       // between two of them
  uint32_t most_sectors = 64;  // of one write
  uint32_t yields_one_in = 0;  // see Process
  bool removes = true;         // files come and go
  bool must_succeed = false;   // the faults leave a way for everything
  Millis timeout{60'000};
};

class BlockClients final : public Clients {
 public:
  BlockClients(Simulation& simulation, const wire::Endpoint& control, BlockWork work, BlockModel& model);

  void start(int client) override;
  void kill(int client) override;
  bool runs(int client) const override { return processes_.at(static_cast<size_t>(client - 1)) != nullptr; }
  void hold(bool on) override { held_ = on; }
  bool all_hold() const override;
  void finish_after(uint32_t operations) override;
  bool all_ended() const override;
  const std::vector<BlockId>& blocks() const override { return known_; }
  const std::vector<BlockId>& removed() const override { return removed_; }
  void lost(BlockId block) override { model_.lost(block); }
  uint64_t done() const override { return done_; }
  uint64_t failed() const override { return failed_; }
  std::string doing() const override;

 private:
  struct File {
    InodeId inode{};
    std::string name;
    BlockId block{};
    int owner = 0;       // 0: all clients write, in turns of four sectors
    bool fixed = false;  // it is not written any more
    bool removing = false;
  };
  using FileRef = std::shared_ptr<File>;
  struct Life {  // of a client process
    uint32_t left = 0;
    bool waits = false;
    std::string doing;
    std::vector<FileRef> wrote;  // since the last sync
  };

  void run(ClientProcess& process, int client);
  void work(ClientProcess& process, fs::Core& core, net::Caller& caller, int client);
  void one_operation(fs::Core& core, net::Caller& caller, int client, Life& life);
  void make_file(fs::Core& core, net::Caller& caller, int client);
  void write(fs::Core& core, net::Caller& caller, int client, Life& life);
  void read(fs::Core& core, net::Caller& caller, int client);
  void sync(fs::Core& core, net::Caller& caller, int client, Life& life);
  void punch(fs::Core& core, net::Caller& caller, int client);
  void remove(fs::Core& core, net::Caller& caller, int client);
  // False: the error is one that may be.
  void judge(const Error& error, const std::string& what, const FileRef& file = nullptr);
  FileRef any_file(int client, bool own);
  BlockModel::Span any_span(const File& file, int client, bool to_write);
  uint64_t random(uint64_t below) { return simulation_.random()() % below; }

  Simulation& simulation_;
  const wire::Endpoint control_;
  const BlockWork work_;
  BlockModel& model_;
  std::vector<std::unique_ptr<ClientProcess>> processes_;
  std::vector<std::unique_ptr<ClientProcess>> killed_;
  std::vector<std::shared_ptr<Life>> lives_;
  std::vector<FileRef> files_;
  std::vector<BlockId> known_;
  std::vector<BlockId> removed_;
  size_t making_ = 0;
  uint64_t names_ = 0;
  uint64_t done_ = 0;
  uint64_t failed_ = 0;
  bool held_ = false;
};

}  // namespace lace::sim
