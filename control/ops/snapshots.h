// Where snapshots are: "/.lace/snapshots/NAME". The first name is in no listing that a mount shows, so that nothing walks in
// there by accident. All that is below it is frozen.
#pragma once

#include <optional>
#include <string_view>

#include "control/store/store.h"

namespace lace::control {

inline constexpr std::string_view snapshots_top = ".lace";
inline constexpr std::string_view snapshots_name = "snapshots";
// An attribute of each: the path of what it is a snapshot of, as it was then.
inline constexpr std::string_view origin_name = "user.lace.origin";

std::optional<InodeId> find_snapshots(Store& store);
// The directory that they are in; made if it is not there yet.
InodeId make_snapshots(Store& store, const FileTime& now);

}  // namespace lace::control
