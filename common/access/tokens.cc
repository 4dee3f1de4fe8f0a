#include "common/access/tokens.h"

#include <algorithm>

#include <sodium.h>

#include "common/base/check.h"

namespace lace::access {
namespace {

constexpr char token_type = 'T';
constexpr char pass_type = 'P';
constexpr char token_version = 2;
constexpr char pass_version = 1;
constexpr char seal_type = 'S';
constexpr char seal_version = 1;
constexpr size_t hash_bytes = crypto_generichash_BYTES;
constexpr size_t token_head_bytes = 3 + 8 + 8 + 8 + 2;  // without the ranges
constexpr size_t range_bytes = 2 + 2;
constexpr size_t pass_head_bytes = 3 + 4 + 8;
constexpr int64_t pass_renewed_every_s = 60;

void start_sodium() {
  static const int started = sodium_init();
  CHECK(started >= 0);
}

template <class Number>
void append(std::string& bytes, Number number) {
  for (size_t i = sizeof number; i-- > 0;) bytes += static_cast<char>(static_cast<uint64_t>(number) >> (8 * i));
}

uint64_t number_at(std::string_view bytes, size_t offset, size_t size) {
  uint64_t number = 0;
  for (size_t i = 0; i < size; ++i) number = number << 8 | static_cast<unsigned char>(bytes[offset + i]);
  return number;
}

using Hash = std::array<unsigned char, hash_bytes>;

Hash hash_of(const Secret& secret, std::string_view head) {
  Hash hash;
  crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(head.data()), head.size(), secret.data(),
                     secret_bytes);
  return hash;
}

std::string sealed(const Secret& secret, std::string head) {
  const Hash hash = hash_of(secret, head);
  head.append(reinterpret_cast<const char*>(hash.data()), hash.size());
  return head;
}

// Type, version and length are what they must be, and whoever made it has the secret.
bool is_genuine(const Secret& secret, std::string_view bytes, char type, char version, size_t head_bytes) {
  if (bytes.size() != head_bytes + hash_bytes || bytes[0] != type || bytes[1] != version) return false;
  const Hash hash = hash_of(secret, bytes.substr(0, head_bytes));
  return sodium_memcmp(hash.data(), bytes.data() + head_bytes, hash.size()) == 0;
}

// Of the head of a token, by the number of ranges that it says it has; of other bytes: anything.
size_t head_bytes_of_token(std::string_view bytes) {
  if (bytes.size() < token_head_bytes) return token_head_bytes;
  return token_head_bytes + range_bytes * number_at(bytes, token_head_bytes - 2, 2);
}

std::string sealed_part(const wire::BlockInfo& block) {
  std::string head{seal_type, seal_version};
  append(head, raw(block.block));
  append(head, block.epoch);
  for (const auto* servers : {&block.in_sync, &block.filling}) {
    append(head, static_cast<uint16_t>(servers->size()));
    for (const ServerId server : *servers) append(head, raw(server));
  }
  return head;
}

bool covers(const std::vector<wire::PageRange>& granted, wire::PageRange pages) {
  const uint64_t end = uint64_t{pages.first} + pages.count;
  return granted.empty() || std::any_of(granted.begin(), granted.end(), [&](const wire::PageRange& range) {
           return range.first <= pages.first && end <= uint64_t{range.first} + range.count;
         });
}

}  // namespace

std::string make_secret() {
  start_sodium();
  std::string secret(secret_bytes, '\0');
  randombytes_buf(secret.data(), secret.size());
  return secret;
}

Secret::Secret(std::string_view bytes) {
  start_sodium();
  CHECK(bytes.size() == secret_bytes);
  std::copy(bytes.begin(), bytes.end(), bytes_.begin());
}

Secret::~Secret() { sodium_memzero(bytes_.data(), bytes_.size()); }

// ---------------------------------------------------------------- tokens

std::string TokenMaker::make(const Token& token) const {
  std::string head;
  CHECK(token.pages.size() <= max_token_ranges);
  head.reserve(token_head_bytes + range_bytes * token.pages.size() + hash_bytes);
  head += token_type;
  head += token_version;
  head += static_cast<char>(token.rights);
  append(head, raw(token.session));
  append(head, raw(token.block));
  append(head, token.expires);
  append(head, static_cast<uint16_t>(token.pages.size()));
  for (const wire::PageRange& range : token.pages) {
    CHECK(range.first <= block_pages && range.count <= block_pages - range.first);
    append(head, static_cast<uint16_t>(range.first));
    append(head, static_cast<uint16_t>(range.count));
  }
  return sealed(secret_, std::move(head));
}

std::string TokenMaker::seal(const wire::BlockInfo& block) const {
  const Hash hash = hash_of(secret_, sealed_part(block));
  return {reinterpret_cast<const char*>(hash.data()), hash.size()};
}

Result<Token> TokenChecker::check(std::string_view bytes) const {
  if (!is_genuine(secret_, bytes, token_type, token_version, head_bytes_of_token(bytes)))
    return fail(Code::denied, "the token is not this cluster's");
  Token token;
  token.rights = static_cast<uint8_t>(bytes[2]);
  token.session = SessionId{number_at(bytes, 3, 8)};
  token.block = BlockId{number_at(bytes, 11, 8)};
  token.expires = static_cast<int64_t>(number_at(bytes, 19, 8));
  for (size_t at = token_head_bytes; at + hash_bytes < bytes.size(); at += range_bytes) {
    token.pages.push_back({static_cast<uint32_t>(number_at(bytes, at, 2)), static_cast<uint32_t>(number_at(bytes, at + 2, 2))});
  }
  if (token.expires <= clock_.wall().seconds) return fail(Code::denied, "the token has expired");
  return token;
}

Result<Token> TokenChecker::allow(std::string_view bytes, BlockId block, uint8_t rights) const {
  auto token = check(bytes);
  if (!token) return token;
  if (token->block != BlockId{} && token->block != block) return fail(Code::denied, "the token is for another block");
  if ((token->rights & rights) != rights) return fail(Code::denied, "the token does not give this right");
  return token;
}

Result<Token> TokenChecker::allow(std::string_view bytes, BlockId block, uint8_t rights, wire::PageRange pages) const {
  auto token = allow(bytes, block, rights);
  if (token && !covers(token->pages, pages)) return fail(Code::denied, "the token is for other pages of the block");
  return token;
}

bool TokenChecker::is_sealed(const wire::BlockInfo& block, std::string_view seal) const {
  const Hash hash = hash_of(secret_, sealed_part(block));
  return seal.size() == hash.size() && sodium_memcmp(hash.data(), seal.data(), hash.size()) == 0;
}

// ---------------------------------------------------------------- passes

const std::string& PassMaker::make() {
  const int64_t now = clock_.wall().seconds;
  if (pass_.empty() || now < made_at_ || now - made_at_ >= pass_renewed_every_s) {
    std::string head;
    head += pass_type;
    head += pass_version;
    head += static_cast<char>(role_);
    append(head, raw(server_));
    append(head, now);
    pass_ = sealed(secret_, std::move(head));
    made_at_ = now;
  }
  return pass_;
}

Result<Pass> PassChecker::check(std::string_view bytes) const {
  if (!is_genuine(secret_, bytes, pass_type, pass_version, pass_head_bytes))
    return fail(Code::denied, "the pass is not this cluster's");
  const auto made_at = static_cast<int64_t>(number_at(bytes, 7, 8));
  const int64_t now = clock_.wall().seconds;
  if (made_at < now - pass_valid_s || made_at > now + pass_valid_s) {
    return fail(Code::denied, "the pass is not of this time: do the servers' clocks differ?");
  }
  return Pass{static_cast<Role>(bytes[2]), ServerId{static_cast<uint32_t>(number_at(bytes, 3, 4))}};
}

Status PassChecker::allow(std::string_view bytes, Role role) const {
  const auto found = check(bytes);
  if (!found) return pass(found);
  if (found->role != role) return fail(Code::denied, "the pass is of another kind of server");
  return {};
}

}  // namespace lace::access
