#include "fs/client/local_copies.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "common/base/log.h"
#include "common/copyfile/checksum.h"
#include "common/copyfile/format.h"
#include "common/wire/storage_messages.h"
#include "fs/client/storage_channel.h"

namespace lace::fs {

namespace {

bool read_all(int file, uint64_t offset, char* into, size_t length) {
  while (length > 0) {
    const ssize_t got = pread(file, into, length, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    offset += static_cast<uint64_t>(got);
    into += got;
    length -= static_cast<size_t>(got);
  }
  return true;
}

constexpr uint64_t stream_bytes = uint64_t{256}
                                  << 10;   // at once: so much is read past the page cache, which keeps it for nobody
constexpr size_t direct_alignment = 4096;  // of offset, length and memory

// Memory that the disk may write to. It stays with its thread.
char* direct_buffer() {
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  static thread_local std::unique_ptr<char, Free> buffer(
      static_cast<char*>(std::aligned_alloc(direct_alignment, max_io_bytes)));
  return buffer.get();
}

bool is_file(int descriptor, uint64_t device, uint64_t file) {
  struct stat found {};
  return fstat(descriptor, &found) == 0 && S_ISREG(found.st_mode) && found.st_dev == device && found.st_ino == file;
}

bool matches(const char* page, const copyfile::PageEntry& entry) { return copyfile::crc32c({page, page_bytes}) == entry.crc; }

}  // namespace

class LocalCopies::File {
 public:
  // `direct`: the same file, opened with O_DIRECT; or -1.
  File(int descriptor, int direct) : descriptor_(descriptor), direct_(direct) {}
  File(const File&) = delete;
  ~File() {
    close(descriptor_);
    if (direct_ >= 0) close(direct_);
  }

  // The bytes, each page verified. False: not plainly good, perhaps only now.
  bool read(const BlockRead& wanted) const {
    const auto first = static_cast<uint32_t>(wanted.offset / page_bytes);
    const auto last = static_cast<uint32_t>((wanted.offset + wanted.length - 1) / page_bytes);
    static thread_local std::vector<copyfile::PageEntry> entries;
    entries.resize(last - first + 1);
    const uint64_t table = copyfile::table_offset + first * sizeof(copyfile::PageEntry);
    if (!read_all(descriptor_, table, reinterpret_cast<char*>(entries.data()), entries.size() * sizeof entries[0]))
      return false;
    for (uint32_t i = 0; i < entries.size();) {
      const copyfile::PageEntry& entry = entries[i];
      if (entry.missing()) return false;
      uint32_t count = 1;
      while (entry.data() && is_whole(wanted, first + i) && i + count < entries.size() && entries[i + count].data() &&
             is_whole(wanted, first + i + count)) {
        ++count;
      }
      if (!read_pages(wanted, first + i, count, &entries[i])) return false;
      i += count;
    }
    return true;
  }

  // Whether this is a whole copy of the block at that epoch.
  bool counts(BlockId block, Epoch epoch, const std::string& cluster) const {
    std::array<char, copyfile::identity_bytes> page;
    if (!read_all(descriptor_, copyfile::identity_offset, page.data(), page.size())) return false;
    const auto identity = copyfile::decode_identity({page.data(), page.size()});
    return identity && identity->block == block && identity->epoch == epoch && identity->cluster == cluster &&
           identity->state == copyfile::StoredState::whole;
  }

 private:
  static bool is_whole(const BlockRead& wanted, uint32_t page) {
    return page * page_bytes >= wanted.offset && (page + 1) * page_bytes <= wanted.offset + wanted.length;
  }

  // Pages of one kind: zero, or with data; more than one only if all of them are wanted whole.
  bool read_pages(const BlockRead& wanted, uint32_t page, uint32_t count, const copyfile::PageEntry* entries) const {
    const uint64_t begin = std::max(page * page_bytes, wanted.offset);
    const uint64_t end = std::min((uint64_t{page} + count) * page_bytes, wanted.offset + wanted.length);
    char* const into = wanted.into + (begin - wanted.offset);
    if (!entries->data()) {
      std::memset(into, 0, end - begin);
      return true;
    }
    if (is_whole(wanted, page)) {
      if (!read_data(begin, into, end - begin)) return false;
      for (uint32_t i = 0; i < count; ++i) {
        if (!matches(into + i * page_bytes, entries[i])) return false;
      }
      return true;
    }
    std::array<char, page_bytes> whole;
    if (!read_all(descriptor_, page * page_bytes, whole.data(), whole.size()) || !matches(whole.data(), *entries)) return false;
    std::memcpy(into, whole.data() + (begin - page * page_bytes), end - begin);
    return true;
  }

  bool read_data(uint64_t offset, char* into, uint64_t length) const {
    char* const buffer = direct_ >= 0 && length >= stream_bytes && length <= max_io_bytes ? direct_buffer() : nullptr;
    if (!buffer) return read_all(descriptor_, offset, into, length);
    const bool aligned = reinterpret_cast<uintptr_t>(into) % direct_alignment == 0;
    if (!read_all(direct_, offset, aligned ? into : buffer, length)) return read_all(descriptor_, offset, into, length);
    if (!aligned) std::memcpy(into, buffer, length);
    return true;
  }

  const int descriptor_, direct_;
};

// One read, as long as it lives; false: it must not begin.
class LocalCopies::UnderWay {
 public:
  explicit UnderWay(LocalCopies& copies) : copies_(copies) {
    const Instant now = copies_.blocks_.control().clock().now();
    const std::lock_guard lock(copies_.mutex_);
    auto& all = copies_.under_way_;
    if (all.size() >= most_at_once || (!all.empty() && now - all.front() >= slow)) return;
    place_ = all.insert(all.end(), now);
    may_ = true;
  }
  UnderWay(const UnderWay&) = delete;
  ~UnderWay() {
    if (!may_) return;
    const std::lock_guard lock(copies_.mutex_);
    copies_.under_way_.erase(place_);
  }
  explicit operator bool() const { return may_; }

 private:
  LocalCopies& copies_;
  std::list<Instant>::iterator place_;
  bool may_ = false;
};

bool LocalCopies::read(net::Caller& caller, const BlockRead& read) {
  if (!enabled_) return false;
  const BlockMap::Info info = blocks_.known(read.block);
  if (!info) return false;
  const UnderWay under_way(*this);
  if (!under_way) return false;
  const auto chosen = choose(caller, *info);
  if (!chosen || !chosen->file->read(read)) return false;
  if (!chosen->file->counts(read.block, info->epoch, chosen->cluster)) {
    forget(read.block);
    return false;
  }
  return still_good(*chosen);
}

// Blocks begin at different members, as in StorageChannel::read.
std::optional<LocalCopies::Chosen> LocalCopies::choose(net::Caller& caller, const wire::BlockInfo& info) {
  const size_t count = info.in_sync.size();
  for (size_t step = 0; step < count; ++step) {
    const ServerId member = info.in_sync[(raw(info.block) + step) % count];
    if (auto known = find(info, member)) return known;
  }
  for (size_t step = 0; step < count; ++step) {
    const ServerId member = info.in_sync[(raw(info.block) + step) % count];
    const Servers::Info server = blocks_.known_server(member);
    if (!server || server->state == wire::ServerState::down || !server->endpoint.url.starts_with("ipc://")) continue;
    if (!may_ask(member)) continue;
    if (auto opened = ask(caller, info, *server)) return opened;
  }
  return std::nullopt;
}

std::optional<LocalCopies::Chosen> LocalCopies::find(const wire::BlockInfo& info, ServerId server) {
  const Instant now = blocks_.control().clock().now();
  const std::lock_guard lock(mutex_);
  const auto known = files_.find(info.block);
  if (known == files_.end() || known->second.server != server) return std::nullopt;
  const Host& host = hosts_[server];
  if (host.incarnation != known->second.incarnation || now >= host.lease_until) return std::nullopt;
  used_.splice(used_.begin(), used_, known->second.used);
  return Chosen{known->second.file, server, host.incarnation, host.cluster};
}

bool LocalCopies::may_ask(ServerId server) {
  const std::lock_guard lock(mutex_);
  return blocks_.control().clock().now() >= hosts_[server].not_before;
}

void LocalCopies::leave(ServerId server, Millis time) {
  const std::lock_guard lock(mutex_);
  hosts_[server].not_before = blocks_.control().clock().now() + time;
}

std::optional<LocalCopies::Chosen> LocalCopies::ask(net::Caller& caller, const wire::BlockInfo& info,
                                                    const wire::ServerInfo& server) {
  const auto token = blocks_.control().session().token();
  if (!token || token->empty()) return std::nullopt;
  const Instant sent = blocks_.control().clock().now();
  const auto ticket = caller.start(
      server.endpoint, net::request_of(wire::OpenCopy{*token, info.block, info.epoch, server.server}), answer_within);
  const auto answer = net::decode_answer<wire::OpenCopy>(caller.finish(ticket));
  if (!answer) {
    switch (answer.error().code) {
      case Code::stale:
      case Code::no_entry:
      case Code::interrupted: break;
      case Code::unavailable:  // the copy, or the server
        if (is_away(answer.error(), server)) leave(server.server, ask_again);
        break;
      case Code::denied:
      case Code::malformed: leave(server.server, refused_for); break;
      default: leave(server.server, ask_again);
    }
    return std::nullopt;
  }
  const wire::OpenCopyReply* const reply = &answer->reply;
  const int descriptor = open(reply->path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) {
    const bool unlinked = errno == ENOENT;
    if (!unlinked) log::info("client.reads_by_asking", {{"server", server.name}, {"file", reply->path}, {"errno", errno}});
    leave(server.server, unlinked ? ask_again : refused_for);
    return std::nullopt;
  }
  const std::string self = "/proc/self/fd/" + std::to_string(descriptor);
  const int direct = open(self.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECT);
  auto file = std::make_shared<const File>(descriptor, direct);
  if (!is_file(descriptor, reply->device, reply->file)) {  // this process sees another directory there
    leave(server.server, refused_for);
    return std::nullopt;
  }
  const std::lock_guard lock(mutex_);
  Host& host = hosts_[server.server];
  host.incarnation = reply->incarnation;
  host.cluster = reply->cluster;
  host.lease_until = sent + Millis(reply->lease_ms);
  const auto [at, added] = files_.try_emplace(info.block);
  if (added) at->second.used = used_.insert(used_.begin(), info.block);
  at->second.file = file;
  at->second.server = server.server;
  at->second.incarnation = reply->incarnation;
  if (files_.size() > most_open) {
    files_.erase(used_.back());
    used_.pop_back();
  }
  return Chosen{std::move(file), server.server, reply->incarnation, reply->cluster};
}

void LocalCopies::forget(BlockId block) {
  const std::lock_guard lock(mutex_);
  const auto known = files_.find(block);
  if (known == files_.end()) return;
  used_.erase(known->second.used);
  files_.erase(known);
}

bool LocalCopies::still_good(const Chosen& chosen) {
  if (!blocks_.control().session().lease_holds()) return false;
  const Instant now = blocks_.control().clock().now();
  const std::lock_guard lock(mutex_);
  const Host& host = hosts_[chosen.server];
  return host.incarnation == chosen.incarnation && now < host.lease_until;
}

}  // namespace lace::fs
