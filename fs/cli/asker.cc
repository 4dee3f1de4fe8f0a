#include "fs/cli/asker.h"

#include "common/access/keys.h"
#include "common/net/endpoint.h"
#include "common/net/zmq_network.h"
#include "common/wire/group_messages.h"

namespace lace::cli {
namespace {

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace

Asker::Asker(Asker&&) noexcept = default;
Asker::~Asker() {
  caller_.reset();  // before the network it came from
}

Result<Asker> Asker::make(const std::string& controls, const Access& access) {
  auto endpoints = net::parse_endpoints(controls);
  if (!endpoints) return pass(endpoints);
  net::NetworkOptions options;
  if (!access.keys_path.empty()) {
    auto key = access::load_key_file(access.keys_path);
    if (!key) return pass(key);
    options.keys = net::KeyPair{std::move(key->public_key), std::move(key->secret_key)};
  }
  Asker asker;
  asker.controls_ = std::move(*endpoints);
  asker.network_ = std::make_unique<net::ZmqNetwork>(system_clock(), std::move(options));
  asker.caller_ = asker.network_->make_caller();
  return asker;
}

template <class Message>
Result<typename Message::Reply> Asker::ask_controls(const Message& message, Millis timeout) {
  std::string tried;
  const Millis each = timeout / static_cast<int64_t>(controls_.size());
  for (const auto& control : controls_) {
    auto answered = net::call(*caller_, control, message, each);
    if (answered) return std::move(answered->reply);
    const Code code = answered.error().code;
    if (code != Code::unavailable && code != Code::unknown && code != Code::interrupted) return pass(answered);
    tried += (tried.empty() ? "" : "; ") + control.url + (answered.error().what.empty() ? "" : ": " + answered.error().what);
  }
  return fail(Code::unavailable, "no control server answers (" + tried + "): start it, or check --control");
}

Result<wire::ClusterStatusReply> Asker::status(Millis timeout) { return ask_controls(wire::ClusterStatus{}, timeout); }

Result<wire::CheckNamespaceReply> Asker::check(const wire::CheckNamespace& question, Millis timeout) {
  return ask_controls(question, timeout);
}

Status Asker::promote(const std::string& control, Millis timeout) {
  const auto done = ask_controls(wire::PromoteControl{control}, timeout);
  return done ? Status{} : Status{pass(done)};
}

Status Asker::remove_control(const std::string& control, Millis timeout) {
  const auto done = ask_controls(wire::RemoveControl{control}, timeout);
  return done ? Status{} : Status{pass(done)};
}

Result<wire::InspectInodeReply> Asker::inspect(InodeId inode, Millis timeout) {
  return ask_controls(wire::InspectInode{inode}, timeout);
}

Result<wire::Done> Asker::change_server(const wire::ChangeServer& change, Millis timeout) {
  return ask_controls(change, timeout);
}

Result<wire::RepairLimits> Asker::set_limits(const wire::SetLimits& limits, Millis timeout) {
  return ask_controls(limits, timeout);
}

Result<wire::StartScrubReply> Asker::start_scrub(const wire::StartScrub& which, Millis timeout) {
  return ask_controls(which, timeout);
}

Result<wire::InspectBlockReply> Asker::inspect(const wire::Endpoint& storage, const wire::BlockInfo& block, Millis timeout) {
  auto answered = net::call(*caller_, storage, wire::InspectBlock{block.block, block.token, {}}, timeout);
  if (!answered) return pass(answered);
  return std::move(answered->reply);
}

void Asker::pause(Millis duration) {
  if (!caller_->pause(duration)) caller_->resume();
}

}  // namespace lace::cli
