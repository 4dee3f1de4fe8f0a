// Questions of the command to the servers of a cluster.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/net/transport.h"
#include "common/wire/control_messages.h"
#include "common/wire/storage_messages.h"

namespace lace::cli {

// How a command reaches a cluster over tcp; ipc needs nothing.
struct Access {
  std::string keys_path;  // as written by `lace key new`; empty: none
};

// One thread's. Every question ends after its timeout.
class Asker {
 public:
  // `controls`: "URL[#KEY]", one or more, separated by commas. Errors: invalid (not an address), access (the keys can't be
  // read).
  static Result<Asker> make(const std::string& controls, const Access& access);
  Asker(Asker&&) noexcept;
  ~Asker();

  // Asks the control servers in turn. Errors: unavailable (none answered: says which were asked), denied, or what they say.
  Result<wire::ClusterStatusReply> status(Millis timeout);
  Result<wire::InspectInodeReply> inspect(InodeId inode, Millis timeout);
  Result<wire::Done> change_server(const wire::ChangeServer& change, Millis timeout);
  Result<wire::RepairLimits> set_limits(const wire::SetLimits& limits, Millis timeout);
  Result<wire::StartScrubReply> start_scrub(const wire::StartScrub& which, Millis timeout);
  Result<wire::CheckNamespaceReply> check(const wire::CheckNamespace& question, Millis timeout);
  Status promote(const std::string& control, Millis timeout);
  Status remove_control(const std::string& control, Millis timeout);
  // Asks a storage server.
  Result<wire::InspectBlockReply> inspect(const wire::Endpoint& storage, const wire::BlockInfo& block, Millis timeout);

  void pause(Millis duration);

 private:
  Asker() = default;
  template <class Message>
  Result<typename Message::Reply> ask_controls(const Message& message, Millis timeout);

  std::vector<wire::Endpoint> controls_;
  std::unique_ptr<net::Network> network_;
  std::unique_ptr<net::Caller> caller_;
};

}  // namespace lace::cli
