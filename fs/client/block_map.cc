#include "fs/client/block_map.h"

#include "common/base/log.h"

namespace lace::fs {

// The transport begins its own errors with the endpoint; what a server refuses says why in its own words.
bool is_away(const Error& error, const wire::ServerInfo& server) {
  if (error.code != Code::unknown && error.code != Code::unavailable) return false;
  if (error.what.find("no answer within") != std::string::npos) return server.state == wire::ServerState::down;
  return error.code == Code::unknown || error.what.starts_with(server.endpoint.url);
}

void BlockMap::learn(const std::vector<wire::BlockInfo>& blocks) {
  cache_.put(blocks);
  // Rights are asked for anew in time, as if the answer had taken a quarter of their life to come.
  const Instant good_until = control_.clock().now() + control_.session().token_lease() * 3 / 4;
  for (const wire::BlockInfo& block : blocks) tokens_.put(block, good_until);
}

Result<BlockMap::Info> BlockMap::find(net::Caller& caller, BlockId block) {
  if (auto known = cache_.find(block)) return known;
  return refresh(caller, block, 0);
}

Result<BlockMap::Info> BlockMap::refresh(net::Caller& caller, BlockId block, Epoch seen) {
  if (auto known = cache_.find(block); known && known->epoch > seen) return known;
  return ask(caller, block);
}

Result<BlockMap::Info> BlockMap::ask(net::Caller& caller, BlockId block) {
  auto reply = control_.ask(caller, wire::GetBlocks{{}, {block}});
  if (!reply) return pass(reply);
  if (reply->blocks.empty()) {
    cache_.erase(block);
    return fail(Code::stale, to_string(block) + " does not exist any more");
  }
  learn(reply->blocks);
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
      control_.attempt(caller, net::request_of(message), std::min(ControlChannel::answer_within, control_.patience() * 2)));
  if (!reply) {
    if (reply.error().code == Code::interrupted) return pass(reply);
    if (reply.error().code == Code::no_entry) return fail(Code::stale, to_string(used->block) + " does not exist any more");
    return used;
  }
  learn(reply->reply.blocks);
  auto known = cache_.find(used->block);
  return known ? known : used;
}

Servers::Info BlockMap::server(net::Caller& caller, ServerId server) {
  if (auto info = servers_.find(server)) return info;
  auto reply = control_.ask(caller, wire::RenewSession{});
  if (reply) servers_.update(reply->servers);
  return servers_.find(server);
}

Result<std::string> BlockMap::token_for(net::Caller& caller, BlockId block, uint64_t offset, uint64_t length) {
  if (const auto all = control_.session().token(); all && !all->empty()) return *all;
  const auto known = [&] { return tokens_.find(block, offset, length, control_.clock().now()); };
  if (const auto token = known()) return *token;
  // Where this mount may still place new bytes control gives the right for the asking.
  if (auto asked = ask(caller, block); !asked) return pass(asked);
  if (const auto token = known()) return *token;
  return fail(Code::stale, "the right to these bytes of " + to_string(block) + " has ended");
}

Result<std::string> BlockMap::token_for(net::Caller& caller, BlockId block, uint64_t offset, uint64_t length, InodeId inode,
                                        uint64_t file_offset) {
  auto token = token_for(caller, block, offset, length);
  if (token || token.error().code != Code::stale) return token;
  const uint64_t before = file_offset % page_bytes;  // the page may be mapped in another part only
  wire::GetExtents question;
  question.inode = inode;
  question.offset = file_offset - before;
  question.length = (before + length + page_bytes - 1) / page_bytes * page_bytes;
  auto extents = control_.ask(caller, question);
  if (!extents) return extents.error().code == Code::interrupted ? Result<std::string>(pass(extents)) : token;
  learn(extents->blocks);
  const auto known = tokens_.find(block, offset, length, control_.clock().now());
  return known ? *known : token;
}

std::string BlockMap::token_to_sync(net::Caller& caller, BlockId block) {
  if (const auto all = control_.session().token(); all && !all->empty()) return *all;
  const auto known = [&] { return tokens_.any(block, control_.clock().now()); };
  if (const auto token = known()) return *token;
  static_cast<void>(ask(caller, block));
  const auto token = known();
  return token ? *token : std::string();
}

}  // namespace lace::fs
