// The storage servers, as control last described them. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "common/wire/types.h"

namespace lace::fs {

class Servers {
 public:
  using Info = std::shared_ptr<const wire::ServerInfo>;
  void update(const std::vector<wire::ServerInfo>& servers);
  Info find(ServerId server) const;  // null: never heard of

 private:
  mutable std::mutex mutex_;
  std::unordered_map<ServerId, Info> servers_;
};

}  // namespace lace::fs
