// A slave's namespace: takes the master's transactions, takes back what the group never acknowledged, and fetches a snapshot
// where the master's log does not reach back to it.
#pragma once

#include <fstream>
#include <functional>
#include <memory>
#include <string>

#include "common/net/transport.h"
#include "common/wire/group_messages.h"
#include "control/namespace/namespace.h"

namespace lace::control {

// Loop thread only.
class Following {
 public:
  using Open = std::function<Result<std::unique_ptr<Namespace>>()>;

  // `open` opens the namespace in `directory`.
  Following(net::Loop& loop, std::string directory, Open open);
  ~Following();

  // Errors: those of the disk, corrupt.
  Result<wire::ShipChangesReply> take(const wire::ShipChanges& message, std::string_view bytes, const wire::Endpoint& master);
  // Called with the cluster's id when a snapshot was put in place.
  void set_on_placed(std::function<void(const std::string& cluster)> run) { on_placed_ = std::move(run); }

  Status open();
  // A slave without a namespace that can be used gets a snapshot.
  void forget() { names_.reset(); }
  // Null: there is none.
  Namespace* names() { return names_.get(); }
  // This member leads from now on.
  std::unique_ptr<Namespace> release() { return std::move(names_); }

 private:
  struct Fetch;
  wire::ShipChangesReply where() const;
  Status apply(const wire::ShipChanges& message, std::string_view bytes);
  void discard(const Position& last);
  void fetch(const wire::Endpoint& master);
  void fetch_next();
  void fetched(Result<net::Answered<wire::FetchSnapshot>> answer);
  Status put_in_place();

  net::Loop& loop_;
  const std::string directory_;
  std::unique_ptr<Namespace> names_;
  const Open open_;
  std::function<void(const std::string&)> on_placed_;
  std::string partial_;  // of the next transaction, which is large
  Position partial_of_;
  std::unique_ptr<Fetch> fetch_;
};

}  // namespace lace::control
