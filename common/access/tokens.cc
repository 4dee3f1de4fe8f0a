#include "common/access/tokens.h"

#include <algorithm>

#include <sodium.h>

#include "common/base/check.h"

namespace lace::access {
namespace {

constexpr char token_type = 'T';
constexpr char pass_type = 'P';
constexpr char version = 1;
constexpr size_t hash_bytes = crypto_generichash_BYTES;
constexpr size_t token_head_bytes = 3 + 8 + 8 + 8;
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
bool is_genuine(const Secret& secret, std::string_view bytes, char type, size_t head_bytes) {
  if (bytes.size() != head_bytes + hash_bytes || bytes[0] != type || bytes[1] != version) return false;
  const Hash hash = hash_of(secret, bytes.substr(0, head_bytes));
  return sodium_memcmp(hash.data(), bytes.data() + head_bytes, hash.size()) == 0;
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
  head.reserve(token_head_bytes + hash_bytes);
  head += token_type;
  head += version;
  head += static_cast<char>(token.rights);
  append(head, raw(token.session));
  append(head, raw(token.block));
  append(head, token.expires);
  return sealed(secret_, std::move(head));
}

Result<Token> TokenChecker::check(std::string_view bytes) const {
  if (!is_genuine(secret_, bytes, token_type, token_head_bytes)) return fail(Code::denied, "the token is not this cluster's");
  Token token;
  token.rights = static_cast<uint8_t>(bytes[2]);
  token.session = SessionId{number_at(bytes, 3, 8)};
  token.block = BlockId{number_at(bytes, 11, 8)};
  token.expires = static_cast<int64_t>(number_at(bytes, 19, 8));
  if (token.expires <= clock_.wall().seconds) return fail(Code::denied, "the token has expired");
  return token;
}

Result<SessionId> TokenChecker::allow(std::string_view bytes, BlockId block, uint8_t rights) const {
  const auto token = check(bytes);
  if (!token) return pass(token);
  if (token->block != BlockId{} && token->block != block) return fail(Code::denied, "the token is for another block");
  if ((token->rights & rights) != rights) return fail(Code::denied, "the token does not give this right");
  return token->session;
}

// ---------------------------------------------------------------- passes

const std::string& PassMaker::make() {
  const int64_t now = clock_.wall().seconds;
  if (pass_.empty() || now < made_at_ || now - made_at_ >= pass_renewed_every_s) {
    std::string head;
    head += pass_type;
    head += version;
    head += static_cast<char>(role_);
    append(head, raw(server_));
    append(head, now);
    pass_ = sealed(secret_, std::move(head));
    made_at_ = now;
  }
  return pass_;
}

Result<Pass> PassChecker::check(std::string_view bytes) const {
  if (!is_genuine(secret_, bytes, pass_type, pass_head_bytes)) return fail(Code::denied, "the pass is not this cluster's");
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
