// Who may believe what it knows of which directory (wire::Lease). Decisions only: no I/O, times are handed in.
//
// A lease stands in the way of who wants to change the directory; an exclusive one also of who wants to look. What stands in
// the way is recalled, and given back once its holder has told what it decided. While anybody waits for a directory or
// changes it, no lease on it is given; nor for a while when mounts have fought for it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "common/base/clock.h"
#include "common/wire/control_messages.h"

namespace lace::control {

class LeaseTable {
 public:
  static constexpr size_t most_of_session = 16'384;  // beyond it the oldest are recalled
  static constexpr Millis fight_window{2'000};       // recalls that follow each other within it are a fight
  static constexpr uint32_t most_fights = 4;
  static constexpr Millis quiet{3'000};  // so long nothing is given after a fight

  enum class Access : uint8_t { look, change };
  struct Need {
    InodeId directory{};
    Access access = Access::look;
    bool operator==(const Need&) const = default;
  };
  struct Recall {
    SessionId session{};
    InodeId directory{};
    bool shared = false;  // it may keep the lease, but not the right to change
    uint64_t number = 0;  // leases up to this one are meant
  };

  // Numbers of leases begin behind first, which is greater than any number that was given before a restart.
  explicit LeaseTable(uint64_t first) : last_(first) {}

  // Whether nobody else's lease stands in the way.
  bool is_free(SessionId session, std::span<const Need> needs) const;
  bool others_have_any(SessionId session) const;
  // What must be recalled, and was not yet.
  std::vector<Recall> recall(SessionId session, std::span<const Need> needs, Instant now);
  // The holder has done what `recall` asks for.
  void given_back(const Recall& recall);
  // Around waiting and changing: no lease on these directories is given meanwhile.
  void begin(std::span<const Need> needs);
  void end(std::span<const Need> needs);

  // The lease that the session has on the directory, or is given now. `alone`: it may be exclusive. Unset: none.
  std::optional<wire::Lease> give(SessionId session, InodeId directory, bool alone, Instant now);
  // The session made the directory by itself, and decides there alone already.
  void made(SessionId session, InodeId directory);
  // One that was given before a restart.
  void restore(SessionId session, const wire::Lease& lease);
  // The directory is gone.
  void forget(InodeId directory);
  void release(SessionId session);
  // The oldest ones of a session that has too many.
  std::vector<Recall> surplus(SessionId session);
  // Whether another session may be changing the directory.
  bool is_changed_by_other(SessionId session, InodeId directory) const;
  // Forgets fights that are over; call it now and then.
  void tidy(Instant now);

  struct Count {
    uint64_t all = 0, exclusive = 0;
  };
  Count count(SessionId session) const;
  Count count() const { return total_; }
  uint64_t last() const { return last_; }

 private:
  enum class Asked : uint8_t { nothing, to_share, to_end };
  struct Held {
    uint64_t number = 0, exclusive = 0;
    Asked asked = Asked::nothing;
  };
  struct Directory {
    std::map<SessionId, Held> holders;
    uint32_t busy = 0;
    uint32_t fights = 0;
    Instant recalled;
    Instant quiet_until;
  };
  struct Holder {
    Count count;
    std::map<uint64_t, InodeId> by_age;  // number of the lease
  };
  using Directories = std::unordered_map<InodeId, Directory>;

  static bool in_the_way(const Held& held, Access access) { return access == Access::change || held.exclusive != 0; }
  void note_fight(Directory& directory, Instant now);
  void put(SessionId session, InodeId id, Directory& directory, const wire::Lease& lease);
  void take(SessionId session, Directory& directory);
  void share(SessionId session, Held& held);
  void drop_if_idle(Directories::iterator directory);

  uint64_t last_;
  Directories directories_;
  std::map<SessionId, Holder> holders_;
  Count total_;
};

}  // namespace lace::control
