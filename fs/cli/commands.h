// The subcommands of `lace`. Each takes the words behind its name and returns the exit code: 0 done, 1 failed, 2 wrong usage.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"

namespace lace::cli {

using Arguments = std::vector<std::string>;

int up_command(Arguments arguments);
int down_command(Arguments arguments);
int mount_command(Arguments arguments);
int unmount_command(Arguments arguments);
int status_command(Arguments arguments);
int info_command(Arguments arguments);
int storage_command(Arguments arguments);
int scrub_command(Arguments arguments);
int clone_command(Arguments arguments);
int snapshot_command(Arguments arguments);
int fsck_command(Arguments arguments);
int profile_command(Arguments arguments);
int key_command(Arguments arguments);
int control_command(Arguments arguments);

// Prints "lace COMMAND: what" to standard error; returns 1.
int failed(const std::string& command, const Error& error);

}  // namespace lace::cli
