#include "common/disk/forgetful_disk.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "common/base/check.h"
#include "common/base/ids.h"

namespace lace::disk {
namespace {

constexpr uint64_t sector_bytes = 512;  // what a disk writes whole or not at all
using Page = std::array<char, page_bytes>;
using PageRef = std::shared_ptr<Page>;
using Pages = std::map<uint64_t, PageRef>;

struct Content {
  Pages pages;  // absent: a hole
  uint64_t size = 0;
};

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == path.npos ? std::string() : path.substr(0, slash);
}

}  // namespace

class ForgetfulDisk::Node {
 public:
  Content now;
  Content durable;
  std::set<uint64_t> touched;  // pages changed since the last sync
};

class ForgetfulDisk::OpenFile final : public File {
 public:
  OpenFile(ForgetfulDisk& disk, std::shared_ptr<Node> node) : disk_(disk), node_(std::move(node)) {}

  Result<size_t> read(uint64_t offset, char* into, size_t length) override {
    const std::lock_guard lock(disk_.mutex_);
    const Content& content = node_->now;
    if (offset >= content.size) return size_t{0};
    length = std::min<uint64_t>(length, content.size - offset);
    for (size_t done = 0; done < length;) {
      const uint64_t at = offset + done;
      const size_t step = std::min<uint64_t>(length - done, page_bytes - at % page_bytes);
      const auto page = content.pages.find(at / page_bytes);
      if (page == content.pages.end()) {
        std::memset(into + done, 0, step);
      } else {
        std::memcpy(into + done, page->second->data() + at % page_bytes, step);
      }
      done += step;
    }
    return length;
  }

  Result<size_t> read_cached(uint64_t offset, char* into, size_t length) override {
    {
      const std::lock_guard lock(disk_.mutex_);
      if (disk_.cold_ != 0 && disk_.random_() % disk_.cold_ == 0) return fail(Code::try_again);
    }
    return read(offset, into, length);
  }

  Status write(uint64_t offset, std::string_view bytes) override {
    const std::lock_guard lock(disk_.mutex_);
    if (Status may = disk_.may_change(); !may) return may;
    while (!bytes.empty()) {
      const uint64_t number = offset / page_bytes;
      const size_t step = std::min<uint64_t>(bytes.size(), page_bytes - offset % page_bytes);
      const auto page = page_to_change(number);
      if (!page) return pass(page);
      std::memcpy((*page)->data() + offset % page_bytes, bytes.data(), step);
      bytes.remove_prefix(step);
      offset += step;
      node_->now.size = std::max(node_->now.size, offset);
    }
    return {};
  }

  Status truncate(uint64_t size) override {
    const std::lock_guard lock(disk_.mutex_);
    if (Status may = disk_.may_change(); !may) return may;
    if (size < node_->now.size) clear(size, node_->now.size);
    node_->now.size = size;
    return {};
  }

  Status punch(uint64_t offset, uint64_t length) override {
    const std::lock_guard lock(disk_.mutex_);
    if (Status may = disk_.may_change(); !may) return may;
    clear(offset, std::min(offset + length, std::max(node_->now.size, offset)));
    return {};
  }

  Status sync_data() override {
    const std::lock_guard lock(disk_.mutex_);
    if (Status may = disk_.may_change(); !may) return may;
    ++disk_.syncs_;
    for (const uint64_t page : node_->touched) {
      const auto found = node_->now.pages.find(page);
      if (found == node_->now.pages.end()) {
        node_->durable.pages.erase(page);
      } else {
        node_->durable.pages[page] = std::make_shared<Page>(*found->second);
      }
    }
    node_->touched.clear();
    node_->durable.size = node_->now.size;
    return {};
  }

  Result<uint64_t> size() override {
    const std::lock_guard lock(disk_.mutex_);
    return node_->now.size;
  }

  Result<uint64_t> stored_bytes() override {
    const std::lock_guard lock(disk_.mutex_);
    return node_->now.pages.size() * page_bytes;
  }

 private:
  Result<PageRef> page_to_change(uint64_t number) {
    PageRef& page = node_->now.pages[number];
    if (!page) {
      if (Status space = disk_.may_store(1); !space) {
        node_->now.pages.erase(number);
        return pass(space);
      }
      page = std::make_shared<Page>();
      page->fill(0);
    }
    node_->touched.insert(number);
    return page;
  }

  void clear(uint64_t begin, uint64_t end) {
    auto page = node_->now.pages.lower_bound(begin / page_bytes);
    while (page != node_->now.pages.end() && page->first * page_bytes < end) {
      const uint64_t start = page->first * page_bytes;
      const uint64_t from = std::max(begin, start) - start;
      const uint64_t to = std::min(end, start + page_bytes) - start;
      node_->touched.insert(page->first);
      if (from == 0 && to == page_bytes) {
        page = node_->now.pages.erase(page);
        --disk_.stored_pages_;
      } else {
        std::memset(page->second->data() + from, 0, to - from);
        ++page;
      }
    }
  }

  ForgetfulDisk& disk_;
  const std::shared_ptr<Node> node_;
};

ForgetfulDisk::ForgetfulDisk(uint64_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}
ForgetfulDisk::~ForgetfulDisk() = default;

void ForgetfulDisk::apply(Names& names, const NameChange& change) {
  if (!change.from.empty()) names.erase(change.from);
  if (!change.to.empty()) names[change.to] = change.node;
}

// A page that was changed since the last sync is the old one, the new one, or sector by sector either.
static PageRef survivor(const PageRef& before, const PageRef& after, std::mt19937_64& random) {
  const uint64_t chance = random() % 3;
  if (chance == 0) return before;
  if (chance == 1) return after;
  auto torn = std::make_shared<Page>();
  torn->fill(0);
  for (uint64_t at = 0; at < page_bytes; at += sector_bytes) {
    const PageRef& from = random() % 2 == 0 ? before : after;
    if (from) std::memcpy(torn->data() + at, from->data() + at, sector_bytes);
  }
  return torn;
}

void ForgetfulDisk::crash(uint64_t seed) {
  const std::lock_guard lock(mutex_);
  std::mt19937_64 random(seed);
  // Names: a journal keeps their order, so that some first part of the changes is there.
  const size_t kept = random() % (unsynced_names_.size() + 1);
  for (size_t i = 0; i < kept; ++i) apply(durable_names_, unsynced_names_[i]);
  unsynced_names_.clear();
  stored_pages_ = 0;
  std::map<Node*, std::shared_ptr<Node>> reborn;
  for (auto& [path, node] : durable_names_) {
    if (!node) continue;
    auto& fresh = reborn[node.get()];
    if (!fresh) {
      fresh = std::make_shared<Node>();
      Content& content = fresh->durable;
      content.size = random() % 2 == 0 ? node->durable.size : node->now.size;
      content.pages = node->durable.pages;
      for (const uint64_t page : node->touched) {
        const auto before = node->durable.pages.find(page);
        const auto after = node->now.pages.find(page);
        PageRef page_now = survivor(before == node->durable.pages.end() ? nullptr : before->second,
                                    after == node->now.pages.end() ? nullptr : after->second, random);
        if (page_now && page * page_bytes < content.size) {
          content.pages[page] = page_now;
        } else {
          content.pages.erase(page);
        }
      }
      std::erase_if(content.pages, [&](const auto& page) { return page.first * page_bytes >= content.size; });
      for (auto& [number, page] : content.pages) {
        page = std::make_shared<Page>(*page);
        fresh->now.pages[number] = std::make_shared<Page>(*page);
      }
      fresh->now.size = content.size;
      stored_pages_ += static_cast<int64_t>(content.pages.size());
    }
    node = fresh;
  }
  names_ = durable_names_;
  ++boots_;
}

void ForgetfulDisk::set_capacity(uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  capacity_bytes_ = bytes;
}

void ForgetfulDisk::fail_changes(Code code, uint64_t skip, uint64_t count) {
  const std::lock_guard lock(mutex_);
  fail_code_ = code;
  fail_skip_ = skip;
  fail_count_ = count;
}

void ForgetfulDisk::set_cold(uint32_t n) {
  const std::lock_guard lock(mutex_);
  cold_ = n;
}

void ForgetfulDisk::flip_bit(const std::string& path, uint64_t byte, int bit) {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  CHECK(found != names_.end() && found->second);
  for (Content* content : {&found->second->now, &found->second->durable}) {
    const auto page = content->pages.find(byte / page_bytes);
    if (page != content->pages.end()) (*page->second)[byte % page_bytes] ^= static_cast<char>(1 << bit);
  }
}

uint64_t ForgetfulDisk::stored_bytes() const {
  const std::lock_guard lock(mutex_);
  return static_cast<uint64_t>(stored_pages_) * page_bytes;
}

uint64_t ForgetfulDisk::syncs() const {
  const std::lock_guard lock(mutex_);
  return syncs_;
}

Status ForgetfulDisk::may_change() {
  if (fail_count_ == 0) return {};
  if (fail_skip_ > 0) {
    --fail_skip_;
    return {};
  }
  --fail_count_;
  return fail(fail_code_, "injected");
}

Status ForgetfulDisk::may_store(int64_t pages) {
  if (static_cast<uint64_t>(stored_pages_ + pages) * page_bytes > capacity_bytes_) return fail(Code::no_space, "disk full");
  stored_pages_ += pages;
  return {};
}

Result<std::unique_ptr<File>> ForgetfulDisk::open(const std::string& path, bool create) {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  if (found != names_.end()) {
    if (!found->second) return fail(Code::io, path + " is a directory");
    return std::make_unique<OpenFile>(*this, found->second);
  }
  const std::string directory = directory_of(path);
  if (!create) return fail(Code::no_entry, path);
  if (!directory.empty() && !names_.contains(directory)) return fail(Code::no_entry, directory);
  NameChange change{"", path, std::make_shared<Node>()};
  apply(names_, change);
  unsynced_names_.push_back(change);
  return std::make_unique<OpenFile>(*this, change.node);
}

Status ForgetfulDisk::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(path);
  if (found == names_.end()) return fail(Code::no_entry, path);
  if (found->second) stored_pages_ -= static_cast<int64_t>(found->second->now.pages.size());
  NameChange change{path, "", nullptr};
  apply(names_, change);
  unsynced_names_.push_back(change);
  return {};
}

Status ForgetfulDisk::rename(const std::string& from, const std::string& to) {
  const std::lock_guard lock(mutex_);
  const auto found = names_.find(from);
  if (found == names_.end()) return fail(Code::no_entry, from);
  const auto replaced = names_.find(to);
  if (replaced != names_.end() && replaced->second) {
    stored_pages_ -= static_cast<int64_t>(replaced->second->now.pages.size());
  }
  NameChange change{from, to, found->second};
  apply(names_, change);
  unsynced_names_.push_back(change);
  return {};
}

Status ForgetfulDisk::make_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  for (size_t end = path.find('/');; end = path.find('/', end + 1)) {
    const std::string name = path.substr(0, end);
    if (!names_.contains(name)) {
      NameChange change{"", name, nullptr};
      apply(names_, change);
      unsynced_names_.push_back(change);
    }
    if (end == path.npos) return {};
  }
}

Result<std::vector<std::string>> ForgetfulDisk::list(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (!path.empty() && !names_.contains(path)) return fail(Code::no_entry, path);
  std::vector<std::string> names;
  for (const auto& [name, node] : names_) {
    if (directory_of(name) == path) names.push_back(path.empty() ? name : name.substr(path.size() + 1));
  }
  return names;
}

Status ForgetfulDisk::sync_directory(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (Status may = may_change(); !may) return may;
  std::vector<NameChange> rest;
  for (const NameChange& change : unsynced_names_) {
    const bool inside =
        (!change.from.empty() && directory_of(change.from) == path) || (!change.to.empty() && directory_of(change.to) == path);
    if (inside) {
      apply(durable_names_, change);
    } else {
      rest.push_back(change);
    }
  }
  unsynced_names_ = std::move(rest);
  return {};
}

Result<Usage> ForgetfulDisk::usage() {
  const std::lock_guard lock(mutex_);
  const uint64_t used = static_cast<uint64_t>(stored_pages_) * page_bytes;
  return Usage{capacity_bytes_, capacity_bytes_ > used ? capacity_bytes_ - used : 0};
}

Result<std::string> ForgetfulDisk::boot_id() {
  const std::lock_guard lock(mutex_);
  return "boot-" + std::to_string(boots_);
}

}  // namespace lace::disk
