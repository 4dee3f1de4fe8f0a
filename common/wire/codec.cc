#include "common/wire/codec.h"

#include <type_traits>
#include <variant>

#include <msgpack.hpp>

#include "common/wire/control_messages.h"
#include "common/wire/envelope.h"
#include "common/wire/group_messages.h"
#include "common/wire/storage_messages.h"

namespace lace::wire {
namespace {

constexpr size_t max_items = 200'000;         // of one array
constexpr size_t max_text = size_t{8} << 20;  // of one string, bytes
constexpr size_t max_depth = 16;

template <class T>
concept Structure = requires(T& value) {
  value.tie_fields();
};

template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};
template <class T>
struct is_variant : std::false_type {};
template <class... T>
struct is_variant<std::variant<T...>> : std::true_type {};

// What is packed goes straight into the string that is sent.
struct Text {
  std::string bytes;
  void write(const char* data, size_t size) { bytes.append(data, size); }
};
using Packer = msgpack::packer<Text>;

template <class T>
void pack(Packer& packer, const T& value) {
  if constexpr (std::is_enum_v<T>) {
    packer.pack(static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (std::is_arithmetic_v<T>) {
    packer.pack(value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    packer.pack_bin(static_cast<uint32_t>(value.size()));
    packer.pack_bin_body(value.data(), static_cast<uint32_t>(value.size()));
  } else if constexpr (std::is_same_v<T, FileTime>) {
    packer.pack_array(2);
    packer.pack(value.seconds);
    packer.pack(value.nanos);
  } else if constexpr (is_vector<T>::value) {
    packer.pack_array(static_cast<uint32_t>(value.size()));
    for (const auto& item : value) pack(packer, item);
  } else if constexpr (is_variant<T>::value) {
    packer.pack_array(2);
    packer.pack(static_cast<uint32_t>(value.index()));
    std::visit([&](const auto& held) { pack(packer, held); }, value);
  } else {
    static_assert(Structure<T>);
    std::apply(
        [&](const auto&... field) {
          packer.pack_array(sizeof...(field));
          (pack(packer, field), ...);
        },
        value.tie_fields());
  }
}

// Throws msgpack::type_error for whatever does not fit; decode() catches it.
[[noreturn]] void refuse() { throw msgpack::type_error(); }

template <class T>
void unpack(const msgpack::object& from, T& value);

template <class Variant, size_t index = 0>
void unpack_alternative(size_t wanted, const msgpack::object& from, Variant& value) {
  if constexpr (index < std::variant_size_v<Variant>) {
    if (wanted == index) {
      unpack(from, value.template emplace<index>());
    } else {
      unpack_alternative<Variant, index + 1>(wanted, from, value);
    }
  } else {
    refuse();
  }
}

template <class T>
void unpack(const msgpack::object& from, T& value) {
  if constexpr (std::is_enum_v<T>) {
    value = static_cast<T>(from.as<std::underlying_type_t<T>>());
  } else if constexpr (std::is_arithmetic_v<T>) {
    value = from.as<T>();
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (from.type == msgpack::type::BIN) {
      value.assign(from.via.bin.ptr, from.via.bin.size);
    } else if (from.type == msgpack::type::STR) {
      value.assign(from.via.str.ptr, from.via.str.size);
    } else {
      refuse();
    }
  } else {
    if (from.type != msgpack::type::ARRAY) refuse();
    const msgpack::object* items = from.via.array.ptr;
    const size_t count = from.via.array.size;
    if constexpr (std::is_same_v<T, FileTime>) {
      if (count < 2) refuse();
      value.seconds = items[0].as<int64_t>();
      value.nanos = items[1].as<uint32_t>();
      if (value.nanos > 999'999'999) refuse();
    } else if constexpr (is_vector<T>::value) {
      value.clear();
      value.reserve(count);
      for (size_t i = 0; i < count; ++i) unpack(items[i], value.emplace_back());
    } else if constexpr (is_variant<T>::value) {
      if (count < 2) refuse();
      unpack_alternative(items[0].as<uint32_t>(), items[1], value);
    } else {
      static_assert(Structure<T>);
      std::apply(
          [&](auto&... field) {
            size_t i = 0;
            ((i < count ? unpack(items[i], field) : void(), ++i), ...);
          },
          value.tie_fields());
    }
  }
}

}  // namespace

template <class Message>
std::string encode(const Message& message) {
  Text text;
  text.bytes.reserve(256);
  Packer packer(text);
  pack(packer, message);
  return std::move(text.bytes);
}

template <class Message>
Result<Message> decode(std::string_view bytes) {
  try {
    const msgpack::unpack_limit limit(max_items, 0, max_text, max_text, 0, max_depth);
    // The object only lives while `bytes` does: strings and binaries are referenced, not copied twice.
    const auto by_reference = [](msgpack::type::object_type, size_t, void*) { return true; };
    size_t used = 0;
    const auto handle = msgpack::unpack(bytes.data(), bytes.size(), used, by_reference, nullptr, limit);
    if (used != bytes.size()) return fail(Code::malformed, "bytes left over behind the message");
    Message message;
    unpack(handle.get(), message);
    return message;
  } catch (const std::exception& reason) {
    return fail(Code::malformed, reason.what());
  }
}

#define LACE_CODEC(Message)                    \
  template std::string encode(const Message&); \
  template Result<Message> decode(std::string_view);

// clang-format off
LACE_CODEC(Envelope) LACE_CODEC(Done) LACE_CODEC(Operation) LACE_CODEC(OpenSession) LACE_CODEC(OpenSessionReply)
LACE_CODEC(ResumeSession) LACE_CODEC(RenewSession) LACE_CODEC(RenewSessionReply) LACE_CODEC(CloseSession)
LACE_CODEC(WaitEvents) LACE_CODEC(WaitEventsReply) LACE_CODEC(Lookup) LACE_CODEC(AttributesReply) LACE_CODEC(GetAttributes)
LACE_CODEC(ReadDirectory) LACE_CODEC(ReadDirectoryReply) LACE_CODEC(ReadLink) LACE_CODEC(TextReply) LACE_CODEC(GetXattr)
LACE_CODEC(ListXattrs) LACE_CODEC(ListXattrsReply) LACE_CODEC(GetExtents) LACE_CODEC(ExtentsReply) LACE_CODEC(OpenInode)
LACE_CODEC(CloseInodes) LACE_CODEC(FileSystemUsage) LACE_CODEC(FileSystemUsageReply) LACE_CODEC(Commit)
LACE_CODEC(CommitReply) LACE_CODEC(AllocateBlocks) LACE_CODEC(BlocksReply) LACE_CODEC(GetBlocks) LACE_CODEC(Lock)
LACE_CODEC(LockReply) LACE_CODEC(CancelLock) LACE_CODEC(CancelLockReply) LACE_CODEC(TestLock) LACE_CODEC(TestLockReply)
LACE_CODEC(ReleaseLocks) LACE_CODEC(ReportFailure) LACE_CODEC(ClusterStatus) LACE_CODEC(ClusterStatusReply)
LACE_CODEC(InspectInode) LACE_CODEC(InspectInodeReply) LACE_CODEC(CheckNamespace) LACE_CODEC(CheckNamespaceReply) LACE_CODEC(WriteBlock) LACE_CODEC(Written) LACE_CODEC(ReadBlock) LACE_CODEC(ReadBlockReply)
LACE_CODEC(SyncBlocks) LACE_CODEC(SyncBlocksReply) LACE_CODEC(OpenCopy) LACE_CODEC(OpenCopyReply) LACE_CODEC(ForwardWrite) LACE_CODEC(FetchPages) LACE_CODEC(FetchPagesReply)
LACE_CODEC(RegisterServer) LACE_CODEC(RegisterServerReply) LACE_CODEC(ReportCopies) LACE_CODEC(ReportCopiesReply)
LACE_CODEC(Heartbeat) LACE_CODEC(HeartbeatReply) LACE_CODEC(SetEpochs) LACE_CODEC(OutcomesReply) LACE_CODEC(DeleteBlocks)
LACE_CODEC(PunchBlocks) LACE_CODEC(FillBlocks) LACE_CODEC(InspectBlock) LACE_CODEC(InspectBlockReply)
LACE_CODEC(ComparePages) LACE_CODEC(ComparePagesReply) LACE_CODEC(ChangeServer) LACE_CODEC(SetLimits) LACE_CODEC(RepairLimits)
LACE_CODEC(StartScrub) LACE_CODEC(StartScrubReply)
LACE_CODEC(GroupBeacon) LACE_CODEC(GroupBeaconReply) LACE_CODEC(ShipChanges) LACE_CODEC(ShipChangesReply)
LACE_CODEC(TakeOver) LACE_CODEC(JoinGroup) LACE_CODEC(JoinGroupReply) LACE_CODEC(FetchSnapshot)
LACE_CODEC(FetchSnapshotReply) LACE_CODEC(PromoteControl) LACE_CODEC(RemoveControl) LACE_CODEC(GroupRecord)
LACE_CODEC(AnnounceMaster)
// clang-format on

}  // namespace lace::wire
