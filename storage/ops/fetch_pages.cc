// The source of a hole copy.
#include "storage/ops/server.h"

namespace lace::storage {

void fetch_pages(Server& server, wire::FetchPages message, Asked asked) {
  if (Status may = server.guard.check_pass(message.pass, access::Role::storage); !may) return asked.reply.refuse(may.error());
  if (Status mine = check_addressee(server, message.to); !mine) return asked.reply.refuse(mine.error());
  if (message.holes.size() > block_pages) return asked.reply.refuse(Code::malformed, "more holes than pages");
  std::vector<Range> holes;
  for (const wire::DataRange& hole : message.holes) holes.push_back({hole.offset, hole.length});
  auto reply = std::make_shared<net::Responder>(std::move(asked.reply));
  server.store.fetch(message.block, message.start, message.end, std::move(holes), message.partial,
                     [reply](Result<FetchedPages> pages) {
                       if (!pages) return reply->refuse(pages.error());
                       wire::FetchPagesReply answer;
                       for (const Run& run : pages->runs) answer.runs.push_back({run.page, run.count, run.epoch, run.zero});
                       for (const Run& run : pages->missing) answer.missing.push_back({run.page, run.count});
                       answer.next_page = pages->next_page;
                       reply->answer(answer, std::move(pages->bytes));
                     });
}

void compare_pages(Server& server, wire::ComparePages message, Asked asked) {
  if (Status may = server.guard.check_pass(message.pass, access::Role::storage); !may) return asked.reply.refuse(may.error());
  if (Status mine = check_addressee(server, message.to); !mine) return asked.reply.refuse(mine.error());
  auto reply = std::make_shared<net::Responder>(std::move(asked.reply));
  server.store.compare(message.block, message.base, message.end, message.unit, std::move(message.units),
                       [reply](Result<Comparison> found) {
                         if (!found) return reply->refuse(found.error());
                         wire::ComparePagesReply answer;
                         for (const Run& run : found->newer) answer.runs.push_back({run.page, run.count, run.epoch, run.zero});
                         answer.digests = std::move(found->digests);
                         reply->answer(answer);
                       });
}

}  // namespace lace::storage
