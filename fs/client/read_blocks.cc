// StorageChannel::read: from a file on this machine; else from any member that is in sync, and from the next one when it fails.
#include <algorithm>
#include <cstring>

#include "common/base/log.h"
#include "common/wire/storage_messages.h"
#include "fs/client/block_requests.h"

namespace lace::fs {

namespace {

// The bytes of an answer at their place; what lies between the ranges is zero.
Status scatter(const BlockRead& read, const wire::ReadBlockReply& reply, std::string_view payload) {
  uint64_t at = 0;  // of read.into
  for (const wire::DataRange& range : reply.data) {
    if (range.offset < read.offset + at || range.offset > read.offset + read.length ||
        range.length > read.offset + read.length - range.offset || range.length > payload.size())
      return fail(Code::malformed, "a server answered bytes that were not asked for");
    const uint64_t place = range.offset - read.offset;
    std::memset(read.into + at, 0, place - at);
    std::memcpy(read.into + place, payload.data(), range.length);
    payload.remove_prefix(range.length);
    at = place + range.length;
  }
  if (!payload.empty()) return fail(Code::malformed, "a server answered more bytes than it said");
  std::memset(read.into + at, 0, read.length - at);
  return {};
}

}  // namespace

class StorageChannel::Reading final : public BlockRequests {
 public:
  Reading(net::Caller& caller, BlockMap& blocks, std::span<const BlockRead> reads)
      : BlockRequests(caller, blocks),
        blocks_of_(blocks),
        reads_(reads),
        failures_(reads.size(), 0),
        corrupt_(reads.size(), 0) {}

 private:
  BlockId block_of(size_t index) const override { return reads_[index].block; }
  Millis within() const override { return read_within; }

  // Blocks begin at different members, so that the load spreads; each failure goes on to the next. Members that are known
  // to be away come last.
  size_t member_of(size_t index, const wire::BlockInfo& info) const override {
    const size_t count = info.in_sync.size();
    const size_t first = raw(info.block) % count;
    if (failures_[index] > 0) return first + failures_[index];
    for (size_t step = 0; step < count; ++step) {
      const Servers::Info server = blocks_of_.server(caller_, info.in_sync[(first + step) % count]);
      if (server && server->state != wire::ServerState::down) return first + step;
    }
    return first;
  }

  Result<net::Request> request(size_t index, const wire::BlockInfo& info, ServerId member) override {
    const BlockRead& read = reads_[index];
    auto token = blocks_.token_for(caller_, info.block, read.offset, read.length);
    if (!token) return pass(token);
    return net::request_of(wire::ReadBlock{std::move(*token), info.block, info.epoch, read.offset, read.length, member});
  }

  Status take(const Flight& flight, net::Answer answer) override {
    auto reply = wire::decode<wire::ReadBlockReply>(answer.body);
    if (!reply) return pass(reply);
    return scatter(reads_[flight.index], *reply, answer.payload.view());
  }

  Status mend(Flight& flight, const Error& error) override {
    const size_t copies = flight.info->in_sync.size();
    const size_t failed = ++failures_[flight.index];
    static log::Limiter limiter;
    if (limiter.pass()) {
      log::warn("client.read_elsewhere", {{"block", to_string(flight.info->block)},
                                          {"server", flight.server->name},
                                          {"error", name_of(error.code)},
                                          {"what", error.what},
                                          {"suppressed", limiter.taken()}});
    }
    if (error.code == Code::corrupt && ++corrupt_[flight.index] >= 2 * copies)
      return fail(Code::io, to_string(flight.info->block) + ": no copy has these bytes intact");
    if (error.code == Code::denied || error.code == Code::fenced) {
      blocks_.control().session().request_attention();
      if (++denied_ > 20) return fail(Code::access, error.what);
      if (denied_ > 1) blocks_.distrust_tokens(flight.info->block);
    }
    if (error.code != Code::stale && failed % copies != 0) return {};  // the next member
    // All were tried: is there anything new? A read does not throw servers out: `what` is not theirs.
    const Error reason{Code::stale, error.what};
    auto next = blocks_.recover(caller_, flight.info, flight.server->server, reason, backoff_);
    return next ? Status{} : pass(next);
  }

  BlockMap& blocks_of_;
  std::span<const BlockRead> reads_;
  std::vector<size_t> failures_;
  std::vector<size_t> corrupt_;
  int denied_ = 0;
};

Status StorageChannel::read(net::Caller& caller, std::span<const BlockRead> reads) {
  std::vector<BlockRead> left;
  for (const BlockRead& read : reads) {
    if (!local_.read(caller, read)) left.push_back(read);
  }
  return left.empty() ? Status() : Reading(caller, blocks_, left).run(left.size());
}

}  // namespace lace::fs
