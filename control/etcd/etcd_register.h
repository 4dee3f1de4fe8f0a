// The record of a control group in etcd, through its HTTP/JSON gateway (etcd 3.4 and later: /v3/kv/range, /v3/kv/txn).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/net/transport.h"
#include "control/group/register.h"

namespace lace::control {

class EtcdRegister final : public Register {
 public:
  // `endpoints`: "http://HOST:PORT", or "unix:///PATH" of a socket. The record is the value of `key`. Errors: invalid.
  static Result<std::unique_ptr<EtcdRegister>> make(net::Loop& loop, std::vector<std::string> endpoints, std::string key);
  ~EtcdRegister() override;

  void read(ReadDone done) override;
  void swap(uint64_t revision, const wire::GroupRecord& record, SwapDone done) override;

 private:
  struct Core;
  EtcdRegister(net::Loop& loop, std::shared_ptr<Core> core);

  net::Loop& loop_;
  std::shared_ptr<Core> core_;  // worker threads have it too
};

}  // namespace lace::control
