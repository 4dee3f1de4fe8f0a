// Who may do what, as far as a connection proves who is there. Filled in by main from the key files; tests hand in their own.
#pragma once

#include <functional>
#include <string>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/net/transport.h"

namespace lace::control {

struct PeerRights {
  bool client = false;   // may open sessions
  bool storage = false;  // may speak as a storage server
  bool read_only = false;
  std::string subtree = "/";  // nothing outside of it is shown

  bool confined() const { return subtree != "/"; }
};

struct Credentials {
  std::function<PeerRights(const net::Peer&)> rights;
  // A right for storage servers: to one block, or (BlockId{0}) to all.
  std::function<std::string(SessionId session, BlockId block, bool write, Millis lease)> token;
  // Proof for storage servers that control speaks.
  std::function<std::string()> pass;
};

}  // namespace lace::control
