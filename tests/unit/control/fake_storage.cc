#include "tests/unit/control/fake_storage.h"

namespace lace::control {
namespace {

wire::Outcome refused(Code code, std::string what) { return {static_cast<uint16_t>(code), std::move(what)}; }

}  // namespace

FakeStorage::FakeStorage(sim::Simulation& simulation, std::string name, wire::Endpoint control, FakeDisk& disk, net::Peer peer)
    : simulation_(simulation),
      name_(std::move(name)),
      control_(std::move(control)),
      endpoint_{"ipc:///sim/" + name_, ""},
      disk_(disk),
      loop_(simulation.make_loop(name_, std::move(peer))),
      incarnation_(simulation.random()() | 1) {
  const Status heard = loop_->listen(endpoint_, [this](net::Incoming incoming, net::Responder responder) {
    receive(std::move(incoming), std::move(responder));
  });
  if (!heard) std::abort();
  loop_->post([this] { register_now(); });
  beat();
}

FakeStorage::~FakeStorage() = default;

bool FakeStorage::write(BlockId block, Epoch epoch, uint64_t content) {
  if (!serves()) return false;
  auto found = disk_.copies.find(block);
  if (found == disk_.copies.end()) {
    if (epoch != 1 || disk_.refused.contains(block)) return false;
    found = disk_.copies.emplace(block, FakeCopy{epoch, wire::CopyState::whole, 0, {}}).first;
  }
  if (found->second.epoch != epoch || found->second.state == wire::CopyState::suspect) return false;
  found->second.content = content;
  return true;
}

std::optional<uint64_t> FakeStorage::read(BlockId block, Epoch epoch) const {
  if (!serves()) return std::nullopt;
  const auto found = disk_.copies.find(block);
  if (found == disk_.copies.end())
    return epoch == 1 && !disk_.refused.contains(block) ? std::optional<uint64_t>(0) : std::nullopt;
  if (found->second.epoch != epoch || found->second.state != wire::CopyState::whole) return std::nullopt;
  return found->second.content;
}

void FakeStorage::register_now() {
  serving_ = false;
  wire::RegisterServer message{disk_.cluster, disk_.server, name_, endpoint_, incarnation_, 1 << 30, 0, 1 << 30};
  message.capacity_bytes = message.available_bytes = uint64_t{100} << 30;
  message.disk = disk_.name;
  net::call<wire::RegisterServer>(*loop_, control_, message, Millis(500), [this](auto answer) {
    if (!answer) {
      if (answer.error().code != Code::denied) loop_->after(Millis(100), [this] { register_now(); });
      return;
    }
    ++registered;
    disk_.cluster = answer->reply.cluster;
    disk_.server = answer->reply.server;
    report();
  });
}

void FakeStorage::report() {
  wire::ReportCopies message{disk_.server, incarnation_, true, true, {}};
  for (const auto& [block, copy] : disk_.copies) message.copies.push_back({block, copy.epoch, copy.state, 0});
  net::call<wire::ReportCopies>(*loop_, control_, message, Millis(500), [this](auto answer) {
    if (!answer) return void(loop_->after(Millis(100), [this] { register_now(); }));
    for (const BlockId block : answer->reply.quarantine) disk_.quarantine.insert(disk_.copies.extract(block));
    for (const BlockId block : answer->reply.discard) disk_.copies.erase(block);
    serving_ = true;
  });
}

void FakeStorage::beat() {
  loop_->after(Millis(250), [this] { beat(); });
  if (!serving_) return;
  wire::Heartbeat message;
  message.server = disk_.server;
  message.incarnation = incarnation_;
  message.capacity_bytes = message.available_bytes = uint64_t{100} << 30;
  message.copies = disk_.copies.size();
  for (const BlockId block : std::exchange(changed_, {})) {
    const auto found = disk_.copies.find(block);
    if (found == disk_.copies.end()) {
      message.changed.push_back({block, 0, wire::CopyState::gone, 0});
    } else {
      message.changed.push_back({block, found->second.epoch, found->second.state, 0});
    }
  }
  const Instant sent = loop_->clock().now();
  net::call<wire::Heartbeat>(*loop_, control_, message, Millis(400), [this, sent](auto answer) {
    if (answer) {
      lease_until_ = std::max(lease_until_, sent + Millis(answer->reply.lease_ms));
    } else if (answer.error().code == Code::fenced && serving_) {
      register_now();
    }
  });
}

wire::Outcome FakeStorage::set_epoch(const wire::EpochChange& change) {
  auto found = disk_.copies.find(change.block);
  const bool goes_on = change.filling && found != disk_.copies.end() && change.from != 0 &&
                       found->second.epoch == change.from && found->second.state == wire::CopyState::filling;
  if (change.filling && !goes_on && (found == disk_.copies.end() || found->second.epoch != change.to)) {
    disk_.copies[change.block] = {change.to, wire::CopyState::filling, 0, {}};
    return {};
  }
  if (found == disk_.copies.end() && change.dropped) {
    disk_.refused.insert(change.block);
    return {};
  }
  if (found == disk_.copies.end()) {
    found = disk_.copies.emplace(change.block, FakeCopy{change.to, wire::CopyState::whole, 0, {}}).first;
  }
  FakeCopy& copy = found->second;
  if (copy.epoch != change.from && copy.epoch != change.to) return refused(Code::stale, "at another epoch");
  copy.epoch = change.to;
  if (change.dropped) copy.state = wire::CopyState::suspect;
  if (!change.dropped && !change.filling && copy.state == wire::CopyState::suspect) copy.state = wire::CopyState::whole;
  return {};
}

wire::Outcome FakeStorage::punch(const wire::BlockPunch& punch) {
  const auto found = disk_.copies.find(punch.block);
  if (found == disk_.copies.end()) return {};
  if (found->second.epoch != punch.epoch) return refused(Code::stale, "at another epoch");
  found->second.punches.push_back(punch);
  return {};
}

wire::Outcome FakeStorage::fill(const wire::FillOrder& order) {
  const auto found = disk_.copies.find(order.block);
  if (found == disk_.copies.end() || found->second.epoch != order.epoch) return refused(Code::stale, "at another epoch");
  if (fills) {
    found->second.state = wire::CopyState::whole;
    tell(order.block);
  }
  return {};
}

void FakeStorage::receive(net::Incoming incoming, net::Responder responder) {
  ++orders;
  if (deaf) return responder.refuse(Code::unavailable, "deaf");
  wire::OutcomesReply outcomes;
  switch (incoming.kind) {
    case wire::Kind::set_epochs: {
      const auto message = wire::decode<wire::SetEpochs>(incoming.body);
      for (const auto& change : message->changes) outcomes.outcomes.push_back(set_epoch(change));
      return responder.answer(outcomes);
    }
    case wire::Kind::punch_blocks: {
      const auto message = wire::decode<wire::PunchBlocks>(incoming.body);
      for (const auto& one : message->punches) outcomes.outcomes.push_back(punch(one));
      return responder.answer(outcomes);
    }
    case wire::Kind::delete_blocks: {
      const auto message = wire::decode<wire::DeleteBlocks>(incoming.body);
      for (const BlockId block : message->blocks) disk_.copies.erase(block);
      return responder.answer(wire::Done{});
    }
    case wire::Kind::fill_blocks: {
      const auto message = wire::decode<wire::FillBlocks>(incoming.body);
      for (const auto& order : message->orders) outcomes.outcomes.push_back(fill(order));
      return responder.answer(outcomes);
    }
    case wire::Kind::inspect_block: {
      const auto found = disk_.copies.find(wire::decode<wire::InspectBlock>(incoming.body)->block);
      wire::InspectBlockReply reply;
      if (found != disk_.copies.end()) {
        reply.exists = true;
        reply.epoch = found->second.epoch;
        reply.state = found->second.state;
      } else if (disk_.refused.contains(wire::decode<wire::InspectBlock>(incoming.body)->block)) {
        reply.state = wire::CopyState::gone;
      }
      return responder.answer(reply);
    }
    default: return responder.refuse(Code::malformed, "not for storage");
  }
}

}  // namespace lace::control
