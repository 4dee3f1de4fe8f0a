// Control and storage servers in memory, as strict as the real ones where the client could go wrong: epochs, layouts, slots,
// pages that belong to one file only, new blocks full of garbage. Failures are scripted through `before` and `after`.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "common/wire/control_messages.h"
#include "common/wire/storage_messages.h"
#include "tests/unit/client/fake_network.h"

namespace lace::test {

class FakeCluster {
 public:
  // Answers instead of the server.
  using Before = std::function<std::optional<Error>(const std::string& url, const net::Request&)>;
  // The server has done it; the answer is replaced by this error.
  using After = std::function<std::optional<Error>(const std::string& url, const net::Request&)>;

  FakeCluster();
  net::Network& network() { return network_; }
  static wire::Endpoint control() { return {"fake://control", ""}; }

  void set_before(Before before);
  void set_after(After after);
  void kill(uint32_t server);  // requests to it are unavailable; what it holds stays
  void lose_power();           // of all servers: what was not synced is lost, and control accepts what is left
  void restart_control();      // a new term; sessions live on, but must resume
  void fence_all();            // sessions end
  void set_sole(bool sole) { sole_ = sole; }
  // From the next session on: rights come with blocks, and are good for the pages of the inode that was asked for.
  void confine() { confined_ = true; }
  void end_tokens();  // as time does
  void push_event(wire::EventKind kind, uint64_t value);
  bool acknowledged_all();  // every event was seen and handled by the session

  uint64_t requests(wire::Kind kind);
  void reset_counts();
  std::vector<std::string> violations();
  std::string content(InodeId inode);  // as the servers have it
  std::vector<wire::Extent> extents(InodeId inode);
  wire::Attributes attributes(InodeId inode);
  InodeId find(const std::string& name);  // in the root
  std::map<std::string, InodeId> entries(InodeId directory);
  bool exists(InodeId inode);
  std::vector<std::vector<wire::Operation>> commits();  // since reset_counts()
  // Blocks of the inode that some in-sync member has not synced since its last write.
  size_t unsynced_blocks(InodeId inode);
  // Files of which some member would not have all bytes after a power cut that happened now.
  std::vector<InodeId> torn_by_power_cut();
  wire::BlockInfo block(BlockId block);
  std::set<InodeId> held();
  void write_as_other_mount(InodeId inode, uint64_t offset, const std::string& bytes);
  void truncate_as_other_mount(InodeId inode, uint64_t size);
  void make_as_other_mount(const std::string& name);  // in the root
  void remove_block(BlockId block);
  void set_available(uint64_t bytes);
  void set_syncs_with_writes(bool on) { syncs_with_writes_ = on; }  // else its disks are too slow for that

 private:
  struct Copy {
    std::string bytes;
    std::string stable;  // as of the last sync
    bool unsynced = false;
  };
  struct Server {
    bool up = true;
    std::map<BlockId, Copy> copies;
  };
  struct Node {
    wire::Attributes attributes;
    std::map<uint64_t, wire::Extent> extents;
    std::map<std::string, InodeId> entries;
    std::string target;
  };
  struct SlotRecord {
    uint64_t number = 0;
    std::string reply;
  };

  Result<net::Answer> handle(const wire::Endpoint& to, const net::Request& request, const std::function<bool()>& interrupted);
  Result<net::Answer> at_control(const net::Request& request, const std::function<bool()>& interrupted,
                                 std::unique_lock<std::mutex>& lock);
  Result<net::Answer> at_storage(uint32_t server, const net::Request& request);
  wire::OpenSessionReply session_reply();
  std::vector<wire::ServerInfo> server_list();
  Result<net::Answer> commit(const net::Request& request);
  wire::OperationResult apply(wire::Operation& operation);
  Result<net::Answer> write_block(uint32_t server, const net::Request& request);
  Result<net::Answer> read_block(uint32_t server, const net::Request& request);
  Result<net::Answer> sync_blocks(uint32_t server, const net::Request& request);
  wire::ExtentsReply extents_reply(Node& node, uint64_t offset, uint64_t length);
  void cut(Node& node, uint64_t begin, uint64_t end);
  void map(Node& node, const wire::Extent& extent);
  void recount(Node& node);
  void check_pages(const Node& node, const wire::Extent& extent);
  wire::OperationResult share(const wire::Share& operation);
  unsigned users(BlockId block, uint64_t page);  // pages of files that lie on it
  void raise_epoch(BlockId block, ServerId without);
  BlockId new_block();
  wire::BlockInfo with_token(wire::BlockInfo info, std::vector<wire::PageRange> pages);
  std::vector<wire::PageRange> free_pages(BlockId block);  // {{0, 0}}: none
  bool allows(const std::string& token, const wire::BlockInfo& block, uint64_t offset, uint64_t length);
  Node* node(InodeId inode);
  std::string read_file(Node& node);

  std::mutex mutex_;
  std::condition_variable events_changed_;
  Before before_;
  After after_;
  std::map<uint32_t, Server> servers_;
  std::map<BlockId, wire::BlockInfo> blocks_;
  std::map<InodeId, Node> nodes_;
  std::map<uint32_t, SlotRecord> slots_;
  std::set<InodeId> held_;
  std::map<wire::Kind, uint64_t> counts_;
  std::vector<std::vector<wire::Operation>> commits_;
  std::vector<std::string> violations_;
  std::vector<wire::Event> events_;
  uint64_t seen_ = 0;
  uint64_t next_inode_ = 2, next_block_ = 1;
  uint64_t session_ = 0, term_ = 1;
  uint64_t available_ = 1ULL << 39;
  bool resumed_ = true;
  bool sole_ = true;
  bool confined_ = false;
  std::atomic<bool> syncs_with_writes_{true};
  std::map<std::string, wire::BlockInfo> tokens_;  // and what they are good for
  uint64_t next_token_ = 1;
  FakeNetwork network_;
};

}  // namespace lace::test
