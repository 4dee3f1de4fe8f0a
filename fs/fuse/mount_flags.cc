#include "fs/fuse/mount_flags.h"

#include <charconv>
#include <functional>
#include <map>
#include <string_view>

namespace lace::fs::fuse {
namespace {

using Take = std::function<std::string(MountFlags&, const std::string& value)>;  // answers what is wrong, or nothing

struct Known {
  bool takes_value;
  Take take;
};

template <class Number>
std::string take_number(const std::string& value, Number least, Number most, const std::function<void(Number)>& set) {
  Number number{};
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number < least || number > most) {
    return "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most);
  }
  set(number);
  return {};
}

Known flag(std::function<void(MountFlags&)> set) {
  return {false, [set = std::move(set)](MountFlags& flags, const std::string&) {
            set(flags);
            return std::string();
          }};
}

Known passed(std::string word) {
  return flag([word = std::move(word)](MountFlags& flags) { flags.passed.push_back(word); });
}

std::string take_subtree(MountFlags& flags, const std::string& value) {
  if (!value.starts_with('/')) return "must be a path inside the file system that begins with '/'";
  flags.subtree = value;
  return {};
}

const std::map<std::string, Known, std::less<>>& known() {
  static const auto id = [](std::optional<uint32_t> Squash::*member) {
    return Known{true, [member](MountFlags& flags, const std::string& value) {
                   return take_number<uint32_t>(value, 0, UINT32_MAX - 1,
                                                [&](uint32_t number) { flags.squash.*member = number; });
                 }};
  };
  static const std::map<std::string, Known, std::less<>> table{
      {"ro", flag([](MountFlags& flags) { flags.read_only = true; })},
      {"rw", flag([](MountFlags& flags) { flags.read_only = false; })},
      {"noatime", flag([](MountFlags& flags) { flags.access_times = AccessTimes::none; })},
      {"relatime", flag([](MountFlags& flags) { flags.access_times = AccessTimes::relative; })},
      {"strictatime", flag([](MountFlags& flags) { flags.access_times = AccessTimes::strict; })},
      {"allow_other", flag([](MountFlags& flags) { flags.allow_other = true; })},
      {"nonempty", flag([](MountFlags& flags) { flags.nonempty = true; })},
      {"nolocal", flag([](MountFlags& flags) { flags.local_reads = false; })},
      {"sync", flag([](MountFlags& flags) { flags.synchronous = true; })},
      {"async", flag([](MountFlags& flags) { flags.synchronous = false; })},
      {"uid", id(&Squash::uid)},
      {"gid", id(&Squash::gid)},
      {"timeout",
       {true,
        [](MountFlags& flags, const std::string& value) {
          return take_number<int64_t>(value, 1, 86'400, [&](int64_t s) { flags.timeout = Millis{s * 1000}; });
        }}},
      {"subtree", {true, take_subtree}},
      {"keys",
       {true,
        [](MountFlags& flags, const std::string& value) {
          flags.keys = value;
          return std::string();
        }}},
      {"suid", passed("suid")},
      {"nosuid", passed("nosuid")},
      {"dev", passed("dev")},
      {"nodev", passed("nodev")},
      {"exec", passed("exec")},
      {"noexec", passed("noexec")},
  };
  return table;
}

// Words that stand in /etc/fstab for mount(8) and for who calls it.
bool is_for_mount(std::string_view name) {
  for (const std::string_view word :
       {"defaults", "auto", "noauto", "user", "nouser", "users", "_netdev", "nofail", "atime", "diratime", "nodiratime"}) {
    if (name == word) return true;
  }
  return name.starts_with("x-") || name.starts_with("comment=");
}

}  // namespace

std::string known_mount_flags() {
  std::string all;
  for (const auto& [name, one] : known()) all += (all.empty() ? "" : ", ") + name + (one.takes_value ? "=..." : "");
  return all;
}

Result<MountFlags> parse_mount_flags(const std::vector<std::string>& options, bool as_root) {
  MountFlags flags;
  flags.allow_other = as_root;
  // libfuse adds nosuid and nodev to every mount. Root's mount is a file system like any other.
  if (as_root) flags.passed = {"suid", "dev"};
  for (const std::string& option : options) {
    if (is_for_mount(option)) continue;
    const size_t at = option.find('=');
    const std::string name = option.substr(0, at);
    const auto found = known().find(name);
    if (found == known().end()) {
      return fail(Code::invalid, "unknown mount option '" + name + "': the known ones are " + known_mount_flags());
    }
    if (found->second.takes_value != (at != option.npos)) {
      return fail(Code::invalid, "mount option '" + name + "' " +
                                     (found->second.takes_value ? "needs a value: " : "takes no value: ") + name +
                                     (found->second.takes_value ? "=..." : ""));
    }
    const std::string wrong = found->second.take(flags, at == option.npos ? "" : option.substr(at + 1));
    if (!wrong.empty()) return fail(Code::invalid, "mount option '" + option + "' " + wrong);
  }
  return flags;
}

}  // namespace lace::fs::fuse
