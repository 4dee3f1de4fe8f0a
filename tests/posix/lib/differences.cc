#include "tests/posix/lib/differences.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <set>
#include <sstream>

namespace posix {
namespace {

// In memory that children share, so that what a child meets is noted too. One flag per difference.
bool* met_flags() {
  static bool* const flags =
      static_cast<bool*>(mmap(nullptr, all_differences().size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  return flags;
}

std::set<std::string>& allowed() {
  static std::set<std::string> names = [] {
    std::set<std::string> all;
    for (const auto& difference : all_differences()) all.insert(difference.name);
    return all;
  }();
  return names;
}

const Difference* find(const std::string& name) {
  const auto& all = all_differences();
  const auto at = std::find_if(all.begin(), all.end(), [&](const Difference& one) { return one.name == name; });
  return at == all.end() ? nullptr : &*at;
}

bool note(const Difference& difference) {
  if (!allowed().contains(difference.name)) return false;
  met_flags()[&difference - all_differences().data()] = true;
  return true;
}

}  // namespace

const std::vector<Difference>& all_differences() {
  static const std::vector<Difference> all{
      {"o_tmpfile", "no unnamed files (open with O_TMPFILE)", {EOPNOTSUPP, EISDIR}},
      {"o_direct", "no O_DIRECT", {EINVAL}},
      {"rename_noreplace", "no renameat2 with RENAME_NOREPLACE", {EINVAL}},
      {"rename_exchange", "no renameat2 with RENAME_EXCHANGE", {EINVAL}},
      {"fallocate_keep_size", "no fallocate with FALLOC_FL_KEEP_SIZE", {EOPNOTSUPP}},
      {"fallocate", "no plain fallocate", {EOPNOTSUPP}},
      {"reservation", "fallocate reserves no space: st_blocks counts only what was written", {}},
      {"punch_hole", "no fallocate with FALLOC_FL_PUNCH_HOLE", {EOPNOTSUPP}},
      {"zero_range", "no fallocate with FALLOC_FL_ZERO_RANGE", {EOPNOTSUPP}},
      {"seek_hole", "SEEK_HOLE knows no holes but the end of the file", {EINVAL}},
      {"acl", "no POSIX ACLs", {EOPNOTSUPP}},
      {"user_xattr", "no user.* extended attributes", {EOPNOTSUPP}},
      {"trusted_xattr", "no trusted.* extended attributes", {EOPNOTSUPP}},
      {"security_xattr", "no security.* extended attributes", {EOPNOTSUPP}},
      {"ofd_locks", "no open file description locks", {EINVAL}},
      {"exec", "mounted noexec: programs do not run from here", {EACCES}},
      {"old_times", "times before 1970 are not kept", {}},
      {"late_times", "times beyond 2106 are not kept", {}},
      {"directory_links", "the link count of a directory does not count its subdirectories", {}},
      {"atime_on_read", "reading does not move the access time, not even when it is older than the last change", {}},
      {"text_busy", "a running program may be written (Linux 6.11 and 6.12)", {}},
      {"large_file", "files end below 16 TiB", {EFBIG}},
  };
  return all;
}

bool allow_only(const std::string& names) {
  allowed().clear();
  std::istringstream list(names);
  for (std::string name; std::getline(list, name, ',');) {
    if (!find(name)) return false;
    allowed().insert(name);
  }
  return true;
}

bool refused(const std::string& name, const Outcome& outcome) {
  const Difference* difference = find(name);
  if (!difference) {
    ADD_FAILURE() << name << " is not in the list of allowed differences";
    return false;
  }
  const auto& errors = difference->errors;
  if (!outcome.failed || std::find(errors.begin(), errors.end(), outcome.error) == errors.end()) return false;
  return note(*difference);
}

bool differs(const std::string& name) {
  const Difference* difference = find(name);
  if (!difference) ADD_FAILURE() << name << " is not in the list of allowed differences";
  return difference && note(*difference);
}

void print_differences_met() {
  const auto& all = all_differences();
  bool first = true;
  for (size_t i = 0; i < all.size(); ++i) {
    if (!met_flags()[i]) continue;
    if (first) std::printf("Allowed differences met:\n");
    first = false;
    std::printf("  %-22s %s\n", all[i].name.c_str(), all[i].meaning.c_str());
  }
}

}  // namespace posix
