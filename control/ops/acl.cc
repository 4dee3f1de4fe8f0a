#include "control/ops/acl.h"

#include <algorithm>

#include "common/base/check.h"

namespace lace::control {
namespace {

constexpr uint32_t version = 2;
constexpr size_t header_bytes = 4;
constexpr size_t entry_bytes = 8;

uint32_t take(std::string_view bytes, size_t at, size_t count) {
  uint32_t number = 0;
  for (size_t i = 0; i < count; ++i) number |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  return number;
}

void put(std::string& bytes, uint32_t number, size_t count) {
  for (size_t i = 0; i < count; ++i) bytes.push_back(static_cast<char>(number >> (8 * i) & 0xff));
}

}  // namespace

Result<Acl> Acl::parse(std::string_view bytes) {
  if (bytes.size() < header_bytes || (bytes.size() - header_bytes) % entry_bytes != 0) return fail(Code::invalid);
  if (take(bytes, 0, 4) != version) return fail(Code::invalid);
  Acl acl;
  for (size_t at = header_bytes; at < bytes.size(); at += entry_bytes) {
    acl.entries_.push_back(
        {static_cast<uint16_t>(take(bytes, at, 2)), static_cast<uint16_t>(take(bytes, at + 2, 2)), take(bytes, at + 4, 4)});
  }
  if (!acl.is_valid()) return fail(Code::invalid);
  return acl;
}

std::string Acl::bytes() const {
  std::string bytes;
  put(bytes, version, 4);
  for (const Entry& entry : entries_) {
    put(bytes, entry.tag, 2);
    put(bytes, entry.permissions, 2);
    put(bytes, entry.id, 4);
  }
  return bytes;
}

// acl(5): one of each of the three classes, in this order, named users and groups between, a mask if there are any of those.
bool Acl::is_valid() const {
  constexpr Tag order[] = {user_obj, user, group_obj, group, mask, other};
  size_t place = 0;
  size_t counts[6] = {};
  for (const Entry& entry : entries_) {
    const auto* found = std::find(std::begin(order), std::end(order), entry.tag);
    if (found == std::end(order) || (entry.permissions & ~7U) != 0) return false;
    const auto at = static_cast<size_t>(found - std::begin(order));
    if (at < place) return false;
    place = at;
    ++counts[at];
  }
  const bool named = counts[1] + counts[3] > 0;
  return counts[0] == 1 && counts[2] == 1 && counts[5] == 1 && counts[4] <= 1 && (!named || counts[4] == 1);
}

Acl::Entry* Acl::find(Tag tag) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.tag == tag; });
  return found == entries_.end() ? nullptr : &*found;
}

Acl::Entry& Acl::group_class() {
  Entry* const entry = find(mask);
  return entry != nullptr ? *entry : *find(group_obj);
}

uint32_t Acl::mode() const {
  const uint32_t group_permissions = const_cast<Acl*>(this)->group_class().permissions;
  return static_cast<uint32_t>(find(user_obj)->permissions) << 6 | group_permissions << 3 | find(other)->permissions;
}

bool Acl::is_minimal() const { return entries_.size() == 3; }

void Acl::set_mode(uint32_t mode) {
  find(user_obj)->permissions = mode >> 6 & 7;
  group_class().permissions = mode >> 3 & 7;
  find(other)->permissions = mode & 7;
}

void Acl::restrict_to(uint32_t mode) {
  const auto limit = [](Entry& entry, uint32_t bits) {
    entry.permissions = static_cast<uint16_t>(entry.permissions & bits & 7);
  };
  limit(*find(user_obj), mode >> 6);
  limit(group_class(), mode >> 3);
  limit(*find(other), mode);
}

}  // namespace lace::control
