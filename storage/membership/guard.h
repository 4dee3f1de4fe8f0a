// Who may do what here: tokens of sessions, passes of servers, and the sessions that control has fenced.
#pragma once

#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "common/access/tokens.h"
#include "common/wire/storage_messages.h"

namespace lace::storage {

class Guard {
 public:
  explicit Guard(const Clock& clock) : clock_(clock) {}

  // What control gave at registration. Before that, everybody is refused. Error: malformed.
  Status set_secret(const std::string& secret, ServerId self);
  void set_fenced(const std::vector<SessionId>& sessions) { fenced_ = {sessions.begin(), sessions.end()}; }

  // `rights` as access::Rights. Errors: denied (no right to this block, not made under this cluster's secret, or run out),
  // fenced (the session has ended).
  Status check_token(const std::string& token, BlockId block, uint8_t rights) const;
  // The same for the bytes that are read or written: at least one, and none behind the block's end.
  Status check_read(const wire::ReadBlock& message) const;
  Status check_write(const wire::WriteBlock& message, size_t length) const;
  // A server of the cluster in that role says it. Error: denied.
  Status check_pass(const std::string& pass, access::Role role) const;
  // Empty before there is a secret.
  std::string make_pass();

 private:
  Status check_session(const Result<access::Token>& token) const;

  const Clock& clock_;
  std::optional<access::TokenChecker> tokens_;
  std::optional<access::PassChecker> passes_;
  std::optional<access::PassMaker> maker_;
  std::unordered_set<SessionId> fenced_;
};

}  // namespace lace::storage
