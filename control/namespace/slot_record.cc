#include "control/namespace/slot_record.h"

#include <optional>

namespace lace::control {
namespace {

constexpr uint64_t existed_flag = 1;

void put(std::string& bytes, uint64_t number) {
  for (; number >= 0x80; number >>= 7) bytes.push_back(static_cast<char>(number | 0x80));
  bytes.push_back(static_cast<char>(number));
}

std::optional<uint64_t> take(std::string_view& bytes) {
  uint64_t number = 0;
  for (int shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    number |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return number;
  }
  return std::nullopt;
}

bool take_result(Store& store, std::string_view& bytes, wire::OperationResult& result) {
  const auto code = take(bytes);
  const auto length = take(bytes);
  if (!code || !length || *length > bytes.size()) return false;
  result.outcome = {static_cast<uint16_t>(*code), std::string(bytes.substr(0, *length))};
  bytes.remove_prefix(*length);
  for (auto* attributes : {&result.inode, &result.parent, &result.old_parent, &result.displaced}) {
    const auto id = take(bytes);
    if (!id) return false;
    if (*id == 0 || store.inodes.read(InodeId{*id}, *attributes)) continue;
    attributes->inode = InodeId{*id};  // gone since: no links
  }
  const auto flags = take(bytes);
  if (!flags) return false;
  result.existed = (*flags & existed_flag) != 0;
  return true;
}

}  // namespace

std::string record_of(const wire::CommitReply& reply) {
  std::string bytes;
  bytes.reserve(reply.results.size() * 12);
  for (const wire::OperationResult& result : reply.results) {
    put(bytes, result.outcome.code);
    put(bytes, result.outcome.what.size());
    bytes += result.outcome.what;
    for (const auto* attributes : {&result.inode, &result.parent, &result.old_parent, &result.displaced}) {
      put(bytes, raw(attributes->inode));
    }
    put(bytes, result.existed ? existed_flag : 0);
  }
  return bytes;
}

Result<wire::CommitReply> answer_again(Store& store, std::string_view record) {
  wire::CommitReply reply;
  while (!record.empty()) {
    if (!take_result(store, record, reply.results.emplace_back())) {
      return fail(Code::corrupt, "the record of a session's last commit is damaged");
    }
  }
  return reply;
}

}  // namespace lace::control
