// How long things may take. One place, so that the promises that rest on each other can be read together; tests shorten them.
#pragma once

#include "common/base/clock.h"

namespace lace::control {

struct Timing {
  Millis session_lease{15'000};        // a session that was not renewed for so long ends
  Millis token_lease{60'000};          // tokens are renewed with the session; fenced sessions are named to storage as long
  Millis storage_lease{1'200};         // from the moment a heartbeat was sent; without it a storage server serves nothing
  Millis storage_margin{60};           // added to it before control relies on its end: clocks of two machines differ
  Millis set_epochs_timeout{500};      // then the server is taken for unreachable, and its lease is waited for
  Millis storage_call_timeout{5'000};  // punches, deletes, fills
  Millis retry_pause{250};             // before a storage call is made again
  Millis repair_grace{60'000};         // a server away for longer: its copies are made elsewhere
  Millis recall_patience{60'000};      // a mount that renews, and for so long does not give back a lease, ends
  Millis tick{50};                     // how often leases are looked at
  Millis idle{1'000};                  // without a change: then the log of the database is emptied
  Millis repair_tick{200};             // how often repair looks for work
  // After a restart, and after a server went down: how long control waits for better copies before it accepts a suspect one.
  Millis start_patience{10'000};
};

}  // namespace lace::control
