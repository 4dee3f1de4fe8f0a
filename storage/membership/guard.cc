#include "storage/membership/guard.h"

namespace lace::storage {

Status Guard::set_secret(const std::string& secret, ServerId self) {
  if (secret.size() != access::secret_bytes) return fail(Code::malformed, "control gave a secret of a wrong length");
  tokens_.emplace(secret, clock_);
  passes_.emplace(secret, clock_);
  maker_.emplace(secret, access::Role::storage, self, clock_);
  return {};
}

Status Guard::check_token(const std::string& token, BlockId block, uint8_t rights) const {
  if (!tokens_) return fail(Code::denied, "this server has not joined its cluster yet");
  const auto session = tokens_->allow(token, block, rights);
  if (!session) return pass(session);
  if (fenced_.contains(*session)) return fail(Code::fenced, "the session was ended by control");
  return {};
}

Status Guard::check_pass(const std::string& pass, access::Role role) const {
  if (!passes_) return fail(Code::denied, "this server has not joined its cluster yet");
  return passes_->allow(pass, role);
}

std::string Guard::make_pass() { return maker_ ? maker_->make() : std::string(); }

}  // namespace lace::storage
