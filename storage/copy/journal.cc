#include "storage/copy/journal.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/copyfile/checksum.h"
#include "common/copyfile/little_endian.h"

namespace lace::storage {
namespace {

constexpr std::string_view magic = "LACEJRNL";
constexpr uint32_t format = 1;
constexpr uint64_t header_bytes = page_bytes;
constexpr uint64_t record_bytes = 32;
constexpr uint64_t least_file_bytes = uint64_t{2} << 20;
constexpr size_t boot_id_bytes = 64;
constexpr size_t at_crc = 12, at_generation = 16, at_boot_id = 40, header_end = at_boot_id + boot_id_bytes;

uint32_t seed_of(uint64_t generation) { return crc32c({reinterpret_cast<const char*>(&generation), sizeof generation}); }

struct Header {
  uint64_t generation = 0;
  std::string boot_id;
};

// Generation 0: not a journal that was finished.
Header read_header(std::string_view page) {
  if (page.size() < header_bytes || page.substr(0, magic.size()) != magic || get_at<uint32_t>(page, 8) != format) return {};
  if (get_at<uint32_t>(page, at_crc) != crc32c(page.substr(at_generation, header_end - at_generation))) return {};
  const std::string_view boot_id = page.substr(at_boot_id, boot_id_bytes);
  return {get_at<uint64_t>(page, at_generation), std::string(boot_id.substr(0, boot_id.find('\0')))};
}

std::vector<JournalRecord> read_records(std::string_view bytes, uint64_t generation) {
  std::vector<JournalRecord> records;
  const uint32_t seed = seed_of(generation);
  for (; bytes.size() >= record_bytes; bytes.remove_prefix(record_bytes)) {
    if (get_at<uint32_t>(bytes, 0) != crc32c(bytes.substr(4, record_bytes - 4), seed)) break;
    JournalRecord record;
    record.kind = static_cast<JournalRecord::Kind>(get_at<uint8_t>(bytes, 4));
    record.state = static_cast<StoredState>(get_at<uint8_t>(bytes, 5));
    record.regions = get_at<uint16_t>(bytes, 6);
    record.block = BlockId{get_at<uint64_t>(bytes, 8)};
    record.epoch = get_at<uint32_t>(bytes, 16);
    record.value = get_at<uint64_t>(bytes, 24);
    records.push_back(record);
  }
  return records;
}

Result<std::string> read_all(disk::File& file) {
  const auto size = file.size();
  if (!size) return pass(size);
  std::string bytes(*size, '\0');
  const auto got = file.read(0, bytes.data(), bytes.size());
  if (!got) return pass(got);
  bytes.resize(*got);
  return bytes;
}

const char* name_of_generation(uint64_t generation) { return generation % 2 == 0 ? "journal-a" : "journal-b"; }

std::string frame(const std::vector<JournalRecord>& records, uint64_t generation) {
  std::string bytes(records.size() * record_bytes, '\0');
  const uint32_t seed = seed_of(generation);
  for (size_t i = 0; i < records.size(); ++i) {
    const JournalRecord& record = records[i];
    const size_t at = i * record_bytes;
    put_at(bytes, at + 4, static_cast<uint8_t>(record.kind));
    put_at(bytes, at + 5, static_cast<uint8_t>(record.state));
    put_at(bytes, at + 6, record.regions);
    put_at(bytes, at + 8, raw(record.block));
    put_at(bytes, at + 16, record.epoch);
    put_at(bytes, at + 24, record.value);
    put_at(bytes, at, crc32c(std::string_view(bytes).substr(at + 4, record_bytes - 4), seed));
  }
  return bytes;
}

std::string make_header(uint64_t generation, const std::string& boot_id) {
  std::string page(header_bytes, '\0');
  page.replace(0, magic.size(), magic);
  put_at(page, 8, format);
  put_at(page, at_generation, generation);
  CHECK(boot_id.size() <= boot_id_bytes);
  page.replace(at_boot_id, boot_id.size(), boot_id);
  put_at(page, at_crc, crc32c(std::string_view(page).substr(at_generation, header_end - at_generation)));
  return page;
}

Status write_fresh(disk::File& file, const std::vector<JournalRecord>& live, uint64_t generation, const std::string& boot_id) {
  const std::string body = frame(live, generation);
  const uint64_t wanted = std::max(least_file_bytes, header_bytes + 2 * body.size());
  const auto size = file.size();
  if (!size) return pass(size);
  // The old header goes first: until the new one is durable, the other file counts.
  if (Status put = file.write(0, std::string(header_bytes, '\0')); !put) return put;
  if (*size < wanted) {
    if (Status put = file.write(*size, std::string(wanted - *size, '\0')); !put) return put;
  }
  if (Status put = file.write(header_bytes, body); !put) return put;
  if (Status synced = file.sync_data(); !synced) return synced;
  if (Status put = file.write(0, make_header(generation, boot_id)); !put) return put;
  return file.sync_data();
}

}  // namespace

Result<Journal::Replayed> Journal::replay() {
  const auto boot_id = disk_.boot_id();
  if (!boot_id) return pass(boot_id);
  boot_id_ = boot_id->substr(0, boot_id_bytes);
  Replayed best{true, {}};
  for (const uint64_t parity : {0u, 1u}) {
    auto file = disk_.open(name_of_generation(parity), false);
    if (!file && file.error().code == Code::no_entry) continue;
    if (!file) return pass(file);
    const auto bytes = read_all(**file);
    if (!bytes) return pass(bytes);
    const Header found = read_header(*bytes);
    if (found.generation <= generation_) continue;
    generation_ = found.generation;
    best.same_boot = found.boot_id == boot_id_;
    best.records = read_records(std::string_view(*bytes).substr(header_bytes), generation_);
  }
  return best;
}

Status Journal::restart(const std::vector<JournalRecord>& live) {
  auto file = disk_.open(name_of_generation(generation_ + 1), true);
  if (!file) return pass(file);
  if (Status put = write_fresh(**file, live, generation_ + 1, boot_id_); !put) return put;
  if (Status synced = disk_.sync_directory(""); !synced) return synced;
  file_ = std::move(*file);
  ++generation_;
  end_ = live_end_ = header_bytes + live.size() * record_bytes;
  return {};
}

void Journal::append(std::vector<JournalRecord> records, Done done) {
  pending_.insert(pending_.end(), records.begin(), records.end());
  waiting_.push_back(std::move(done));
  if (!busy_) start_group();
}

void Journal::note(const JournalRecord& record) { pending_.push_back(record); }

void Journal::start_group() {
  busy_ = true;
  auto bytes = std::make_shared<std::string>(frame(pending_, generation_));
  auto status = std::make_shared<Status>();
  if (broken_) *status = fail(Code::io, "the journal can't be synced: look at the disk, then start the server again");
  pending_.clear();
  auto dones = std::make_shared<std::vector<Done>>(std::move(waiting_));
  waiting_.clear();
  offload_(
      [file = file_, at = end_, bytes, status] {
        if (!*status) return;
        *status = file->write(at, *bytes);
        if (*status) *status = file->sync_data();
      },
      [this, bytes, status, dones] { finish_group(std::move(*status), std::move(*dones), bytes->size()); });
}

void Journal::finish_group(Status status, std::vector<Done> dones, uint64_t bytes) {
  busy_ = false;
  if (status) {
    end_ += bytes;
  } else if (status.error().code != Code::no_space && !broken_) {
    broken_ = true;
    log::error("storage.journal_failed", {{"what", status.error().what}});
  }
  for (const Done& done : dones) done(status);
  if (!busy_ && !waiting_.empty()) start_group();
}

bool Journal::wants_compaction() const {
  return !busy_ && end_ > std::max(least_file_bytes - (uint64_t{64} << 10), 4 * live_end_);
}

void Journal::compact(std::vector<JournalRecord> live) {
  if (busy_ || broken_) return;
  busy_ = true;
  auto status = std::make_shared<Status>();
  auto fresh = std::make_shared<std::shared_ptr<disk::File>>();
  auto records = std::make_shared<std::vector<JournalRecord>>(std::move(live));
  const uint64_t generation = generation_ + 1;
  offload_(
      [&disk = disk_, boot_id = boot_id_, status, fresh, records, generation] {
        auto file = disk.open(name_of_generation(generation), true);
        *status = file ? write_fresh(**file, *records, generation, boot_id) : pass(file);
        if (*status) *status = disk.sync_directory("");
        if (*status) *fresh = std::move(*file);
      },
      [this, status, fresh, records, generation] {
        busy_ = false;
        if (*status) {
          file_ = *fresh;
          generation_ = generation;
          end_ = live_end_ = header_bytes + records->size() * record_bytes;
        } else {
          log::warn("storage.journal_compaction_failed", {{"what", status->error().what}});
        }
        if (!waiting_.empty()) start_group();
      });
}

Status Journal::close() {
  CHECK(!busy_);
  const std::string bytes = frame(pending_, generation_);
  pending_.clear();
  if (broken_) return fail(Code::io, "the journal can't be synced");
  if (Status put = file_->write(end_, bytes); !put) return put;
  end_ += bytes.size();
  return file_->sync_data();
}

}  // namespace lace::storage
