// What this mount knows of its session with the control group. State only: session_keeper.h keeps it alive. Thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "common/base/clock.h"
#include "common/wire/control_messages.h"

namespace lace::fs {

class Session {
 public:
  explicit Session(const Clock& clock) : clock_(clock) {}

  struct Identity {
    SessionId session{};
    uint64_t generation = 0;  // grows when a session was lost and a new one opened
  };
  Identity identity() const;
  InodeId root() const { return root_.load(); }
  uint64_t term() const { return term_.load(); }
  uint32_t copies() const { return copies_.load(); }
  bool read_only() const { return read_only_.load(); }
  // The right to every block; empty: the session is confined, and rights come with the blocks.
  std::shared_ptr<const std::string> token() const;
  // How long rights last, from the moment control gave them.
  Millis token_lease() const { return Millis(token_lease_ms_.load()); }

  // What is learned of the namespace in the name of this number may be believed as long as it stays the same and is not 0.
  // 0: there are other sessions, or the lease is uncertain: ask control. Take it before asking.
  uint64_t stamp() const;
  bool sole() const { return stamp() != 0; }
  // Whether control surely has not given up this session yet: nobody else may have removed what was learned in its name.
  bool lease_holds() const;
  // How long the present stamp holds at least.
  Millis certain_for() const;
  // How long the session's lease holds at least, whoever else is there.
  Millis lease_left() const;

  // `sent`: when the request left; the lease counts from then.
  void opened(const wire::OpenSessionReply& reply, Instant sent);
  void resumed(const wire::OpenSessionReply& reply, Instant sent);
  void renewed(const wire::RenewSessionReply& reply, Instant sent);
  // An event said so.
  void set_sole(bool sole, uint64_t event);
  void end_sole();
  // What was learned may be wrong.
  void distrust();

  // Somebody saw another term, or was told that the session is fenced: the keeper looks after it.
  void observe_term(uint64_t term);
  void suspect(uint64_t generation);
  void request_attention();
  // Waits for that, or for stop(); true: attention is wanted (and taken).
  bool wait_for_attention(Millis longest);
  void stop();
  bool stopping() const { return stopping_.load(); }

 private:
  void set_sole(bool sole);  // mutex_ held
  void take_lease(uint32_t lease_ms, Instant sent);
  void set_token(const std::string& token, uint64_t lease_ms);

  const Clock& clock_;
  std::atomic<InodeId> root_{root_inode};
  std::atomic<uint64_t> term_{0};
  std::atomic<uint32_t> copies_{2};
  std::atomic<bool> read_only_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> token_lease_ms_{0};
  std::atomic<uint64_t> stamp_{0};         // 0: not sole
  std::atomic<int64_t> certain_until_{0};  // Instant, ns

  mutable std::mutex mutex_;
  std::condition_variable attention_changed_;
  Identity identity_;
  std::shared_ptr<const std::string> token_;
  uint32_t lease_ms_ = 0;
  uint64_t last_stamp_ = 0;
  uint64_t sole_heard_ = 0;  // the latest event about it
  bool sole_ = false;
  bool attention_ = false;
};

}  // namespace lace::fs
