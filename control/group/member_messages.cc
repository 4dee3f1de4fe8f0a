// What a member is told and asked.
#include "common/base/log.h"
#include "control/group/member.h"

namespace lace::control {

template <class Message>
void Member::decode_and_take(const net::Incoming& incoming, net::Responder responder) {
  if (!options_.trusts(incoming.peer)) {
    return responder.refuse(Code::denied, "this key may not speak as a control server: admit it as `server`");
  }
  auto message = wire::decode<Message>(incoming.body);
  if (!message) return responder.refuse(message.error());
  if constexpr (std::is_same_v<Message, wire::ShipChanges>) {
    take(*message, incoming.payload.view(), std::move(responder));
  } else {
    take(*message, std::move(responder));
  }
}

void Member::receive(net::Incoming incoming, net::Responder responder) {
  if (ended_ || mastership_.role() == Mastership::Role::over) {
    return responder.refuse(Code::unavailable, "the server starts anew");
  }
  switch (incoming.kind) {
    case wire::Kind::group_beacon: return decode_and_take<wire::GroupBeacon>(incoming, std::move(responder));
    case wire::Kind::ship_changes: return decode_and_take<wire::ShipChanges>(incoming, std::move(responder));
    case wire::Kind::take_over: return decode_and_take<wire::TakeOver>(incoming, std::move(responder));
    case wire::Kind::join_group: return decode_and_take<wire::JoinGroup>(incoming, std::move(responder));
    case wire::Kind::fetch_snapshot: return decode_and_take<wire::FetchSnapshot>(incoming, std::move(responder));
    case wire::Kind::promote_control: return decode_and_take<wire::PromoteControl>(incoming, std::move(responder));
    case wire::Kind::remove_control: return decode_and_take<wire::RemoveControl>(incoming, std::move(responder));
    default: break;
  }
  if (!control_) return refuse_as_slave(responder);
  control_->receive(std::move(incoming), gate_->guard(std::move(responder)));
}

void Member::refuse_as_slave(net::Responder& responder) const {
  std::string what = mastership_.name() + " is not the master";
  if (const wire::GroupMember* master = member(mastership_.master()); master != nullptr && master->name != mastership_.name()) {
    what += ": " + master->name + " is" + (master->endpoints.empty() ? "" : ", at " + master->endpoints.front().url);
  }
  responder.refuse(Code::unavailable, what);
}

void Member::take(const wire::GroupBeacon& message, net::Responder responder) {
  const bool promised = mastership_.take_beacon(loop_.clock().now(), message);
  if (!promised && message.term >= mastership_.term()) {
    step(Mastership::NewerTermSeen{message.term});
    return responder.refuse(Code::stale, mastership_.name() + " follows nobody now");
  }
  if (promised) {
    known_as_in_sync_ = message.in_sync;
    loop_.set_term(message.term);
  }
  wire::GroupBeaconReply reply{mastership_.term(), {}};
  if (Namespace* names = following_.names()) reply.position = {names->position().term, names->position().number};
  responder.answer(reply);
}

void Member::take(const wire::ShipChanges& message, std::string_view bytes, net::Responder responder) {
  const bool follows = !control_ && mastership_.role() == Mastership::Role::slave && message.term == mastership_.term();
  const wire::GroupMember* master = member(message.master);
  if (!follows || (message.snapshot && master == nullptr)) {
    return responder.refuse(Code::unavailable, mastership_.name() + " does not follow " + message.master + " now");
  }
  const wire::Endpoint from = message.snapshot ? master->endpoints.front() : wire::Endpoint{};
  const auto reply = following_.take(message, bytes, from);
  if (reply) return responder.answer(*reply);
  log::error("control.not_followed", {{"reason", reply.error().what}});
  if (reply.error().code == Code::corrupt) following_.forget();
  responder.refuse(reply.error());
}

void Member::take(const wire::TakeOver& message, net::Responder responder) {
  responder.answer(wire::Done{});
  step(Mastership::NewerTermSeen{message.term});
}

void Member::take(const wire::JoinGroup& message, net::Responder responder) {
  if (!control_) return refuse_as_slave(responder);
  if (!message.cluster.empty() && message.cluster != names_->cluster()) {
    return responder.refuse(Code::denied, "the data directory of " + message.member.name + " belongs to cluster " +
                                              message.cluster + ", and this is cluster " + names_->cluster() +
                                              ": start it with an empty directory");
  }
  if (message.member.name.empty() || message.member.endpoints.empty()) {
    return responder.refuse(Code::malformed, "a member has a name and an address");
  }
  mastership_.join(message.member);
  responder.answer(wire::JoinGroupReply{mastership_.term(), names_->cluster()});
}

void Member::take(const wire::FetchSnapshot& message, net::Responder responder) {
  if (!control_) return refuse_as_slave(responder);
  snapshots_->give(message, std::move(responder));
}

void Member::take(const wire::PromoteControl& message, net::Responder responder) {
  if (!control_) return refuse_as_slave(responder);
  if (message.name == mastership_.name()) return responder.answer(wire::Done{});
  if (member(message.name) == nullptr)
    return responder.refuse(Code::no_entry, "no control server of the group is called " + message.name);
  if (!mastership_.in_sync(message.name)) {
    return responder.refuse(Code::busy, message.name + " is not in sync yet: wait until `lace control list` says so");
  }
  responder.answer(wire::Done{});
  step(Mastership::HandOver{message.name});
}

void Member::take(const wire::RemoveControl& message, net::Responder responder) {
  if (!control_) return refuse_as_slave(responder);
  if (message.name == mastership_.name()) {
    return responder.refuse(Code::invalid, message.name + " is the master: promote another one first");
  }
  if (member(message.name) == nullptr)
    return responder.refuse(Code::no_entry, "no control server of the group is called " + message.name);
  if (mastership_.answers(message.name, loop_.clock().now() - Millis(2'000))) {
    return responder.refuse(Code::busy, message.name + " is running: stop it first, or it would join again");
  }
  step(Mastership::Remove{message.name});
  responder.answer(wire::Done{});
}

}  // namespace lace::control
