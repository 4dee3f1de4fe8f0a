#include "control/group/snapshots.h"

#include <unistd.h>

#include <algorithm>

#include "common/base/log.h"

namespace lace::control {
namespace {

constexpr int pages_at_once = 500;  // 2 MiB: a few milliseconds
constexpr Micros rest{1'000};       // for everybody else
constexpr uint64_t most_bytes = uint64_t{4} << 20;
constexpr Millis kept_for{60'000};  // after the last question
constexpr Millis look_every{5'000};

}  // namespace

// Numbers of different masters differ.
Snapshots::Snapshots(net::Loop& loop, Namespace& ns, const std::string& directory, uint64_t term)
    : loop_(loop), namespace_(ns), path_(directory + "/snapshot.db"), id_(term << 24 | 1) {
  ::unlink(path_.c_str());
}

Snapshots::~Snapshots() {
  *lives_ = false;
  if (state_ != State::none) drop();
}

void Snapshots::give(const wire::FetchSnapshot& question, net::Responder responder) {
  last_asked_ = loop_.clock().now();
  if (state_ == State::none) begin();
  if (state_ != State::ready) return responder.answer(wire::FetchSnapshotReply{});
  const wire::FetchSnapshotReply reply{id_, total_bytes_};
  if (question.snapshot != id_ || question.offset >= total_bytes_) return responder.answer(reply);
  std::string bytes(std::min({question.most_bytes, most_bytes, total_bytes_ - question.offset}), '\0');
  file_.clear();
  file_.seekg(static_cast<std::streamoff>(question.offset));
  if (!file_.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
    drop();
    return responder.refuse(Code::io, path_ + " could not be read");
  }
  responder.answer(reply, Bytes(std::move(bytes)));
}

void Snapshots::begin() {
  auto begun = namespace_.back_up(path_);
  if (!begun) {
    log::warn("control.snapshot_failed", {{"reason", begun.error().what}});
    return;
  }
  backup_ = std::move(*begun);
  state_ = State::making;
  namespace_.keep_log_from(namespace_.position().number);
  go_on();
  look();
}

void Snapshots::go_on() {
  bool complete = false;
  const Status done = db::guarded([&] { complete = backup_->step(pages_at_once); });
  if (!done) {
    log::warn("control.snapshot_failed", {{"reason", done.error().what}});
    return drop();
  }
  if (!complete) {
    loop_.after(rest, [this, lives = lives_] {
      if (*lives && state_ == State::making) go_on();
    });
    return;
  }
  backup_.reset();
  file_.open(path_, std::ios::binary);
  file_.seekg(0, std::ios::end);
  const std::streamoff size = file_.tellg();
  if (!file_ || size <= 0) return drop();
  total_bytes_ = static_cast<uint64_t>(size);
  state_ = State::ready;
}

void Snapshots::drop() {
  backup_.reset();
  file_.close();
  ::unlink(path_.c_str());
  namespace_.keep_log_from(0);
  state_ = State::none;
  ++id_;
}

void Snapshots::look() {
  loop_.after(look_every, [this, lives = lives_] {
    if (!*lives || state_ == State::none) return;
    if (loop_.clock().now() >= last_asked_ + kept_for) return drop();
    look();
  });
}

}  // namespace lace::control
