// StorageChannel::sync: every member of every block, one request per server, in parallel. Those that are being filled, too:
// they have every write, and count as soon as they are whole, be it before or after what was written here is on their disks.
#include <algorithm>
#include <map>
#include <set>

#include "common/base/log.h"
#include "common/wire/storage_messages.h"
#include "fs/client/storage_channel.h"

namespace lace::fs {

namespace {

constexpr Millis first_patience{2'000};

}  // namespace

class StorageChannel::Syncing {
 public:
  Syncing(net::Caller& caller, BlockMap& blocks, const std::vector<BlockId>& wanted)
      : caller_(caller),
        blocks_(blocks),
        backoff_(blocks.control().clock(), blocks.control().timeout()),
        open_(wanted.begin(), wanted.end()) {}

  Result<BlockEpochs> run() {
    while (!open_.empty()) {
      if (auto round = one_round(); !round) return pass(round);
    }
    return std::move(accepted_);
  }

 private:
  struct Batch {
    Servers::Info server;
    std::vector<BlockMap::Info> blocks;
    net::Caller::Ticket ticket{};
  };

  Status one_round();
  Status collect(std::map<ServerId, Batch>& batches);
  void start(Batch& batch);
  void finish(Batch& batch);
  void take(const Batch& batch, const net::Answer& answer);
  Status mend();

  struct Failure {
    BlockMap::Info info;
    ServerId server{};
    Error error;
  };

  net::Caller& caller_;
  BlockMap& blocks_;
  Backoff backoff_;
  std::set<BlockId> open_;  // not yet synced on all members
  std::set<std::pair<BlockId, ServerId>> synced_;
  std::vector<Failure> failures_;
  BlockEpochs accepted_;
  // Control notices a server that hangs, and goes on without it: it is asked after a short while. One that is slow gets longer.
  Millis patience_ = first_patience;
};

Status StorageChannel::Syncing::one_round() {
  std::map<ServerId, Batch> batches;
  if (auto collected = collect(batches); !collected) return collected;
  for (auto& [id, batch] : batches) start(batch);
  for (auto& [id, batch] : batches) finish(batch);
  return mend();
}

// What is still to be synced where; blocks of which nothing is left are done.
Status StorageChannel::Syncing::collect(std::map<ServerId, Batch>& batches) {
  for (auto at = open_.begin(); at != open_.end();) {
    auto info = blocks_.find(caller_, *at);
    if (!info && info.error().code != Code::stale) return pass(info);
    bool left = false;
    if (info) {
      for (const auto* members : {&(*info)->in_sync, &(*info)->filling}) {
        for (const ServerId member : *members) {
          if (synced_.contains({*at, member})) continue;
          left = true;
          Batch& batch = batches[member];
          if (!batch.server) batch.server = blocks_.server(caller_, member);
          batch.blocks.push_back(*info);
        }
      }
    }
    if (!left && info && (*info)->accepted != 0) accepted_[*at] = (*info)->accepted;
    at = left ? std::next(at) : open_.erase(at);
  }
  return {};
}

void StorageChannel::Syncing::start(Batch& batch) {
  if (!batch.server) return;
  wire::SyncBlocks message;
  message.to = batch.server->server;
  const auto token = blocks_.control().session().token();
  if (token && !token->empty()) message.token = *token;
  for (const auto& info : batch.blocks) {
    message.blocks.push_back({info->block, info->epoch});
    if (message.token.empty()) message.tokens.push_back(blocks_.token_to_sync(caller_, info->block));
  }
  batch.ticket = caller_.start(batch.server->endpoint, net::request_of(message), patience_);
}

void StorageChannel::Syncing::finish(Batch& batch) {
  const ServerId server = batch.server ? batch.server->server : ServerId{};
  Result<net::Answer> answer = fail(Code::unavailable, "control does not say where a server is");
  if (batch.server) answer = caller_.finish(batch.ticket);
  if (answer) return take(batch, *answer);
  for (const auto& info : batch.blocks) failures_.push_back({info, server, answer.error()});
}

void StorageChannel::Syncing::take(const Batch& batch, const net::Answer& answer) {
  const ServerId server = batch.server->server;
  auto reply = wire::decode<wire::SyncBlocksReply>(answer.body);
  for (size_t index = 0; index < batch.blocks.size(); ++index) {
    const auto& info = batch.blocks[index];
    Status done = fail(Code::malformed, "a server answered another number of outcomes");
    if (reply && reply->outcomes.size() == batch.blocks.size()) done = wire::status_of(reply->outcomes[index]);
    if (done)
      synced_.insert({info->block, server});
    else
      failures_.push_back({info, server, done.error()});
  }
}

Status StorageChannel::Syncing::mend() {
  if (!failures_.empty()) patience_ = std::min(patience_ * 2, sync_within);
  for (const Failure& failure : std::exchange(failures_, {})) {
    const Code code = failure.error.code;
    if (code == Code::interrupted || code == Code::no_space) return tl::unexpected<Error>(failure.error);
    log::warn("client.sync_again", {{"block", to_string(failure.info->block)},
                                    {"server", raw(failure.server)},
                                    {"error", name_of(code)},
                                    {"what", failure.error.what}});
    if (code == Code::denied || code == Code::fenced) {
      blocks_.control().session().request_attention();
      blocks_.distrust_tokens(failure.info->block);
    }
    auto next = blocks_.recover(caller_, failure.info, failure.server, failure.error, backoff_);
    if (!next && next.error().code != Code::stale) return pass(next);
  }
  return {};
}

Result<BlockEpochs> StorageChannel::sync(net::Caller& caller, const std::vector<BlockId>& blocks) {
  return Syncing(caller, blocks_, blocks).run();
}

}  // namespace lace::fs
