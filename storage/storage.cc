#include "storage/storage.h"

#include "common/base/log.h"

namespace lace::storage {

static Offload offload_of(net::Loop& loop) {
  return [&loop](std::function<void()> work, std::function<void()> then) { loop.offload(std::move(work), std::move(then)); };
}

static DiskUsage usage_of(disk::Disk& disk) {
  return [&disk] {
    const auto usage = disk.usage();
    return usage ? *usage : disk::Usage{};
  };
}

Storage::Storage(net::Loop& loop, disk::Disk& disk, StorageOptions options, Joined joined)
    : loop_(loop),
      disk_(disk),
      options_(std::move(options)),
      store_(disk, loop.clock(), offload_of(loop), options_.store),
      guard_(loop.clock()),
      membership_(loop, store_, guard_, options_.membership, usage_of(disk), std::move(joined)),
      forwarding_(options_.membership.incarnation),
      failures_(loop, membership_),
      filler_(loop, store_, membership_, guard_, options_.filler),
      scrubber_(loop, disk, store_),
      server_{loop, store_, membership_, guard_, forwarding_, failures_, filler_, counters_, options_.shared_directory, 0} {
  store_.on_changed([this](BlockId block) {
    if (const auto copy = store_.find(block); copy && copy->rotten) ++server_.distrusted_copies;
    membership_.tell_changed(block);
  });
  membership_.set_figures([this] { return repair_figures(); });
  membership_.on_told([this](const wire::HeartbeatReply& told) {
    filler_.set_limits(told.limits);
    scrubber_.set_limits(told.limits);
    scrubber_.set_order(told.scrub_order);
  });
}

wire::RepairFigures Storage::repair_figures() const {
  const StoreTotals totals = store_.totals();
  const ScrubRecord& scrub = scrubber_.record();
  wire::RepairFigures figures;
  figures.missed_bytes = totals.missed_bytes;
  figures.fill_bytes_per_second = filler_.bytes_per_second();
  figures.corrupt_pages = totals.corrupt_pages;
  figures.healed_pages = totals.healed_pages;
  figures.disk_errors = totals.disk_errors;
  figures.scrubbing = scrub.running;
  figures.scrubbed_bytes = scrub.done_bytes;
  figures.scrub_bytes = scrub.all_bytes;
  figures.scrub_ended = scrub.ended;
  figures.scrub_order = scrub.order;
  return figures;
}

Status Storage::open() {
  look_at_space();
  scrubber_.open();
  return store_.open();
}

Status Storage::listen(const wire::Endpoint& endpoint) {
  return loop_.listen(endpoint,
                      [this](net::Incoming incoming, net::Responder reply) { handle(std::move(incoming), std::move(reply)); });
}

void Storage::handle(net::Incoming incoming, net::Responder reply) {
  if (stopping_) return reply.refuse(Code::unavailable, "the server is stopping");
  dispatch(server_, std::move(incoming), std::move(reply));
}

void Storage::start(std::function<void(Error)> refused) {
  membership_.on_refused(std::move(refused));
  membership_.start();
  keep_house();
}

void Storage::look_at_space() {
  const auto usage = disk_.usage();
  store_.set_streams(usage && usage->available_bytes >= options_.streams_above);
}

void Storage::keep_house() {
  loop_.after(options_.housekeeping, [this] {
    if (stopping_) return;
    look_at_space();
    store_.tick();
    filler_.tick();
    scrubber_.tick();
    if (tick_) tick_();
    keep_house();
  });
}

void Storage::stop() {
  if (std::exchange(stopping_, true)) return;
  membership_.stop();
  scrubber_.stop();
  stop_at_latest_ = loop_.clock().now() + options_.stop_patience;
  stop_when_idle();
}

void Storage::stop_when_idle() {
  if (store_.idle() || loop_.clock().now() >= stop_at_latest_) return loop_.stop();
  loop_.after(Millis(10), [this] { stop_when_idle(); });
}

Status Storage::close() {
  if (!store_.idle()) return fail(Code::busy, "something was still under way: the next start looks at what was written last");
  return store_.close();
}

}  // namespace lace::storage
