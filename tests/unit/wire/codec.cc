#include "common/wire/codec.h"

#include <gtest/gtest.h>

#include "common/wire/control_messages.h"
#include "common/wire/envelope.h"
#include "common/wire/group_messages.h"
#include "common/wire/storage_messages.h"
#include "tests/unit/wire/random_message.h"

namespace lace::wire {
namespace {

using test::Random;

template <class... Message>
struct List {};

// One list instead of a typed suite: that would take the compiler minutes.
using AllMessages =
    List<Envelope, Done, OpenSession, OpenSessionReply, ResumeSession, RenewSession, RenewSessionReply, CloseSession,
         WaitEvents, WaitEventsReply, Lookup, AttributesReply, GetAttributes, ReadDirectory, ReadDirectoryReply, ReadLink,
         TextReply, GetXattr, ListXattrs, ListXattrsReply, GetExtents, ExtentsReply, OpenInode, CloseInodes, FileSystemUsage,
         FileSystemUsageReply, Operation, Commit, CommitReply, AllocateBlocks, BlocksReply, GetBlocks, Lock, LockReply,
         CancelLock, CancelLockReply, TestLock, TestLockReply, ReleaseLocks, ReportFailure, ClusterStatus, ClusterStatusReply,
         InspectInode, InspectInodeReply, CheckNamespace, CheckNamespaceReply, InspectBlock, InspectBlockReply, WriteBlock,
         ReadBlock, ReadBlockReply, OpenCopy, OpenCopyReply, SyncBlocks, SyncBlocksReply, ForwardWrite, FetchPages,
         FetchPagesReply, RegisterServer, RegisterServerReply, ReportCopies, ReportCopiesReply, Heartbeat, HeartbeatReply,
         SetEpochs, OutcomesReply, DeleteBlocks, PunchBlocks, FillBlocks, ComparePages, ComparePagesReply, ChangeServer,
         SetLimits, RepairLimits, StartScrub, StartScrubReply, AnnounceMaster, GroupBeacon, GroupBeaconReply, ShipChanges,
         ShipChangesReply, TakeOver, JoinGroup, JoinGroupReply, FetchSnapshot, FetchSnapshotReply, PromoteControl,
         RemoveControl, GroupRecord>;

template <class Message>
Message random_message(uint64_t seed) {
  Message message;
  Random(seed).fill(message);
  return message;
}

template <class Message>
bool is_well_or_malformed(std::string_view bytes) {
  const auto decoded = decode<Message>(bytes);
  if (!decoded) return decoded.error().code == Code::malformed;
  return decode<Message>(encode(*decoded)).has_value();
}

template <class Message>
void expect_round_trip() {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const auto message = random_message<Message>(seed);
    const auto decoded = decode<Message>(encode(message));
    ASSERT_TRUE(decoded) << decoded.error().what;
    ASSERT_TRUE(test::same(message, *decoded)) << "seed " << seed;
  }
}

template <class Message>
void expect_cut_short_is_refused() {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const std::string bytes = encode(random_message<Message>(seed));
    const size_t step = 1 + bytes.size() / 500;
    for (size_t size = 0; size < bytes.size(); size += step) {
      const auto decoded = decode<Message>(std::string_view(bytes).substr(0, size));
      ASSERT_FALSE(decoded) << size << " of " << bytes.size();
      ASSERT_EQ(decoded.error().code, Code::malformed);
    }
  }
}

template <class Message>
void expect_too_long_is_refused() {
  const std::string bytes = encode(random_message<Message>(1));
  for (const char* tail : {"x", "\xc0", "\x90"}) EXPECT_FALSE(decode<Message>(bytes + tail));
}

template <class Message>
void expect_changed_bytes_do_no_harm() {
  Random random(99);
  for (uint64_t seed = 0; seed < 200; ++seed) {
    std::string bytes = encode(random_message<Message>(seed % 10));
    for (uint64_t changes = 1 + random.below(4); changes-- > 0;) {
      bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    }
    ASSERT_TRUE(is_well_or_malformed<Message>(bytes)) << "seed " << seed;
  }
}

template <class Message>
void expect_garbage_does_no_harm() {
  Random random(7);
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(is_well_or_malformed<Message>(random.text())) << i;
}

template <class... Message>
void each_round_trip(List<Message...>) {
  (expect_round_trip<Message>(), ...);
}
template <class... Message>
void each_cut_short(List<Message...>) {
  (expect_cut_short_is_refused<Message>(), ...);
}
template <class... Message>
void each_too_long(List<Message...>) {
  (expect_too_long_is_refused<Message>(), ...);
}
template <class... Message>
void each_changed(List<Message...>) {
  (expect_changed_bytes_do_no_harm<Message>(), ...);
}
template <class... Message>
void each_garbage(List<Message...>) {
  (expect_garbage_does_no_harm<Message>(), ...);
}

TEST(Codec, DecodesEveryMessageItEncoded) { each_round_trip(AllMessages()); }
TEST(Codec, RefusesEveryMessageThatIsCutShort) { each_cut_short(AllMessages()); }
TEST(Codec, RefusesEveryMessageThatIsTooLong) { each_too_long(AllMessages()); }
TEST(Codec, FindsChangedBytesMalformedAtWorst) { each_changed(AllMessages()); }
TEST(Codec, FindsGarbageMalformedAtWorst) { each_garbage(AllMessages()); }

// ---------------------------------------------------------------- bytes made by hand

TEST(CodecBytes, ShorterStructuresKeepTheirDefaults) {
  // [5]: a peer that knows only the first field of OpenSessionReply
  const auto reply = decode<OpenSessionReply>("\x91\x05");
  ASSERT_TRUE(reply) << reply.error().what;
  EXPECT_EQ(reply->session, SessionId{5});
  EXPECT_EQ(reply->copies, 2u);
}

TEST(CodecBytes, LongerStructuresAreReadAsFarAsTheyAreKnown) {
  // [5, "later"]: a peer that knows one field more of RenewSession
  const auto renew = decode<RenewSession>(std::string("\x92\x05\xa5later"));
  ASSERT_TRUE(renew) << renew.error().what;
  EXPECT_EQ(renew->session, SessionId{5});
}

TEST(CodecBytes, WrongTypesAreMalformed) {
  for (const std::string bytes : {"\x91\xa1x", "\x91\xff", "\x91\xc0", "\x91\xc3", "\x05", "\x80", "\x91\xcb"}) {
    EXPECT_FALSE(decode<RenewSession>(bytes));
  }
}

TEST(CodecBytes, NumbersThatDoNotFitAreMalformed) {
  Envelope envelope;
  envelope.protocol = 1;
  std::string bytes = encode(envelope);
  // protocol is a 16-bit number: 70,000 is none
  bytes.replace(1, 1, std::string("\xce\x00\x01\x11\x70", 5));
  EXPECT_FALSE(decode<Envelope>(bytes));
}

TEST(CodecBytes, UnknownOperationsAreMalformed) { EXPECT_FALSE(decode<Operation>(std::string("\x92\x63\x90", 3))); }

TEST(CodecBytes, NanosecondsOfASecondAndMoreAreMalformed) {
  Write write;
  write.modified.nanos = 1'000'000'000;
  EXPECT_FALSE(decode<Operation>(encode(Operation(write))));
}

TEST(CodecBytes, HugeArraysAndDeepNestingAreRefusedWithoutMemory) {
  EXPECT_FALSE(decode<Commit>(std::string("\xdd\xff\xff\xff\xff", 5)));
  EXPECT_FALSE(decode<Commit>(std::string("\xdf\xff\xff\xff\xff", 5)));
  EXPECT_FALSE(decode<Commit>(std::string("\xc6\xff\xff\xff\xff", 5)));
  EXPECT_FALSE(decode<Commit>(std::string(100'000, '\x91')));
}

TEST(Kinds, HaveNames) {
  EXPECT_EQ(name_of(Kind::write_block), "write_block");
  EXPECT_EQ(name_of(static_cast<Kind>(9999)), "unknown_kind");
}

}  // namespace
}  // namespace lace::wire
