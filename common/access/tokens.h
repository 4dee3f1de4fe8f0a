// Tokens say what a session may do with blocks; passes say that a server of the cluster speaks. Both carry a keyed hash
// (BLAKE2b) under the cluster's secret: control makes tokens, storage checks them without asking anybody.
//
//   token  'T' 2 rights session:8 block:8 expires:8 count:2 {first:2 pages:2}... hash:32   61 bytes and 4 for each range
//   pass   'P' 1 role   server:4  time:8                                         hash:32   47 bytes
//   seal   hash of 'S' 1 block:8 epoch:4 in_sync:2 {server:4}... filling:2 {server:4}...   32 bytes
//
// Numbers are big-endian. A token with `count` 0 is good for the whole block; else for those pages only: it is what a session
// gets that may see some files of a block which many share. They are the pages of one file, in one answer of control, which
// names at most max_token_ranges extents: whoever needs more of the file asks for its further extents. A token may name no page
// at all (first 0, pages 0): that is enough to have the block synced.
//
// A seal is control's word for where a block is. A primary trusts the lists of members that an unconfined session sends with a
// write; those of a confined one must be sealed, or it could have a write miss a copy, and so have the copy thrown out.
//
// They travel over connections that are guarded already; a token shown to its own session's user gives nothing new, and
// ends with its time or when the session is fenced.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/result.h"
#include "common/wire/types.h"

namespace lace::access {

inline constexpr size_t secret_bytes = 32;
std::string make_secret();  // random

// The cluster's secret, in memory that is wiped at the end.
class Secret {
 public:
  explicit Secret(std::string_view bytes);  // secret_bytes of them (CHECK)
  ~Secret();
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  const unsigned char* data() const { return bytes_.data(); }

 private:
  std::array<unsigned char, secret_bytes> bytes_{};
};

inline constexpr size_t max_token_ranges = 256;

enum Rights : uint8_t { may_read = 1, may_write = 2, may_inspect = 4 };

struct Token {
  SessionId session{};
  BlockId block{};      // 0: every block
  uint8_t rights = 0;   // Rights, or-ed
  int64_t expires = 0;  // wall clock, seconds since 1970
  // Of the block, at most max_token_ranges (CHECK); empty: all of it.
  std::vector<wire::PageRange> pages{};
  bool operator==(const Token&) const = default;
};

// Any thread.
class TokenMaker {
 public:
  explicit TokenMaker(std::string_view secret) : secret_(secret) {}
  std::string make(const Token& token) const;
  // For `block`, `epoch`, `in_sync` and `filling` as they are.
  std::string seal(const wire::BlockInfo& block) const;

 private:
  Secret secret_;
};

// Any thread. About a microsecond a check.
class TokenChecker {
 public:
  TokenChecker(std::string_view secret, const Clock& clock) : secret_(secret), clock_(clock) {}

  // Errors: denied (not made under this secret, expired, too short, ...), with the reason in `what`.
  Result<Token> check(std::string_view token) const;
  // What the token says, if it gives these rights to the block. Whether the session was fenced is the caller's question.
  Result<Token> allow(std::string_view token, BlockId block, uint8_t rights) const;
  // The same, and the token is good for all of these pages (one at least).
  Result<Token> allow(std::string_view token, BlockId block, uint8_t rights, wire::PageRange pages) const;
  bool is_sealed(const wire::BlockInfo& block, std::string_view seal) const;

 private:
  Secret secret_;
  const Clock& clock_;
};

enum class Role : uint8_t { control = 1, storage = 2 };

// Says "a server of this cluster" for a few minutes. One thread; made anew once a minute, so make() is cheap.
class PassMaker {
 public:
  PassMaker(std::string_view secret, Role role, ServerId server, const Clock& clock)  // server: 0 for control
      : secret_(secret), role_(role), server_(server), clock_(clock) {}
  const std::string& make();

 private:
  Secret secret_;
  const Role role_;
  const ServerId server_;
  const Clock& clock_;
  int64_t made_at_ = INT64_MIN;
  std::string pass_;
};

inline constexpr int64_t pass_valid_s = 600;  // before and after its time: the servers' clocks may differ by so much

struct Pass {
  Role role{};
  ServerId server{};
};

// Any thread.
class PassChecker {
 public:
  PassChecker(std::string_view secret, const Clock& clock) : secret_(secret), clock_(clock) {}
  Result<Pass> check(std::string_view pass) const;       // errors: denied
  Status allow(std::string_view pass, Role role) const;  // errors: denied

 private:
  Secret secret_;
  const Clock& clock_;
};

}  // namespace lace::access
