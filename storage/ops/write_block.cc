// The primary takes a write: applies it, forwards it to the other members, and answers when all have it.
#include <algorithm>

#include "common/base/log.h"
#include "storage/ops/failure_reports.h"
#include "storage/ops/sync_soon.h"

namespace lace::storage {
namespace {

constexpr Millis forward_timeout{1'000};
constexpr size_t most_members = 2 * max_copies;

// So much stays free on every disk, for tables and what was under way when it became full.
uint64_t reserve_of(uint64_t capacity_bytes) { return std::min(uint64_t{64} << 20, capacity_bytes / 64); }

bool has_space(uint64_t capacity, uint64_t available, uint64_t needed) { return available >= reserve_of(capacity) + needed; }

struct PendingWrite {
  wire::WriteBlock message;
  net::Responder reply;
  size_t waits_for = 0;
  bool synced = false;  // everywhere, as far as was heard
  std::vector<ServerId> failed;
  std::string why;  // of the first failure
};
using PendingRef = std::shared_ptr<PendingWrite>;

Status check_message(const Server& server, const wire::WriteBlock& message, size_t bytes) {
  if (bytes == 0 || bytes > max_io_bytes || message.offset >= block_bytes || bytes > block_bytes - message.offset) {
    return fail(Code::malformed, "a write outside of the block, or too long");
  }
  if (message.in_sync.size() + message.filling.size() > most_members) return fail(Code::malformed, "too many members");
  if (Status may = server.guard.check_write(message, bytes); !may) return may;
  if (Status lease = server.membership.check_lease(); !lease) return lease;
  if (message.in_sync.empty() || message.in_sync.front() != server.membership.self()) {
    return fail(Code::stale, "this server is not the primary");
  }
  return {};
}

// Every other member must be known and have space, before anything is changed.
Status check_members(const Server& server, const wire::WriteBlock& message, size_t bytes) {
  const uint64_t needed = server.store.new_bytes(message.block, message.offset, bytes);
  if (needed > 0) {
    const disk::Usage usage = server.membership.usage();
    if (!has_space(usage.capacity_bytes, usage.available_bytes, needed + server.store.bytes_under_way()))
      return fail(Code::no_space, "the primary's disk is full");
  }
  for (const auto* members : {&message.in_sync, &message.filling}) {
    for (const ServerId member : *members) {
      if (member == server.membership.self()) continue;
      const wire::ServerInfo* info = server.membership.find_server(member);
      if (info == nullptr) return fail(Code::unavailable, "member " + std::to_string(raw(member)) + " is not known here yet");
      if (needed > 0 && info->capacity_bytes > 0 && !has_space(info->capacity_bytes, info->available_bytes, needed)) {
        return fail(Code::no_space, "the disk of " + info->name + " is full");
      }
    }
  }
  return {};
}

// All members have answered.
void conclude(Server& server, const PendingRef& write) {
  const wire::WriteBlock& message = write->message;
  if (write->failed.empty()) {
    // Without a lease control may have gone on without this server: then the write must not count.
    if (Status lease = server.membership.check_lease(); !lease) return write->reply.refuse(lease.error());
    return write->reply.answer(wire::Written{write->synced});
  }
  server.counters.forward_failures += write->failed.size();
  std::sort(write->failed.begin(), write->failed.end());
  log::warn("storage.member_failed",
            {{"block", to_string(message.block)}, {"member", raw(write->failed.front())}, {"what", write->why}});
  server.failures.report(message.block, message.epoch, write->failed, [&server, write](Result<wire::BlockInfo> info) {
    const auto in = [](const std::vector<ServerId>& servers, ServerId one) {
      return std::find(servers.begin(), servers.end(), one) != servers.end();
    };
    if (!info) return write->reply.refuse(Code::unavailable, write->why + "; control: " + info.error().what);
    const bool mine = in(info->in_sync, server.membership.self());
    const bool all = std::all_of(info->in_sync.begin(), info->in_sync.end(), [&](ServerId member) {
      return in(write->message.in_sync, member) && !in(write->failed, member);
    });
    // Every copy that is in sync now has taken the write.
    if (mine && all && info->epoch > write->message.epoch) return write->reply.answer(wire::Written{});
    write->reply.refuse(Code::stale, "the block has other members now");
  });
}

void send_to(Server& server, const PendingRef& write, ServerId member, wire::ForwardWrite message, const Bytes& payload) {
  ++write->waits_for;
  ++server.counters.forwarded;
  const auto heard = [&server, write, member](Result<net::Answered<wire::ForwardWrite>> answer) {
    if (!answer) {
      if (write->why.empty()) write->why = std::string(name_of(answer.error().code)) + ": " + answer.error().what;
      write->failed.push_back(member);
    }
    write->synced = write->synced && answer && answer->reply.synced;
    if (--write->waits_for == 0) conclude(server, write);
  };
  const wire::ServerInfo* info = server.membership.find_server(member);
  if (info == nullptr) return heard(fail(Code::unavailable, "not known here any more"));
  message.to = member;
  net::call<wire::ForwardWrite>(server.loop, info->endpoint, message, forward_timeout, heard, payload);
}

// Beside the other members.
void sync_own(Server& server, const PendingRef& write) {
  ++write->waits_for;
  sync_soon(server, write->message.block, write->message.epoch, [&server, write](bool synced) {
    write->synced = write->synced && synced;
    if (--write->waits_for == 0) conclude(server, write);
  });
}

// Runs in the order in which the writes of the block were applied.
void forward(Server& server, const PendingRef& write, const Bytes& payload, const Bytes& whole_pages) {
  const Forwarding::Place place = server.forwarding.next(write->message.block, write->message.epoch);
  wire::ForwardWrite message;
  message.pass = server.guard.make_pass();
  message.block = write->message.block;
  message.epoch = write->message.epoch;
  message.number = place.number;
  message.stream = place.stream;
  message.offset = write->message.offset;
  message.inode = write->message.inode;
  message.file_offset = write->message.file_offset;
  message.sync = write->synced = write->message.sync;
  write->waits_for = 1;  // for this function
  for (const ServerId member : write->message.in_sync) {
    if (member != server.membership.self()) send_to(server, write, member, message, payload);
  }
  const uint64_t in_front = message.offset % page_bytes;
  message.offset -= in_front;
  message.file_offset -= in_front;
  for (const ServerId member : write->message.filling) {
    if (member != server.membership.self()) send_to(server, write, member, message, whole_pages);
  }
  if (message.sync) sync_own(server, write);
  if (--write->waits_for == 0) conclude(server, write);
}

}  // namespace

void write_block(Server& server, wire::WriteBlock message, Asked asked) {
  Status may = check_message(server, message, asked.payload.size());
  if (may) may = check_members(server, message, asked.payload.size());
  if (!may) {
    ++server.counters.refused;
    return asked.reply.refuse(may.error());
  }
  ++server.counters.writes;
  server.counters.written_bytes += asked.payload.size();
  auto write = std::make_shared<PendingWrite>();
  write->message = std::move(message);
  write->reply = std::move(asked.reply);
  const wire::WriteBlock& told = write->message;
  server.store.write(told.block, told.epoch, told.offset, asked.payload, told.inode, told.file_offset, !told.filling.empty(),
                     [&server, write, payload = asked.payload](const Result<Bytes>& pages) {
                       if (pages) return forward(server, write, payload, *pages);
                       ++server.counters.refused;
                       write->reply.refuse(pages.error());
                     });
}

}  // namespace lace::storage
