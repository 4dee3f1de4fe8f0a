// What control orders: epochs, deletions, holes, fills. Each outcome stands for itself; all are idempotent.
#include "storage/ops/gathering.h"

namespace lace::storage {

Status check_control(const Server& server, const std::string& pass, uint64_t term) {
  if (Status may = server.guard.check_pass(pass, access::Role::control); !may) return may;
  return server.membership.check_term(term);
}

void set_epochs(Server& server, wire::SetEpochs message, Asked asked) {
  if (Status may = check_control(server, message.pass, asked.term); !may) return asked.reply.refuse(may.error());
  gather<wire::OutcomesReply>(message.changes, std::move(asked.reply),
                              [&](const wire::EpochChange& change, size_t, const Done& done) {
                                Role role = change.filling ? Role::filling : Role::member;
                                if (change.filling && change.keep) role = Role::refilling;
                                if (change.dropped) role = Role::none;
                                server.store.set_epoch(change.block, change.from, change.to, role, done);
                              });
}

void punch_blocks(Server& server, wire::PunchBlocks message, Asked asked) {
  if (Status may = check_control(server, message.pass, asked.term); !may) return asked.reply.refuse(may.error());
  gather<wire::OutcomesReply>(message.punches, std::move(asked.reply),
                              [&](const wire::BlockPunch& punch, size_t, const Done& done) {
                                server.store.punch(punch.block, punch.epoch, punch.offset, punch.length, done);
                              });
}

void fill_blocks(Server& server, wire::FillBlocks message, Asked asked) {
  if (Status may = check_control(server, message.pass, asked.term); !may) return asked.reply.refuse(may.error());
  gather<wire::OutcomesReply>(
      message.orders, std::move(asked.reply),
      [&](const wire::FillOrder& order, size_t, const Done& done) { done(server.filler.order(order)); });
}

// One answer for all: control asks again for all where one failed.
void delete_blocks(Server& server, wire::DeleteBlocks message, Asked asked) {
  if (Status may = check_control(server, message.pass, asked.term); !may) return asked.reply.refuse(may.error());
  if (message.blocks.empty()) return asked.reply.answer(wire::Done{});
  struct All {
    net::Responder reply;
    size_t left = 0;
    Status first_error;
  };
  auto all = std::make_shared<All>(All{std::move(asked.reply), message.blocks.size(), {}});
  for (const BlockId block : message.blocks) {
    server.store.remove(block, [all](const Status& status) {
      if (!status && all->first_error) all->first_error = status;
      if (--all->left > 0) return;
      all->first_error ? all->reply.answer(wire::Done{}) : all->reply.refuse(all->first_error.error());
    });
  }
}

void announce_master(Server& server, wire::AnnounceMaster message, Asked asked) {
  if (Status may = server.guard.check_pass(message.pass, access::Role::control); !may) return asked.reply.refuse(may.error());
  if (Status follows = server.membership.follow(message.term, message.endpoints); !follows) {
    return asked.reply.refuse(follows.error());
  }
  asked.reply.answer(wire::Done{});
}

}  // namespace lace::storage
