#include "control/group/following.h"

#include "common/base/log.h"
#include "common/config/files.h"

namespace lace::control {
namespace {

constexpr uint64_t piece_bytes = uint64_t{2} << 20;
constexpr Millis piece_within{5'000};
constexpr Millis ask_again{100};
constexpr Millis give_up_after{10'000};  // without a piece: the master says again what is to be done

Position position_of(const wire::GroupPosition& at) { return {at.term, at.number}; }

}  // namespace

// A snapshot on its way into a file of its own.
struct Following::Fetch {
  wire::Endpoint master;
  std::string path;
  std::ofstream file;
  uint64_t snapshot = 0;
  uint64_t offset = 0;
  Instant last_piece;
};

Following::Following(net::Loop& loop, std::string directory, Open open)
    : loop_(loop), directory_(std::move(directory)), open_(std::move(open)) {}

Following::~Following() = default;

Status Following::open() {
  auto opened = open_();
  if (!opened) return pass(opened);
  names_ = std::move(*opened);
  return {};
}

wire::ShipChangesReply Following::where() const {
  wire::ShipChangesReply reply;
  if (!names_ || fetch_) return reply;
  const Position at = names_->position();
  reply.position = {at.term, at.number};
  reply.partial_bytes = partial_of_.number == at.number + 1 ? partial_.size() : 0;
  reply.applied = names_->counts().applied;
  return reply;
}

Result<wire::ShipChangesReply> Following::take(const wire::ShipChanges& message, std::string_view bytes,
                                               const wire::Endpoint& master) {
  if (message.snapshot) {
    if (where().position.number == message.previous.number) fetch(master);
    return where();
  }
  const bool here = names_ && !fetch_ && names_->position() == position_of(message.previous);
  if (!here || (message.changes.empty() && !message.discard)) return where();
  if (message.discard) {
    discard(position_of(message.previous));
  } else if (const Status applied = apply(message, bytes); !applied) {
    return pass(applied);
  }
  return where();
}

Status Following::apply(const wire::ShipChanges& message, std::string_view bytes) {
  const wire::ShippedChange& first = message.changes.front();
  std::vector<LoggedChange> changes;
  if (message.changes.size() == 1 && bytes.size() < first.bytes) {  // a part
    if (!(partial_of_ == position_of(first.at))) partial_.clear();
    partial_of_ = position_of(first.at);
    if (message.offset != partial_.size()) return {};
    partial_ += bytes;
    if (partial_.size() < first.bytes) return {};
    changes.push_back({partial_of_, std::exchange(partial_, {})});
  } else {
    for (const wire::ShippedChange& change : message.changes) {
      if (bytes.size() < change.bytes) return fail(Code::malformed, "the master sent less than it said");
      changes.push_back({position_of(change.at), std::string(bytes.substr(0, change.bytes))});
      bytes.remove_prefix(change.bytes);
    }
  }
  for (size_t i = 0; i < changes.size(); ++i) {
    if (changes[i].at.number != message.previous.number + 1 + i) return fail(Code::malformed, "transactions out of order");
  }
  return names_->follow(changes);
}

void Following::discard(const Position& last) {
  const Status done = names_->discard_last();
  if (done) {
    log::warn("control.tail_discarded",
              {{"term", last.term}, {"number", last.number}, {"why", "the group never acknowledged it"}});
    return;
  }
  log::warn("control.namespace_replaced", {{"reason", done.error().what}});
  names_.reset();  // a snapshot takes its place
}

// ---------------------------------------------------------------- snapshots

void Following::fetch(const wire::Endpoint& master) {
  const Instant now = loop_.clock().now();
  if (fetch_ && fetch_->master == master && now < fetch_->last_piece + give_up_after) return;
  fetch_ = std::make_unique<Fetch>();
  fetch_->master = master;
  fetch_->path = directory_ + "/incoming.db";
  fetch_->last_piece = now;
  fetch_->file.open(fetch_->path, std::ios::binary | std::ios::trunc);
  log::info("control.snapshot_wanted", {{"from", master.url}});
  fetch_next();
}

void Following::fetch_next() {
  const wire::FetchSnapshot message{fetch_->snapshot, fetch_->offset, piece_bytes};
  const Fetch* asks = fetch_.get();
  net::call<wire::FetchSnapshot>(loop_, fetch_->master, message, piece_within,
                                 [this, asks](Result<net::Answered<wire::FetchSnapshot>> answer) {
                                   if (asks == fetch_.get()) fetched(std::move(answer));
                                 });
}

void Following::fetched(Result<net::Answered<wire::FetchSnapshot>> answer) {
  const Instant now = loop_.clock().now();
  const Fetch* asks = fetch_.get();
  if (!answer || answer->reply.snapshot == 0) {  // not there, or not made yet: the piece is asked for again
    if (now >= fetch_->last_piece + give_up_after) return fetch_.reset();
    loop_.after(ask_again, [this, asks] {
      if (asks == fetch_.get()) fetch_next();
    });
    return;
  }
  const wire::FetchSnapshotReply& reply = answer->reply;
  fetch_->last_piece = now;
  if (reply.snapshot != fetch_->snapshot) {
    fetch_->snapshot = reply.snapshot;
    fetch_->offset = 0;
    fetch_->file.seekp(0);
    return fetch_next();
  }
  fetch_->file.write(answer->payload.data(), static_cast<std::streamsize>(answer->payload.size()));
  fetch_->offset += answer->payload.size();
  if (fetch_->offset < reply.total_bytes) return fetch_next();
  const uint64_t bytes = fetch_->offset;
  const Status placed = put_in_place();
  fetch_.reset();
  if (!placed) {
    log::error("control.snapshot_failed", {{"reason", placed.error().what}});
    return;
  }
  log::info("control.snapshot_placed", {{"bytes", bytes}, {"number", names_->position().number}});
  if (on_placed_) on_placed_(names_->cluster());
}

// The old namespace goes when the new one is whole and on the disk.
Status Following::put_in_place() {
  fetch_->file.close();
  if (!fetch_->file) return fail(Code::io, fetch_->path + " could not be written: make room on the disk");
  names_.reset();
  const std::string path = directory_ + "/namespace.db";
  if (const Status done = config::put_in_place(fetch_->path, path, {path + "-wal", path + "-shm"}); !done) return done;
  return open();
}

}  // namespace lace::control
