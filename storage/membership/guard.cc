#include "storage/membership/guard.h"

namespace lace::storage {
namespace {

wire::PageRange pages_of(uint64_t offset, uint64_t length) {
  const auto first = static_cast<uint32_t>(offset / page_bytes);
  const auto end = static_cast<uint32_t>((offset + length + page_bytes - 1) / page_bytes);
  return {first, end - first};
}

}  // namespace

Status Guard::set_secret(const std::string& secret, ServerId self) {
  if (secret.size() != access::secret_bytes) return fail(Code::malformed, "control gave a secret of a wrong length");
  tokens_.emplace(secret, clock_);
  passes_.emplace(secret, clock_);
  maker_.emplace(secret, access::Role::storage, self, clock_);
  return {};
}

Status Guard::check_token(const std::string& token, BlockId block, uint8_t rights) const {
  if (!tokens_) return fail(Code::denied, "this server has not joined its cluster yet");
  return check_session(tokens_->allow(token, block, rights));
}

Status Guard::check_read(const wire::ReadBlock& message) const {
  if (!tokens_) return fail(Code::denied, "this server has not joined its cluster yet");
  return check_session(
      tokens_->allow(message.token, message.block, access::may_read, pages_of(message.offset, message.length)));
}

Status Guard::check_write(const wire::WriteBlock& message, size_t length) const {
  if (!tokens_) return fail(Code::denied, "this server has not joined its cluster yet");
  const auto token = tokens_->allow(message.token, message.block, access::may_write, pages_of(message.offset, length));
  if (Status may = check_session(token); !may) return may;
  if (token->block == BlockId{}) return {};
  const wire::BlockInfo told{message.block, message.epoch, message.in_sync, message.filling, {}};
  if (!tokens_->is_sealed(told, message.seal)) return fail(Code::denied, "control did not say that these are the members");
  return {};
}

Status Guard::check_session(const Result<access::Token>& token) const {
  if (!token) return pass(token);
  if (fenced_.contains(token->session)) return fail(Code::fenced, "the session was ended by control");
  return {};
}

Status Guard::check_pass(const std::string& pass, access::Role role) const {
  if (!passes_) return fail(Code::denied, "this server has not joined its cluster yet");
  return passes_->allow(pass, role);
}

std::string Guard::make_pass() { return maker_ ? maker_->make() : std::string(); }

}  // namespace lace::storage
