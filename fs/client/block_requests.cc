#include "fs/client/block_requests.h"

namespace lace::fs {

Status BlockRequests::run(size_t count) {
  Status result;
  for (size_t next = 0; result && (next < count || !again_.empty() || !flights_.empty());) {
    while (result && flights_.size() < StorageChannel::window && (next < count || !again_.empty())) {
      size_t index = next;
      if (again_.empty()) {
        ++next;
      } else {
        index = again_.front();
        again_.pop_front();
      }
      result = start(index);
    }
    if (result && !flights_.empty()) result = finish_first();
  }
  for (Flight& flight : flights_) static_cast<void>(caller_.finish(flight.ticket));  // every ticket is finished once
  return result;
}

Status BlockRequests::start(size_t index) {
  for (;;) {
    auto info = blocks_.find(caller_, block_of(index));
    if (!info) return pass(info);
    const wire::BlockInfo& block = **info;
    if (block.in_sync.empty()) return fail(Code::io, to_string(block.block) + " has no copy that is in sync");
    const ServerId member = block.in_sync[member_of(index, block) % block.in_sync.size()];
    Flight flight{index, *info, blocks_.server(caller_, member), {}};
    if (flight.server) {
      auto made = request(index, block, member);
      if (!made) return pass(made);
      flight.ticket = caller_.start(flight.server->endpoint, std::move(*made), within());
      flights_.push_back(std::move(flight));
      return {};
    }
    const Error unheard{Code::unavailable, "control does not say where server " + std::to_string(raw(member)) + " is"};
    if (auto next = blocks_.recover(caller_, *info, member, unheard, backoff_); !next) return pass(next);
  }
}

Status BlockRequests::finish_first() {
  Flight flight = std::move(flights_.front());
  flights_.pop_front();
  auto answer = caller_.finish(flight.ticket);
  Status done = answer ? take(flight, std::move(*answer)) : pass(answer);
  if (done) return done;
  const Error error = done.error();
  if (error.code == Code::interrupted) return done;
  again_.push_back(flight.index);
  return mend(flight, error);
}

}  // namespace lace::fs
