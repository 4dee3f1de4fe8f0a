// Clients that work on files: whole mounts (fs/client's FileSystem, without FUSE) make, write, read, sync, punch, truncate,
// rename and remove files, exchange names, and append to logs that others append to, too; and compare what they see with the
// models. Each file has one writer, and all read it: what was closed or synced is seen by everybody at once.
#pragma once

#include <map>
#include <memory>

#include "fs/client/file_system.h"
#include "tests/sim/block_model.h"
#include "tests/sim/client_process.h"
#include "tests/sim/clients.h"
#include "tests/sim/name_model.h"

namespace lace::sim {

struct FileWork {
  int clients = 2;
  size_t files = 6;            // that exist at a time
  uint32_t operations = 120;   // of each client
  Millis most_pause{60};       // between two of them
  uint32_t yields_one_in = 0;  // see Process
  bool must_succeed = false;   // the faults leave a way for everything
  bool only_names = false;     // no files but those that are there from the start: exchanges and logs
  Millis timeout{60'000};
};

class FileClients final : public Clients {
 public:
  // `control_now`: null while it does not run.
  FileClients(Simulation& simulation, const wire::Endpoint& control, std::function<control::Control*()> control_now,
              FileWork work);
  ~FileClients() override;

  void prepare() override;
  void audit() override;
  bool aside_ended() const override { return aside_ == nullptr || aside_->ended(); }
  void start(int client) override;
  void kill(int client) override;
  bool runs(int client) const override { return processes_.at(static_cast<size_t>(client - 1)) != nullptr; }
  void hold(bool on) override { held_ = on; }
  bool all_hold() const override;
  void finish_after(uint32_t operations) override;
  bool all_ended() const override;
  void follow(control::Control* control) override;
  const std::vector<BlockId>& blocks() const override { return blocks_; }
  const std::vector<BlockId>& removed() const override { return no_blocks_; }
  void lost(BlockId block) override;
  uint64_t done() const override { return done_; }
  uint64_t failed() const override { return failed_; }
  std::string doing() const override;

 private:
  struct File {
    BlockId number{};  // in the model, where files are blocks
    InodeId inode{};
    InodeId parent{};
    std::string name;
    int owner = 0;
    bool lasting = false;  // it survives the end of its owner's process
    bool moving = false;   // its name changed since all was synced, or is about to change
    bool removing = false;
    std::map<uint64_t, Version> published;  // sectors: what every mount sees
  };
  using FileRef = std::shared_ptr<File>;
  struct Gone {  // was removed
    InodeId parent{};
    std::string name;
    int owner = 0;
  };
  struct Life {  // of a client process
    uint32_t left = 0;
    bool waits = false;
    std::string doing;
    std::map<BlockId, std::pair<FileRef, fs::Handle>> open;  // by number: a run must not depend on where things lie in memory
  };
  struct Hands {  // what an operation works with
    fs::FileSystem& fs;
    net::Caller& caller;
    const int client;
    Life& life;
    fs::Context context() const { return {caller, 0, 0, 1, 022}; }
  };
  struct Ring {  // of one client
    InodeId directory{};
    Slots slots;
  };

  // file_clients.cc: lives
  std::unique_ptr<fs::FileSystem> mount(ClientProcess& process, net::Caller& caller);
  void run(ClientProcess& process, int client);
  void work(Hands& hands);
  void one_operation(Hands& hands);
  void lose(int client);
  // False: the error is one that may be.
  void judge(const Error& error, const std::string& what, const FileRef& file = nullptr);

  // file_work.cc: on files
  void make_file(Hands& hands);
  void write(Hands& hands);
  void read(Hands& hands);
  void sync(Hands& hands);
  void sync_all(Hands& hands);
  void close(Hands& hands);
  void punch(Hands& hands);
  void truncate(Hands& hands);
  void rename(Hands& hands);
  void remove(Hands& hands);
  void publish(const FileRef& file, const std::map<uint64_t, Version>& versions);
  FileRef any_file(int client, bool own);
  std::optional<fs::Handle> handle_of(Hands& hands, const FileRef& file);
  BlockModel::Span any_span(const File& file);
  void look_at(Hands& hands, const FileRef& file, fs::Handle handle, const BlockModel::Span& span,
               const std::vector<Version>& floors);

  // name_work.cc: on names and logs
  void make_names(Hands& hands);  // prepare()
  void exchange(Hands& hands);
  void exchange_shared(Hands& hands);
  void look_at_ring(Hands& hands);
  void append(Hands& hands);
  void read_log(Hands& hands);
  void look_at_log(Hands& hands, size_t log);
  void audit_all(Hands& hands);
  void check_shared(control::Control& control);
  InodeId made(Result<fs::Attributes> attributes, const std::string& what);

  uint64_t random(uint64_t below) { return simulation_.random()() % below; }

  Simulation& simulation_;
  const wire::Endpoint control_;
  const std::function<control::Control*()> control_now_;
  const FileWork work_;
  BlockModel model_;
  std::vector<std::unique_ptr<ClientProcess>> processes_;
  std::vector<std::unique_ptr<ClientProcess>> killed_;
  std::unique_ptr<ClientProcess> aside_;
  std::vector<std::shared_ptr<Life>> lives_;
  std::vector<std::set<SessionId>> sessions_;  // of each client's present life
  std::vector<FileRef> files_;
  std::vector<Gone> gone_;
  std::vector<InodeId> directories_;  // of files
  std::vector<Ring> rings_;           // by client
  std::vector<InodeId> shared_;       // directories whose entries all clients exchange
  std::set<InodeId> shared_inodes_;
  std::vector<InodeId> log_inodes_;
  std::vector<Log> logs_;
  std::vector<BlockId> blocks_;
  const std::vector<BlockId> no_blocks_;
  size_t making_ = 0;
  uint64_t names_ = 0;
  uint64_t done_ = 0;
  uint64_t failed_ = 0;
  bool held_ = false;
};

inline constexpr size_t names_of_ring = 4;
inline constexpr size_t names_shared = 5;

}  // namespace lace::sim
