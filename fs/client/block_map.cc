#include "fs/client/block_map.h"

#include "common/base/log.h"

namespace lace::fs {

// The transport begins its own errors with the endpoint; what a server refuses says why in its own words.
bool is_away(const Error& error, const wire::ServerInfo& server) {
  if (error.code != Code::unknown && error.code != Code::unavailable) return false;
  if (error.what.find("no answer within") != std::string::npos) return server.state == wire::ServerState::down;
  return error.code == Code::unknown || error.what.starts_with(server.endpoint.url);
}

Result<BlockMap::Info> BlockMap::find(net::Caller& caller, BlockId block) {
  if (auto known = cache_.find(block)) return known;
  return refresh(caller, block, 0);
}

Result<BlockMap::Info> BlockMap::refresh(net::Caller& caller, BlockId block, Epoch seen) {
  if (auto known = cache_.find(block); known && known->epoch > seen) return known;
  auto reply = control_.ask(caller, wire::GetBlocks{{}, {block}});
  if (!reply) return pass(reply);
  if (reply->blocks.empty()) {
    cache_.erase(block);
    return fail(Code::stale, to_string(block) + " does not exist any more");
  }
  cache_.put(reply->blocks);
  auto known = cache_.find(block);
  return known ? known : std::make_shared<const wire::BlockInfo>(reply->blocks.front());
}

Result<BlockMap::Info> BlockMap::recover(net::Caller& caller, const Info& used, ServerId server, const Error& error,
                                         Backoff& backoff) {
  if (error.code == Code::interrupted) return tl::unexpected<Error>(error);
  if (backoff.expired()) return fail(Code::io, to_string(used->block) + ": the mount's timeout ended: " + error.what);
  auto fresh = refresh(caller, used->block, used->epoch);
  if (!fresh || (*fresh)->epoch != used->epoch) return fresh;
  const Servers::Info info = servers_.find(server);
  if (info && (is_away(error, *info) || (error.code == Code::unknown && backoff.many()))) {
    auto reported = report(caller, used, server);
    if (!reported || (*reported)->epoch != used->epoch) return reported;
  }
  if (auto waited = backoff.wait(caller); !waited) return pass(waited);
  return fresh;
}

// One try: control may be unable to go on without the server now, and able a little later.
Result<BlockMap::Info> BlockMap::report(net::Caller& caller, const Info& used, ServerId server) {
  log::warn("client.report_failure", {{"block", to_string(used->block)}, {"epoch", used->epoch}, {"server", raw(server)}});
  wire::ReportFailure message{control_.session().identity().session, used->block, used->epoch, {server}};
  auto reply = net::decode_answer<wire::ReportFailure>(
      control_.attempt(caller, net::request_of(message), ControlChannel::answer_within));
  if (!reply) {
    if (reply.error().code == Code::interrupted) return pass(reply);
    if (reply.error().code == Code::no_entry) return fail(Code::stale, to_string(used->block) + " does not exist any more");
    return used;
  }
  cache_.put(reply->reply.blocks);
  auto known = cache_.find(used->block);
  return known ? known : used;
}

Servers::Info BlockMap::server(net::Caller& caller, ServerId server) {
  if (auto info = servers_.find(server)) return info;
  auto reply = control_.ask(caller, wire::RenewSession{});
  if (reply) servers_.update(reply->servers);
  return servers_.find(server);
}

std::string BlockMap::token_for(const wire::BlockInfo& block) const {
  if (!block.token.empty()) return block.token;
  const auto token = control_.session().token();
  return token ? *token : std::string();
}

}  // namespace lace::fs
