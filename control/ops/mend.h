// Mends what a check of the namespace found.
#pragma once

#include "control/store/consistency.h"
#include "control/store/store.h"

namespace lace::control {

// Looks again, and does what the remedy says where it is needed. Within a transaction; may scan a table. It is exact about what
// it mends; what follows from that (the size of a directory that lost an entry, say) the next check finds.
void mend(Store& store, const Inconsistency& inconsistency);

}  // namespace lace::control
