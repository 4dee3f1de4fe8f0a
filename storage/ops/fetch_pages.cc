// The source of a hole copy.
#include "storage/ops/server.h"

namespace lace::storage {

void fetch_pages(Server& server, wire::FetchPages message, Asked asked) {
  if (Status may = server.guard.check_pass(message.pass, access::Role::storage); !may) return asked.reply.refuse(may.error());
  if (message.holes.size() > block_pages) return asked.reply.refuse(Code::malformed, "more holes than pages");
  std::vector<Range> holes;
  for (const wire::DataRange& hole : message.holes) holes.push_back({hole.offset, hole.length});
  auto reply = std::make_shared<net::Responder>(std::move(asked.reply));
  server.store.fetch(message.block, message.start, message.end, std::move(holes), [reply](Result<FetchedPages> pages) {
    if (!pages) return reply->refuse(pages.error());
    wire::FetchPagesReply answer;
    for (const Run& run : pages->runs) answer.runs.push_back({run.page, run.count, run.epoch, run.zero});
    answer.next_page = pages->next_page;
    reply->answer(answer, std::move(pages->bytes));
  });
}

}  // namespace lace::storage
