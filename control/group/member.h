// One control server as a member of a group: a slave that follows, or the master, with the whole server (control/control.h)
// built over the namespace when it becomes one. What a master knows besides the namespace is never taken back: who is master no
// longer ends, and starts anew as a slave.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/control.h"
#include "control/group/answer_gate.h"
#include "control/group/following.h"
#include "control/group/mastership.h"
#include "control/group/shipping.h"
#include "control/group/snapshots.h"

namespace lace::control {

struct MemberOptions {
  wire::GroupMember self;  // its endpoints are where it listens
  std::string directory;
  bool new_group = false;  // may make the record, though this namespace has been of a group
  // Whether a peer may speak as a control server, or for the operator.
  std::function<bool(const net::Peer&)> trusts;
  GroupTiming timing;
};

// What a member needs of its process.
struct MemberProcess {
  // Opens the namespace in the directory, or makes it.
  std::function<Result<std::unique_ptr<Namespace>>()> open;
  // Whether there is one.
  std::function<bool()> exists;
  // Removes one that was made in vain.
  std::function<void()> remove;
  // The cluster is known now.
  std::function<Status(const std::string& cluster)> joined;
  // Builds the server of a master.
  std::function<Result<std::unique_ptr<Control>>(std::unique_ptr<Namespace>, GroupHooks)> lead;
  // The member is at its end: nothing of it may be used any more once the loop has stopped. To be started anew.
  std::function<void(const std::string& why)> start_again;
  // It can't be of the group: what to do about it is in the error.
  std::function<void(const Error&)> refused;
};

// Loop thread only. What it is handed outlives it.
class Member {
 public:
  Member(net::Loop& loop, Register& record, MemberOptions options, MemberProcess process);
  ~Member();

  // Errors: those of the disk, and of Loop::listen.
  Status start();
  // A graceful end: a master hands over first, if somebody can take it. `stopped` is called then.
  void stop(std::function<void()> stopped);

  bool leads() const { return control_ != nullptr; }
  const Mastership& mastership() const { return mastership_; }
  Control* control() { return control_.get(); }
  Namespace* names() { return leads() ? names_ : following_.names(); }

 private:
  void receive(net::Incoming incoming, net::Responder responder);
  void take(const wire::GroupBeacon& message, net::Responder responder);
  void take(const wire::ShipChanges& message, std::string_view bytes, net::Responder responder);
  void take(const wire::TakeOver& message, net::Responder responder);
  void take(const wire::JoinGroup& message, net::Responder responder);
  void take(const wire::FetchSnapshot& message, net::Responder responder);
  void take(const wire::PromoteControl& message, net::Responder responder);
  void take(const wire::RemoveControl& message, net::Responder responder);
  template <class Message>
  void decode_and_take(const net::Incoming& incoming, net::Responder responder);
  void refuse_as_slave(net::Responder& responder) const;

  void choose();
  void begin();
  void step(const Mastership::Event& event);
  void run(const Mastership::ReadRecord&);
  void run(const Mastership::SwapRecord& effect);
  void run(const Mastership::Lead& effect);
  void run(const Mastership::Over& effect);
  void run(const Mastership::Refuse& effect);
  Status lead(uint64_t term);
  void end(const std::string& why);

  void tick();
  void beat();
  void join();
  void look();
  void keep(std::function<void()> kept);
  GroupHooks hooks();
  std::vector<wire::ControlInfo> infos() const;
  std::vector<wire::Endpoint> endpoints() const;
  const wire::GroupMember* member(const std::string& name) const;

  net::Loop& loop_;
  Register& register_;
  const MemberOptions options_;
  const MemberProcess process_;
  Mastership mastership_;
  Following following_;
  bool made_now_ = false;  // the namespace, in this start: nobody knows it yet

  // Of a master.
  Namespace* names_ = nullptr;  // control_ owns it
  std::unique_ptr<Shipping> shipping_;
  std::unique_ptr<Snapshots> snapshots_;
  std::unique_ptr<AnswerGate> gate_;
  std::unique_ptr<Control> control_;
  uint64_t keeping_number_ = 0;
  std::function<void()> kept_;

  Instant beat_at_;
  Instant join_at_;
  bool begun_ = false;
  bool known_as_in_sync_ = false;  // a slave: the master said so
  bool ended_ = false;
  std::function<void()> stopped_;
};

}  // namespace lace::control
