// Who is master: the decisions of one member of a control group (PacificA, Lin et al. 2008). No I/O, no clock: step() is handed
// what happened and when, and answers what is to be done.
//
//   record   who is master and who is in sync, in an external register; whoever changes it names the revision it has seen
//   beacon   the master's word to every slave that it lives. A slave that answers promises not to take over before
//            `promise` is over; the master counts `lease`, which is shorter, from when it sent the beacon, and serves only
//            while it has one from every slave that is in sync. So it has stopped before any of them takes over
//   enter    a slave that holds everything is waited for by the master from then on, and only then written into the record
//   leave    a slave that does not answer is waited for until the record says that it is not in sync
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "control/group/register.h"

namespace lace::control {

struct GroupTiming {
  Millis beacon{100};
  Millis lease{1'000};
  Millis promise{1'300};          // longer than the lease by more than two clocks drift apart in that time
  Millis patience{1'000};         // of the master with a slave that does not answer, before it asks for the record without it
  Millis retry{150};              // before the register is asked again
  Millis wait_for_master{1'000};  // a member that is not in sync reads the record again when it heard nothing for so long
};

class Mastership {
 public:
  enum class Role { starting, slave, master, over };

  // ---- what happened
  struct Tick {};
  struct RecordRead {
    Result<std::optional<Stored>> stored;
  };
  struct Swapped {
    Result<uint64_t> revision;
  };
  struct BeaconAnswered {
    std::string by;
    Instant sent;
  };
  struct NewerTermSeen {
    uint64_t term = 0;
  };
  struct CaughtUp {  // the slave holds all that the master does
    std::string slave;
  };
  struct Lags {  // a slave that is required does not get on
    std::string slave;
  };
  struct HandOver {  // the operator's wish; to a slave that is in sync
    std::string to;
  };
  struct Remove {  // the operator's wish: never the master
    std::string member;
  };
  using Event = std::variant<Tick, RecordRead, Swapped, BeaconAnswered, NewerTermSeen, CaughtUp, Lags, HandOver, Remove>;

  // ---- what is to be done
  struct ReadRecord {};
  struct SwapRecord {
    uint64_t revision = 0;
    wire::GroupRecord record;
  };
  struct Lead {  // this member is the master in this term
    uint64_t term = 0;
  };
  struct Over {  // start anew, as whatever the record says; `to` is to be told that it is the master
    std::string why;
    std::string to;
  };
  struct Refuse {  // this member can't be of the group
    Error error;
  };
  using Effect = std::variant<ReadRecord, SwapRecord, Lead, Over, Refuse>;

  struct Self {
    wire::GroupMember member;
    std::string cluster;  // of its namespace; empty: it has none
    uint64_t term = 0;    // of its namespace
    bool founds = false;  // may make the first record
  };

  Mastership(Self self, GroupTiming timing) : self_(std::move(self)), timing_(timing) {}
  // What the namespace says, once there is one; before the first step that needs it.
  void set_namespace(std::string cluster, uint64_t term, bool founds) {
    self_.cluster = std::move(cluster);
    self_.term = term;
    self_.founds = founds;
  }

  std::vector<Effect> step(Instant now, const Event& event);

  // A beacon came; answers whether it may be answered, with the promise that is.
  bool take_beacon(Instant now, const wire::GroupBeacon& beacon);
  // A member that is not known, or is elsewhere now, joined.
  void join(const wire::GroupMember& member);

  Role role() const { return role_; }
  uint64_t term() const { return term_; }
  const std::string& name() const { return self_.member.name; }
  const std::string& master() const { return master_; }  // empty: not known
  const wire::GroupRecord& record() const { return stored_.record; }
  // Of a master: all members, also those the record does not name yet.
  std::vector<wire::GroupMember> members() const;
  bool in_sync(const std::string& member) const;
  // Of a master: who must have a transaction before it is answered.
  std::set<std::string> required() const;
  // Of a master: whether it may say anything now.
  bool may_speak(Instant now) const;
  // Of a master: whether the member has answered a beacon that was sent later than `since`.
  bool answers(const std::string& member, Instant since) const;

 private:
  // What the register is being asked for.
  enum class Purpose { nothing, look, found, lead, change, hand_over };
  enum class Step { idle, swapping, reading, pausing };  // pausing: before the same question is asked again
  struct Peer {
    Instant lease_end;
    Instant leaves_at;
    bool entering = false;  // required, though the record does not say so yet
    bool lags = false;      // is to leave, though it answers
  };
  using Effects = std::vector<Effect>;

  void on(Instant now, const Tick&, Effects& out);
  void on(Instant now, const RecordRead& event, Effects& out);
  void on(Instant now, const Swapped& event, Effects& out);
  void on(Instant now, const BeaconAnswered& event, Effects& out);
  void on(Instant now, const NewerTermSeen& event, Effects& out);
  void on(Instant now, const CaughtUp& event, Effects& out);
  void on(Instant now, const Lags& event, Effects& out);
  void on(Instant now, const HandOver& event, Effects& out);
  void on(Instant now, const Remove& event, Effects& out);

  void notice_stall(Instant now);
  void look(Effects& out);
  void swap(Purpose purpose, wire::GroupRecord record, Effects& out);
  void pause(Instant now, bool swap_again);
  void go_on(Effects& out);
  void found(Effects& out);
  void settle(Instant now, Purpose purpose, const std::optional<Stored>& stored, Effects& out);
  void take_record(Instant now, const std::optional<Stored>& stored, Effects& out);
  void take_over(Effects& out);
  void lead(Instant now, Effects& out);
  void end(std::string why, Effects& out, std::string to = {});
  void change_record(Instant now, Effects& out);
  void hand_over(Effects& out);
  wire::GroupRecord wanted_record(Instant now);

  Self self_;
  const GroupTiming timing_;
  Role role_ = Role::starting;
  Instant stepped_;     // when something last happened; a tick does, many times a second
  uint64_t term_ = 0;   // the newest that is known
  std::string master_;  // of it
  Stored stored_;       // the record as it was seen last
  Purpose purpose_ = Purpose::nothing;
  Step step_ = Step::idle;
  bool swap_again_ = false;
  Instant ask_at_;
  wire::GroupRecord asked_;  // what a swap makes of the record: it may have happened, or may happen yet, until that is settled
  Instant promise_end_;      // of a slave: it may take over then
  std::map<std::string, Peer> peers_;                // of a master: all other members
  std::map<std::string, wire::GroupMember> joined_;  // newer than the record
  std::set<std::string> removed_;                    // wishes
  std::string hand_over_to_;                         // a wish, for when the register is free; empty: none
};

}  // namespace lace::control
