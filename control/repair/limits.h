// How much repair may take, as the namespace keeps it.
#pragma once

#include "control/namespace/namespace.h"

namespace lace::control {

Result<wire::RepairLimits> load_limits(Namespace& ns);
Status store_limits(Namespace& ns, const wire::RepairLimits& limits);  // within a transaction

}  // namespace lace::control
