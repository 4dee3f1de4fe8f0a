// Who may do what, as far as a connection proves who is there. Filled in by main from the key files; tests hand in their own.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/net/transport.h"
#include "common/wire/types.h"

namespace lace::control {

struct PeerRights {
  bool client = false;   // may open sessions
  bool storage = false;  // may speak as a storage server
  bool read_only = false;
  std::string subtree = "/";  // nothing outside of it is shown

  bool confined() const { return subtree != "/"; }
};

// A right for storage servers to grant.
struct Grant {
  SessionId session{};
  BlockId block{};                       // 0: every block
  uint8_t rights = 0;                    // access::Rights, or-ed
  std::vector<wire::PageRange> pages{};  // of the block; empty: all
};

struct Credentials {
  std::function<PeerRights(const net::Peer&)> rights;
  std::function<std::string(const Grant& grant, Millis lease)> token;
  // Proof for storage servers that these are the block's members.
  std::function<std::string(const wire::BlockInfo& block)> seal;
  // Proof for storage servers that control speaks.
  std::function<std::string()> pass;
};

}  // namespace lace::control
