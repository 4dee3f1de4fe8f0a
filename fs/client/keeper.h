// Keeps the session: renews it, resumes it after a restart of control, opens another when it was lost; and listens for events.
#pragma once

#include <functional>

#include "fs/client/core.h"
#include "fs/client/worker.h"

namespace lace::fs {

class Keeper {
 public:
  static constexpr Millis renew_every{3'000};
  static constexpr Millis listen_for{10'000};
  static constexpr Millis opening_within{40'000};  // control may have to wait for other sessions' leases

  explicit Keeper(Core& core) : core_(core) {}
  ~Keeper() { stop(); }

  // All are called on the keeper's threads, without locks.
  std::function<void(net::Caller&)> on_resumed = [](net::Caller&) {
  };  // control was restarted: what it forgot can be asked again
  std::function<void(net::Caller&)> on_renewed = [](net::Caller&) {};   // every few seconds
  std::function<void()> on_lost = [] {};                                // before a new session is opened
  std::function<void(net::Caller&)> on_reopened = [](net::Caller&) {};  // it was: nothing is held in it yet
  std::function<void(net::Caller&)> on_sole_ended = [](net::Caller&) {};
  // Leases on the directory up to this number are wanted back: the right to change (shared), or all.
  std::function<void(net::Caller&, InodeId directory, uint64_t up_to, bool shared)> on_recalled = [](net::Caller&, InodeId,
                                                                                                     uint64_t, bool) {};
  // Pages are about to be shared: returns when nothing is being placed. Then, extents of this inode are void (no_inode: all).
  std::function<void(net::Caller&, const wire::Event&, uint64_t generation)> on_hold_writes =
      [](net::Caller&, const wire::Event&, uint64_t) {};
  std::function<void(InodeId)> on_go_on = [](InodeId) {};
  std::function<void(uint64_t waiter)> on_lock_granted = [](uint64_t) {};

  // Errors: unavailable (says which addresses were tried), denied, no_entry (the subtree).
  Status open(net::Caller& caller, Millis within);
  void take_leases() { takes_leases_ = true; }  // before open()
  void start();
  void stop();
  void close(net::Caller& caller);

 private:
  Status open_once(net::Caller& caller);
  void keep(net::Caller& caller);
  void listen(net::Caller& caller);
  void look_after(net::Caller& caller);
  void resume(net::Caller& caller);
  void reopen(net::Caller& caller);
  void handle(net::Caller& caller, const wire::Event& event, uint64_t generation);

  Core& core_;
  bool takes_leases_ = false;
  std::unique_ptr<Worker> keeping_;
  std::unique_ptr<Worker> listening_;
};

}  // namespace lace::fs
