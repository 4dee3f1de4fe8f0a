#include "fs/client/mount.h"

#include "common/base/log.h"
#include "fs/client/displacing.h"

namespace lace::fs {

// ---------------------------------------------------------------- life

Result<std::unique_ptr<FileSystem>> FileSystem::mount(net::Network& network, const Clock& clock, MountOptions options) {
  if (options.controls.empty()) return fail(Code::invalid, "no control server is named: give --control URL");
  auto mounted = std::make_unique<Mount>(network, clock, std::move(options));
  const auto caller = network.make_caller();
  if (auto started = mounted->start(*caller); !started) return pass(started);
  return std::unique_ptr<FileSystem>(std::move(mounted));
}

Mount::Mount(net::Network& network, const Clock& clock, MountOptions options)
    : core_(network, clock, std::move(options)),
      data_(core_),
      local_(core_, data_),
      sharing_(core_, data_),
      locks_(core_),
      log_writer_(core_, data_),
      flusher_(core_, data_),
      housekeeper_(core_),
      keeper_(core_) {
  core_.pool_is_low = [this] { housekeeper_.refill(); };
  data_.on_changed = [this](const InodePtr& inode) { flusher_.changed(inode); };
  data_.on_ripe = [this](const InodePtr& inode) { flusher_.ripe(inode); };
  data_.on_pressure = [this] { flusher_.press(); };
  flusher_.on_flushed = [this](const InodePtr& inode) {
    bool closes = false;
    {
      const std::lock_guard lock(inode->mutex);
      closes = inode->handles == 0 && inode->hold != Hold::none;
    }
    if (closes) housekeeper_.close(inode);
  };
  keeper_.on_resumed = [this](net::Caller& caller) {
    sharing_.forgotten();
    locks_.ask_again(caller);
  };
  log_writer_.on_refused = [this](const LogEntry& entry, const Error& error) { on_refused(entry, error); };
  keeper_.on_renewed = [this](net::Caller& caller) { on_renewed(caller); };
  keeper_.on_lost = [this] { on_lost(); };
  keeper_.on_hold_writes = [this](net::Caller& caller, const wire::Event& event, uint64_t generation) {
    sharing_.hold(caller, event.number, generation);
  };
  keeper_.on_go_on = [this](InodeId inode) { sharing_.go_on(inode); };
  keeper_.on_reopened = [this](net::Caller& caller) {
    sharing_.forgotten();
    if (auto secured = secure_all(caller); !secured) log::warn("client.hold_failed", {{"what", secured.error().what}});
  };
  keeper_.on_sole_ended = [this](net::Caller& caller) { on_sole_ended(caller); };
  keeper_.on_recalled = [this](net::Caller& caller, InodeId directory, uint64_t up_to, bool shared) {
    on_recalled(caller, directory, up_to, shared);
  };
  keeper_.take_leases();
  keeper_.on_lock_granted = [this](uint64_t number) { locks_.granted(number); };
}

Status Mount::start(net::Caller& caller) {
  if (auto opened = keeper_.open(caller, std::min(core_.options.timeout, Millis{10'000})); !opened) return opened;
  started_ = true;
  on_renewed(caller);
  keeper_.start();
  housekeeper_.start();
  log_writer_.start();
  flusher_.start();
  log::info("client.mounted", {{"session", raw(core_.session.identity().session)}, {"sole", core_.session.sole()}});
  return {};
}

Mount::~Mount() {
  if (!started_) return;
  const auto caller = core_.network.make_caller();
  if (auto flushed = flusher_.flush_all(*caller, core_.clock.now() + core_.options.timeout); !flushed) {
    log::error("client.lost_at_unmount", {{"bytes", core_.dirty_bytes.load()},
                                          {"up_to_change", core_.log.last()},
                                          {"told_to", core_.progress.committed.load()},
                                          {"error", name_of(flushed.error().code)},
                                          {"what", flushed.error().what}});
  }
  flusher_.stop();
  sharing_.stop();
  housekeeper_.stop();
  if (core_.log.empty()) housekeeper_.finish(*caller);  // else control is away; it lets go when the session ends
  log_writer_.stop();
  keeper_.stop();
  keeper_.close(*caller);
}

Status Mount::writable() const {
  if (core_.session.read_only() || core_.options.read_only) return fail(Code::read_only);
  return {};
}

// ---------------------------------------------------------------- the kernel's caches

void Mount::set_kernel_cache(KernelCache cache) {
  const std::lock_guard lock(cache_mutex_);
  kernel_ = std::move(cache);
}

CacheTimes Mount::cache_times() const {
  const Millis time = std::min(GivenToKernel::longest, core_.session.certain_for());
  return {time, time};
}

CacheTimes Mount::cache_times(const Context::Known& known) const {
  if (core_.session.sole()) return cache_times();
  const Millis time = std::min(GivenToKernel::longest, core_.session.lease_left());
  // Entries can't be taken back while an operation on their directory waits for another mount: so they are given only where
  // no operation has to.
  const bool entry = core_.leases.is_exclusive(known.entry);
  const bool attributes = core_.leases.good(known.attributes);
  return {entry ? time : Millis{0}, attributes ? time : Millis{0}};
}

KernelCache Mount::drop(const GivenToKernel::Taken& given) {
  KernelCache kernel;
  {
    const std::lock_guard lock(cache_mutex_);
    kernel = kernel_;
  }
  for (const GivenToKernel::Thing& thing : given.things) {
    if (thing.parent != no_inode && kernel.drop_entry) kernel.drop_entry(thing.parent, thing.name);
    if (thing.inode != no_inode && kernel.drop_attributes) kernel.drop_attributes(thing.inode);
  }
  return kernel;
}

// Another mount wants in. What it must see is told to control, what the kernel was given is taken back; then control is told
// (by asking for the next events) and lets it in.
void Mount::on_sole_ended(net::Caller& caller) {
  { const auto nobody_decides = core_.entries.decide(); }
  if (!tell_for_others(caller)) return;
  for (const InodePtr& inode : core_.inodes.all()) {
    const std::lock_guard lock(inode->mutex);
    inode->others_may_change();
  }
  if (auto secured = secure_all(caller); !secured) log::warn("client.hold_failed", {{"what", secured.error().what}});
  static_cast<void>(flusher_.flush_all(caller));  // errors are remembered for those who wrote
  const GivenToKernel::Taken given = core_.given.take();
  const KernelCache kernel = drop(given);
  if (kernel.settle) kernel.settle(Millis::max());
  const auto left = given.until - core_.clock.now();
  if (left > left.zero()) static_cast<void>(caller.pause(std::chrono::duration_cast<Millis>(left) + Millis{1}));
  log::info("client.sole_ended", {{"dropped", given.things.size()}});
}

// ---------------------------------------------------------------- holds

// Tells control that the inode is open here.
Status Mount::secure(net::Caller& caller, const InodePtr& inode) {
  {
    const std::lock_guard lock(inode->mutex);
    if (inode->hold != Hold::deferred) return {};
    if (inode->handles == 0) {
      inode->hold = Hold::none;
      return {};
    }
  }
  if (auto told = core_.tell(caller, *inode); !told) return told;
  auto reply = core_.control.ask(caller, wire::OpenInode{{}, inode->id});
  if (!reply) {
    const std::lock_guard lock(inode->mutex);
    if (reply.error().code == Code::stale_handle) inode->error = reply.error();  // removed by another mount meanwhile
    return pass(reply);
  }
  bool closed = false;
  {
    const std::lock_guard lock(inode->mutex);
    inode->hold = Hold::held;
    closed = inode->handles == 0;
  }
  if (closed) housekeeper_.close(inode);
  return {};
}

Status Mount::secure_all(net::Caller& caller) {
  Status result;
  for (const InodePtr& inode : core_.inodes.all()) {
    if (auto secured = secure(caller, inode); !secured) result = secured;
  }
  return result;
}

Status Mount::secure(net::Caller& caller, const std::vector<InodeId>& inodes) {
  Status result;
  for (const InodeId id : inodes) {
    const InodePtr inode = core_.inodes.find(id);
    if (!inode) continue;
    if (auto secured = secure(caller, inode); !secured) result = secured;
  }
  return result;
}

Mount::Displacing::Displacing(Mount& mount, InodeId parent, std::string_view name) : mount_(mount), parent_(parent) {
  const uint64_t stamp = mount.core_.stamp_of(parent);
  if (const auto id = mount.core_.entries.find(parent, name, stamp)) {
    if (*id == no_inode) return;
    inode_ = mount.core_.inodes.find(*id);
    if (!inode_) return;  // not in the table: not open
    const std::lock_guard lock(inode_->mutex);
    ++inode_->removing;
  } else {
    unknown_ = true;
    ++mount_.unknown_removals_;
  }
}

Mount::Displacing::~Displacing() {
  if (unknown_) --mount_.unknown_removals_;
  if (!inode_) return;
  const std::lock_guard lock(inode_->mutex);
  --inode_->removing;
}

Status Mount::Displacing::prepare(net::Caller& caller) {
  if (inode_) return mount_.secure(caller, inode_);
  if (!unknown_) return {};
  if (mount_.core_.session.sole()) return mount_.secure_all(caller);
  const Leases::Recalled lease = mount_.core_.leases.recalled(parent_, UINT64_MAX);
  return mount_.secure(caller, lease.more ? mount_.known_under(lease.stamp) : lease.covered);
}

// ---------------------------------------------------------------- the operation log

// Rare: a full disk of control's between two operations, say. What is believed of the tree is wrong then.
void Mount::on_refused(const LogEntry& entry, const Error& error) {
  log::error("client.change_refused", {{"operation", entry.operation.index()},
                                       {"inode", entry.inodes.empty() ? 0 : raw(entry.inodes.front()->id)},
                                       {"error", name_of(error.code)},
                                       {"what", error.what}});
  for (const InodePtr& inode : entry.inodes) {
    const std::lock_guard lock(inode->mutex);
    core_.remember(*inode, error);
    inode->others_may_change();
    inode->set_stamp(0);
    inode->pages_change = 0;
  }
  core_.writes.failed(error);
  core_.session.distrust();
  core_.leases.distrust();
  static_cast<void>(drop(core_.given.take()));
}

// With little room left, close() waits until the servers have the bytes: it is the last to say that they do not.
void Mount::on_renewed(net::Caller& caller) {
  const auto room =
      core_.control.attempt(caller, net::request_of(wire::FileSystemUsage{core_.session.identity().session}), Millis{3'000});
  const auto usage = room ? wire::decode<wire::FileSystemUsageReply>(room->body) : fail(Code::unavailable);
  constexpr uint64_t until_the_next_look = uint64_t{2} << 30;
  roomy_ = usage && usage->available_bytes > 4 * core_.options.dirty_bytes + until_the_next_look;
}

// ---------------------------------------------------------------- a lost session

// What was not stored is lost, and those who wrote it are told. Files that are open are held again in the next session.
void Mount::on_lost() {
  core_.session.end_sole();
  core_.leases.end_all();
  { const auto nobody_decides = core_.entries.decide(); }
  std::vector<InodePtr> pending;
  const std::vector<InodePtr> all = core_.inodes.all();
  for (const InodePtr& inode : all) {
    const std::lock_guard lock(inode->mutex);
    ++inode->cuts;  // what is on its way to the servers is void
    if (!inode->pending()) continue;
    core_.remember(*inode, {Code::io, "the session was lost before control was told of the change"});
    pending.push_back(inode);
  }
  if (!pending.empty()) core_.writes.failed(pending.front()->error);
  core_.log.abandon();
  for (const InodePtr& inode : all) {
    const std::lock_guard lock(inode->mutex);
    inode->others_may_change();
  }
  for (const InodePtr& inode : pending) {
    const std::lock_guard lock(inode->mutex);
    inode->known = false;
    inode->extents.clear();
  }
  if (!pending.empty()) {
    log::error("client.changes_lost", {{"inodes", pending.size()}});
    static_cast<void>(drop(core_.given.take()));
  }
  for (const InodePtr& inode : all) {
    const std::lock_guard lock(inode->mutex);
    if (inode->has_changes()) {
      log::error("client.data_lost", {{"inode", raw(inode->id)}, {"bytes", inode->dirty.bytes()}});
      data_.drop_dirty(*inode);
      inode->deferred.clear();
      core_.remember(*inode, {Code::io, "the session was lost before the data was stored"});
    }
    inode->own_blocks.clear();
    inode->extents_change = 0;
    inode->extents_stamp = 0;
    inode->extents_until = 0;
    inode->pages_change = 0;
    inode->hold = inode->handles > 0 ? Hold::deferred : Hold::none;
  }
}

}  // namespace lace::fs
