// StorageChannel::write: each to the block's primary, which brings it to the other members.
#include <algorithm>

#include "common/base/log.h"
#include "common/wire/storage_messages.h"
#include "fs/client/block_requests.h"

namespace lace::fs {

class StorageChannel::Writing final : public BlockRequests {
 public:
  Writing(net::Caller& caller, BlockMap& blocks, std::span<const BlockWrite> writes, bool sync)
      : BlockRequests(caller, blocks), writes_(writes), sync_(sync) {
    done_.synced = sync;
  }

  WriteDone done() { return std::move(done_); }

 private:
  BlockId block_of(size_t index) const override { return writes_[index].block; }
  size_t member_of(size_t, const wire::BlockInfo&) const override { return 0; }
  Millis within() const override { return write_within; }

  Result<net::Request> request(size_t index, const wire::BlockInfo& info, ServerId) override {
    const BlockWrite& write = writes_[index];
    auto token = blocks_.token_for(caller_, info.block, write.offset, write.bytes.size(), write.inode, write.file_offset);
    if (!token) return pass(token);
    wire::WriteBlock message{std::move(*token), info.block,  info.epoch,        write.offset, info.in_sync,
                             info.filling,      write.inode, write.file_offset, info.seal,    sync_};
    return net::request_of(message, write.bytes);
  }

  Status take(const Flight& flight, net::Answer answer) override {
    const auto written = wire::decode<wire::Written>(answer.body);
    done_.synced = done_.synced && written && written->synced;
    Epoch& first = done_.at.try_emplace(flight.info->block, flight.info->epoch).first->second;
    first = std::min(first, flight.info->epoch);
    if (flight.info->accepted != 0) done_.accepted[flight.info->block] = flight.info->accepted;
    return {};
  }

  Status mend(Flight& flight, const Error& error) override {
    if (error.code == Code::no_space || error.code == Code::quota) return tl::unexpected<Error>(error);
    static log::Limiter limiter;
    if (limiter.pass()) {
      log::warn("client.write_again", {{"block", to_string(flight.info->block)},
                                       {"server", flight.server->name},
                                       {"error", name_of(error.code)},
                                       {"what", error.what},
                                       {"suppressed", limiter.taken()}});
    }
    if (error.code == Code::denied || error.code == Code::fenced) {
      blocks_.control().session().request_attention();  // for a new token
      if (++denied_ > 20) return fail(Code::access, error.what);
      if (denied_ > 1) blocks_.distrust_tokens(flight.info->block);
    }
    auto next = blocks_.recover(caller_, flight.info, flight.server->server, error, backoff_);
    return next ? Status{} : pass(next);
  }

  std::span<const BlockWrite> writes_;
  WriteDone done_;  // of all that were answered so far
  const bool sync_;
  int denied_ = 0;
};

Result<WriteDone> StorageChannel::write(net::Caller& caller, std::span<const BlockWrite> writes, bool sync) {
  Writing writing(caller, blocks_, writes, sync);
  if (Status done = writing.run(writes.size()); !done) return pass(done);
  return writing.done();
}

}  // namespace lace::fs
