#include "storage/ops/server.h"

namespace lace::storage {
namespace {

template <class Message>
void decoded(Server& server, net::Incoming& incoming, net::Responder reply, void (*run)(Server&, Message, Asked)) {
  auto message = wire::decode<Message>(incoming.body);
  if (!message) return reply.refuse(message.error());
  run(server, std::move(*message), Asked{std::move(incoming.payload), incoming.term, std::move(reply), incoming.peer.local});
}

}  // namespace

Status check_addressee(const Server& server, ServerId meant) {
  if (meant == ServerId{} || meant == server.membership.self()) return {};
  return fail(Code::stale, "server " + std::to_string(raw(meant)) + " is not here any more: this is " +
                               std::to_string(raw(server.membership.self())));
}

void dispatch(Server& server, net::Incoming incoming, net::Responder reply) {
  switch (incoming.kind) {
    case wire::Kind::write_block: return decoded(server, incoming, std::move(reply), write_block);
    case wire::Kind::read_block: return decoded(server, incoming, std::move(reply), read_block);
    case wire::Kind::sync_blocks: return decoded(server, incoming, std::move(reply), sync_blocks);
    case wire::Kind::open_copy: return decoded(server, incoming, std::move(reply), open_copy);
    case wire::Kind::forward_write: return decoded(server, incoming, std::move(reply), forward_write);
    case wire::Kind::fetch_pages: return decoded(server, incoming, std::move(reply), fetch_pages);
    case wire::Kind::compare_pages: return decoded(server, incoming, std::move(reply), compare_pages);
    case wire::Kind::set_epochs: return decoded(server, incoming, std::move(reply), set_epochs);
    case wire::Kind::delete_blocks: return decoded(server, incoming, std::move(reply), delete_blocks);
    case wire::Kind::punch_blocks: return decoded(server, incoming, std::move(reply), punch_blocks);
    case wire::Kind::fill_blocks: return decoded(server, incoming, std::move(reply), fill_blocks);
    case wire::Kind::announce_master: return decoded(server, incoming, std::move(reply), announce_master);
    case wire::Kind::inspect_block: return decoded(server, incoming, std::move(reply), inspect_block);
    default: return reply.refuse(Code::malformed, "a storage server does not answer this kind of message");
  }
}

}  // namespace lace::storage
