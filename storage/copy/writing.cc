// A write: marks, the page table, the old content of pages that are written in part, then data and table.
#include <algorithm>

#include "common/base/check.h"
#include "common/copyfile/checksum.h"
#include "storage/copy/copy_store.h"

namespace lace::storage {

struct CopyStore::WriteOp {
  CopyRef copy;
  Epoch epoch = 0;
  uint64_t offset = 0;
  Bytes bytes;
  InodeId inode{};
  uint64_t file_offset = 0;
  bool whole_pages = false;
  Done done;
  std::unique_ptr<std::string> head;  // first page, where it is written in part: its old content, then the new one
  std::unique_ptr<std::string> tail;  // last page, the same, where it is another one
  std::vector<PageEntry> before, after;

  void checksum();  // fills `after`; touches every byte

  uint64_t end() const { return offset + bytes.size(); }
  uint32_t first() const { return static_cast<uint32_t>(offset / page_bytes); }
  uint32_t last() const { return static_cast<uint32_t>((end() - 1) / page_bytes); }
  uint32_t count() const { return last() - first() + 1; }
  bool partial_head() const { return offset % page_bytes != 0 || (first() == last() && end() % page_bytes != 0); }
  bool partial_tail() const { return last() != first() && end() % page_bytes != 0; }

  Bytes result() const {
    if (!whole_pages) return {};
    if (!head && !tail) return bytes;
    std::string pages;
    pages.reserve(count() * page_bytes);
    if (head) pages = *head;
    const uint64_t body = std::min(end(), first() * page_bytes + pages.size());
    const uint64_t stop = tail ? last() * page_bytes : end();
    if (body < stop) pages += bytes.view().substr(body - offset, stop - body);
    if (tail) pages += *tail;
    return Bytes(std::move(pages));
  }
};

void CopyStore::write(BlockId block, Epoch epoch, uint64_t offset, Bytes bytes, InodeId inode, uint64_t file_offset,
                      bool whole_pages, Written done) {
  if (bytes.empty() || offset >= block_bytes || bytes.size() > block_bytes - offset) {
    return done(fail(Code::invalid, "a write outside of the block"));
  }
  CopyRef copy = find_ref(block);
  if (!copy) {
    if (epoch != 1 || !may_appear(block)) return done(fail(Code::stale, to_string(block) + " is not here"));
    copy = add_copy(block, 1, State::whole);
  }
  if (const auto open = opened(copy); !open) return done(pass(open));
  auto op = std::make_shared<WriteOp>();
  op->copy = copy;
  op->epoch = epoch;
  op->offset = offset;
  op->bytes = std::move(bytes);
  op->inode = inode;
  op->file_offset = file_offset;
  op->whole_pages = whole_pages;
  bytes_under_way_ += op->bytes.size();
  op->done = [this, op = op.get(), done = std::move(done)](const Status& status) {
    const CopyRef written = op->copy;  // whoever calls this holds `op`
    bytes_under_way_ -= op->bytes.size();
    done(status ? Result<Bytes>(op->result()) : pass(status));
    next_in_order(written);
  };
  in_order(copy, [this, op] { advance_write(op); });
}

// Is called again after each wait, until nothing is missing for the write.
void CopyStore::advance_write(const std::shared_ptr<WriteOp>& op) {
  Copy& copy = *op->copy;
  if (copy.gone || copy.epoch != op->epoch) return op->done(fail(Code::stale, to_string(copy.block) + " is at another epoch"));
  if (Status may = serves(copy); !may) return op->done(may);
  const auto resume = [this, op](const Status& status) { status ? advance_write(op) : op->done(status); };
  if (!marked(op->copy, regions_of(op->offset, op->bytes.size()), resume)) return;
  if (!copy.on_disk) {
    copy.inode = op->inode;
    copy.file_offset = op->file_offset - op->offset;
    if (Status made = make_file(copy); !made) return op->done(made);
  }
  if (!table_ready(op->copy, op->first(), op->count(), resume)) return;
  if (op->partial_head() && !old_page_ready(op, op->first(), op->head)) return;
  if (op->partial_tail() && !old_page_ready(op, op->last(), op->tail)) return;
  // Everything is there.
  op->before.resize(op->count());
  for (uint32_t i = 0; i < op->count(); ++i) op->before[i] = copy.open->table.at(op->first() + i);
  touched(copy, regions_of(op->offset, op->bytes.size()));
  if (streams_ && op->offset % page_bytes == 0 && op->bytes.size() >= options_.stream_bytes &&
      op->bytes.size() % page_bytes == 0) {
    return write_through(op);
  }
  op->checksum();
  const Status written = write_data(*op);
  op->done(finish_write(*op, written));
}

bool CopyStore::old_page_ready(const std::shared_ptr<WriteOp>& op, uint32_t page, std::unique_ptr<std::string>& into) {
  const CopyRef copy = op->copy;
  const PageEntry entry = copy->open->table.at(page);
  if (entry.is_lost()) {  // should it not be had again soon, the others go on without this copy
    distrust(*copy);
    op->done(fail(Code::corrupt, to_string(copy->block) + " page " + std::to_string(page) + " is lost here"));
    return false;
  }
  if (entry.missing()) {
    op->done(fail(Code::unavailable, "a part of a page that is missing here was sent: the whole page is needed"));
    return false;
  }
  if (!into) {
    into = std::make_unique<std::string>(page_bytes, '\0');
    if (!entry.data()) return true;
    const auto got = copy->open->file->read_cached(page * page_bytes, into->data(), page_bytes);
    if (!got && got.error().code == Code::try_again) {
      auto status = std::make_shared<Status>();
      offload_(
          [file = copy->open->file, page, target = into.get(), status] {
            const auto read = file->read(page * page_bytes, target->data(), page_bytes);
            if (!read) *status = pass(read);
          },
          [this, op, status] { *status ? advance_write(op) : op->done(*status); });
      return false;
    }
    if (!got) {
      op->done(pass(got));
      return false;
    }
  }
  if (!entry.data() || crc32c(*into) == entry.crc) return true;
  lose_page(*copy, page);
  distrust(*copy);
  op->done(fail(Code::corrupt, to_string(copy->block) + " page " + std::to_string(page) + " does not match its checksum"));
  return false;
}

void CopyStore::WriteOp::checksum() {
  after.resize(count());
  for (uint32_t i = 0; i < count(); ++i) {
    const uint64_t start = (first() + i) * page_bytes;
    const uint64_t from = std::max(start, offset);
    const std::string_view part = bytes.view().substr(from - offset, std::min(start + page_bytes, end()) - from);
    if (part.size() == page_bytes) {
      after[i] = PageEntry::make_data(crc32c(part), epoch);
      continue;
    }
    std::string& merged = i == 0 ? *head : *tail;
    merged.replace(from - start, part.size(), part);
    after[i] = PageEntry::make_data(crc32c(merged), epoch);
  }
}

// A page that holds data is written in place, byte by byte; one that holds none is always written whole, because what the file
// has there is not known to be zero.
Status CopyStore::write_data(WriteOp& op) {
  disk::File& file = *op.copy->open->file;
  uint64_t body_begin = op.offset;
  uint64_t body_end = op.end();
  Status status;
  if (op.head && !op.before.front().data()) {
    status = file.write(op.first() * page_bytes, *op.head);
    body_begin = std::min(body_end, (op.first() + 1) * page_bytes);
  }
  if (status && op.tail && !op.before.back().data()) {
    status = file.write(op.last() * page_bytes, *op.tail);
    body_end = op.last() * page_bytes;
  }
  if (status && body_begin < body_end) {
    status = file.write(body_begin, op.bytes.view().substr(body_begin - op.offset, body_end - body_begin));
  }
  return status;
}

// A piece of a stream: waits for the disk elsewhere. Reads of these pages get in line behind it.
void CopyStore::write_through(const std::shared_ptr<WriteOp>& op) {
  OpenCopy& open = *op->copy->open;
  open.write_first = op->first();
  open.write_count = op->count();
  auto status = std::make_shared<Status>();
  offload_(
      [op, file = open.file, status] {
        op->checksum();
        *status = file->write_through(op->offset, op->bytes.view());
      },
      [this, op, status] {
        Copy& copy = *op->copy;
        copy.open->write_count = 0;
        // A sync that began beside it does not cover it, and a read beside it may have seen a part of it.
        touched(copy, regions_of(op->offset, op->bytes.size()));
        op->done(finish_write(*op, *status));
      });
}

// Data is in the file, or failed to get there: the table follows.
Status CopyStore::finish_write(WriteOp& op, Status status) {
  Copy& copy = *op.copy;
  OpenCopy& open = *copy.open;
  if (status) {
    for (uint32_t i = 0; i < op.count(); ++i) open.table.set(op.first() + i, op.after[i]);
    status = open.table.store(*open.file, op.first(), op.count());
  }
  if (!status) {
    undo_failed(copy, op.first(), op.before);
    return status;
  }
  int64_t data = 0;
  int64_t missing = 0;
  for (const PageEntry& entry : op.before) {
    data += entry.data() ? 0 : 1;
    missing -= entry.missing() ? 1 : 0;
  }
  count(copy, data, missing);
  return {};
}

// A write failed half-way (a full disk). Pages that held no data stay so, whatever the file has there now. Pages that held data
// hold the old bytes or the new ones: the table follows.
void CopyStore::undo_failed(Copy& copy, uint32_t first, const std::vector<PageEntry>& before) {
  OpenCopy& open = *copy.open;
  std::string content(page_bytes, '\0');
  for (uint32_t i = 0; i < before.size(); ++i) {
    PageEntry entry = before[i];
    if (entry.data()) {
      const auto got = open.file->read((first + i) * page_bytes, content.data(), page_bytes);
      if (got && *got == page_bytes) entry.crc = crc32c(content);
    } else {
      (void)open.file->punch((first + i) * page_bytes, page_bytes);
    }
    open.table.set(first + i, entry);
  }
  // Entries of pages without data may not fit on a full disk: then the file has none of them either.
  (void)open.table.store(*open.file, first, static_cast<uint32_t>(before.size()));
}

void CopyStore::punch(BlockId block, Epoch epoch, uint64_t offset, uint64_t length, Done done) {
  const bool aligned = offset % page_bytes == 0 && length % page_bytes == 0;
  if (!aligned || length == 0 || offset >= block_bytes || length > block_bytes - offset) {
    return done(fail(Code::invalid, "a hole must be whole pages within the block"));
  }
  const CopyRef copy = find_ref(block);
  if (!copy) return done({});  // nothing is stored here
  if (const auto open = opened(copy); !open) return done(pass(open));
  const Done finish = [this, copy, done = std::move(done)](Status status) {
    done(std::move(status));
    next_in_order(copy);
  };
  in_order(copy, [this, copy, epoch, offset, length, finish] { punch_now(copy, epoch, offset, length, finish); });
}

void CopyStore::punch_now(const CopyRef& copy, Epoch epoch, uint64_t offset, uint64_t length, const Done& done) {
  if (copy->gone || !copy->on_disk) return done({});
  if (copy->epoch != epoch) return done(fail(Code::stale, to_string(copy->block) + " is at another epoch"));
  if (Status may = serves(*copy); !may) return done(may);
  const Resume resume = [this, copy, epoch, offset, length, done](const Status& status) {
    status ? punch_now(copy, epoch, offset, length, done) : done(status);
  };
  const auto first = static_cast<uint32_t>(offset / page_bytes);
  const auto pages = static_cast<uint32_t>(length / page_bytes);
  if (!marked(copy, regions_of(offset, length), resume)) return;
  if (!table_ready(copy, first, pages, resume)) return;
  OpenCopy& open = *copy->open;
  int64_t data = 0;
  int64_t missing = 0;
  std::vector<std::pair<uint32_t, PageEntry>> before;
  for (uint32_t page = first; page < first + pages; ++page) {
    const PageEntry entry = open.table.at(page);
    if (entry.tag == 0) continue;  // never written: nothing that another copy could have
    data -= entry.data() ? 1 : 0;
    missing -= entry.missing() ? 1 : 0;
    before.emplace_back(page, entry);
    open.table.set(page, PageEntry::make_zero(copy->epoch));
  }
  touched(*copy, regions_of(offset, length));
  // The table first: what is cut here reads as zero already. Only what has changed: all of that is in the file already, so that
  // it fits on a full disk.
  Status status;
  for (auto from = before.begin(); from != before.end() && status;) {
    const auto in_chunk = [chunk = PageTable::chunk_of(from->first)](const auto& each) {
      return PageTable::chunk_of(each.first) != chunk;
    };
    const auto end = std::find_if(from, before.end(), in_chunk);
    status = open.table.store(*open.file, from->first, std::prev(end)->first - from->first + 1);
    from = end;
  }
  if (!status) {
    for (const auto& [page, entry] : before) {
      open.table.set(page, entry);
      (void)open.table.store(*open.file, page, 1);
    }
    return done(status);
  }
  count(*copy, data, missing);
  status = open.file->punch(offset, length);
  done(status);
}

}  // namespace lace::storage
