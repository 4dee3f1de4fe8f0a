#include "storage/scrub/scrubber.h"

#include <cinttypes>
#include <cstdio>

#include "common/base/log.h"

namespace lace::storage {
namespace {

constexpr const char* record_path = "scrub";
constexpr const char* new_record_path = "scrub.new";
constexpr uint32_t pages_at_once = max_io_bytes / page_bytes;
constexpr Millis keep_every{10'000};

Status write_record(disk::Disk& disk, const std::string& text) {
  auto file = disk.open(new_record_path, true);
  if (!file) return pass(file);
  if (Status cut = (*file)->truncate(0); !cut) return cut;
  if (Status put = (*file)->write(0, text); !put) return put;
  if (Status synced = (*file)->sync_data(); !synced) return synced;
  if (Status named = disk.rename(new_record_path, record_path); !named) return named;
  return disk.sync_directory("");
}

}  // namespace

std::string encode_scrub(const ScrubRecord& record) {
  char text[256];
  std::snprintf(text, sizeof text,
                "scrub 1\nrunning %d\norder %" PRIu64 "\nbehind %" PRIu64 "\ndone_bytes %" PRIu64 "\nall_bytes %" PRIu64
                "\ncorrupt %" PRIu64 "\nended %" PRId64 "\n",
                record.running ? 1 : 0, record.order, raw(record.behind), record.done_bytes, record.all_bytes, record.corrupt,
                record.ended);
  return text;
}

Result<ScrubRecord> decode_scrub(std::string_view text) {
  ScrubRecord record;
  int running = 0, end = 0;
  uint64_t behind = 0;
  const int found = std::sscanf(std::string(text).c_str(),
                                "scrub 1\nrunning %d\norder %" SCNu64 "\nbehind %" SCNu64 "\ndone_bytes %" SCNu64
                                "\nall_bytes %" SCNu64 "\ncorrupt %" SCNu64 "\nended %" SCNd64 "\n%n",
                                &running, &record.order, &behind, &record.done_bytes, &record.all_bytes, &record.corrupt,
                                &record.ended, &end);
  if (found != 7 || static_cast<size_t>(end) != text.size()) return fail(Code::corrupt, "not the record of a scrub");
  record.running = running != 0;
  record.behind = BlockId{behind};
  return record;
}

void Scrubber::open() {
  record_.ended = loop_.clock().wall().seconds;
  const auto file = disk_.open(record_path, false);
  if (!file) return;
  std::string text(256, '\0');
  const auto got = (*file)->read(0, text.data(), text.size());
  if (!got) return;
  const auto record = decode_scrub(std::string_view(text).substr(0, *got));
  if (record) {
    record_ = kept_ = *record;
  } else {
    log::warn("storage.scrub_record_lost", {{"what", record.error().what}, {"remedy", "the next scrub begins anew"}});
  }
}

void Scrubber::set_order(uint64_t order) {
  if (order <= record_.order) return;
  record_.order = order;
  if (!record_.running) begin("it was asked for");
}

void Scrubber::tick() {
  const int64_t now = loop_.clock().wall().seconds;
  if (!record_.running && now - record_.ended >= int64_t{limits_.scrub_every_hours} * 3'600) begin("it is time");
  if (record_.running && !reading_) go_on();
  if (loop_.clock().now() >= keep_next_) keep();
}

void Scrubber::begin(const char* why) {
  record_.running = true;
  record_.behind = BlockId{};
  record_.done_bytes = record_.corrupt = 0;
  record_.all_bytes = store_.totals().stored_bytes;
  log::info("storage.scrub_begun", {{"why", why}, {"bytes", record_.all_bytes}});
  if (!reading_) go_on();
}

void Scrubber::go_on() {
  block_ = BlockId{};
  next_block();
}

void Scrubber::next_block() {
  if (block_ != BlockId{}) record_.behind = block_;
  const auto found = store_.list(record_.behind, 1);
  if (found.empty()) return end();
  block_ = found.front().block;
  page_ = 0;
  read_some();
}

// A part of a block, then a pause as long as the rate wants it.
void Scrubber::read_some() {
  reading_ = true;
  const uint64_t corrupt_before = store_.totals().corrupt_pages;
  store_.verify(block_, page_, pages_at_once, [this, corrupt_before](const Result<Verified>& found) {
    record_.corrupt += store_.totals().corrupt_pages - corrupt_before;
    reading_ = false;
    if (stopped_) return;
    // Of a page that was lost just now: the rest is read again, without it. What can't be read otherwise serves nobody now.
    const bool again = !found && found.error().code == Code::corrupt;
    uint64_t bytes = page_bytes;
    if (found) {
      bytes += found->bytes;
      record_.done_bytes += found->bytes;
      page_ = found->next_page;
    }
    reading_ = true;
    const uint64_t rate = std::max<uint64_t>(limits_.scrub_bytes_per_second, 1);
    loop_.after(
        std::chrono::ceil<Micros>(std::chrono::duration<double>(static_cast<double>(bytes) / static_cast<double>(rate))),
        [this, again, done = !found || page_ >= block_pages] {
          reading_ = false;
          if (stopped_) return;
          done && !again ? next_block() : read_some();
        });
  });
}

void Scrubber::end() {
  record_.running = false;
  record_.ended = loop_.clock().wall().seconds;
  log::info("storage.scrub_ended", {{"bytes", record_.done_bytes}, {"corrupt_pages", record_.corrupt}});
  keep();
}

void Scrubber::keep() {
  const std::string text = encode_scrub(record_);
  if (keeping_ || text == encode_scrub(kept_)) return;
  keeping_ = true;
  keep_next_ = loop_.clock().now() + keep_every;
  auto status = std::make_shared<Status>();
  loop_.offload([&disk = disk_, text, status] { *status = write_record(disk, text); },
                [this, status, record = record_] {
                  keeping_ = false;
                  if (*status) {
                    kept_ = record;
                  } else {
                    log::warn("storage.scrub_not_kept", {{"what", status->error().what}});
                  }
                });
}

}  // namespace lace::storage
