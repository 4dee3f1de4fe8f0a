#include "fs/fuse/device_engine.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "common/base/check.h"
#include "common/base/log.h"
#include "fs/fuse/fuse_api.h"
#include "fs/fuse/reply_device.h"

namespace lace::fs::fuse {
namespace {

// The largest request: a write of 1 MiB, its headers, and a page to spare as the kernel wants it.
constexpr size_t request_bytes = (size_t{1} << 20) + 2 * page_bytes;
// Wakes a thread out of read(2). Its handler does nothing.
constexpr int wake_signal = SIGUSR2;

struct Buffer {
  Buffer() : bytes(static_cast<char*>(operator new (request_bytes, std::align_val_t{page_bytes}))) {}
  ~Buffer() { operator delete (bytes, std::align_val_t{page_bytes}); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  char* const bytes;
};

void install_wake_signal() {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  CHECK(::sigaction(wake_signal, &action, nullptr) == 0);  // no SA_RESTART: read(2) must return
}

void let_wake_signal_in() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, wake_signal);
  CHECK(::pthread_sigmask(SIG_UNBLOCK, &set, nullptr) == 0);
}

// A second descriptor of the same connection, with a queue of its own; the session's where the kernel can't.
int clone_device(int session_device) {
  const int device = ::open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (device < 0) return session_device;
  auto from = static_cast<uint32_t>(session_device);
  if (::ioctl(device, FUSE_DEV_IOC_CLONE, &from) == 0) return device;
  ::close(device);
  return session_device;
}

// What this libfuse has no name for yet is asked for in the answer to INIT, on its way out; kernels that do not know a bit
// ignore it. Linux 6.6: files that are open past the page cache can be mapped shared all the same.
constexpr uint64_t direct_io_allow_mmap = uint64_t{1} << 36;
thread_local bool greeting = false;

void ask_for_more(const iovec* pieces, int count) {
  fuse_init_out answer{};
  if (count != 2 || pieces[1].iov_len != sizeof answer) return;  // an error, or an old kernel
  std::memcpy(&answer, pieces[1].iov_base, sizeof answer);
  answer.flags |= FUSE_INIT_EXT | static_cast<uint32_t>(direct_io_allow_mmap);
  answer.flags2 |= static_cast<uint32_t>(direct_io_allow_mmap >> 32);
  std::memcpy(pieces[1].iov_base, &answer, sizeof answer);
}

bool waits_for_lock(uint32_t opcode) { return opcode == FUSE_SETLKW; }
bool is_quick(uint32_t opcode) { return opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET || opcode == FUSE_INTERRUPT; }

}  // namespace

ssize_t write_reply(int session_device, iovec* pieces, int count, void*) {
  if (greeting) ask_for_more(pieces, count);
  return ::writev(reply_device() >= 0 ? reply_device() : session_device, pieces, count);
}

std::unique_ptr<Engine> make_device_engine(Service& service, net::Network& network, int max_threads) {
  return std::make_unique<DeviceEngine>(service, network, max_threads);
}

DeviceEngine::DeviceEngine(Service& service, net::Network& network, int max_threads)
    : service_(service), network_(network), max_threads_(max_threads), session_device_(fuse_session_fd(service.session)) {
  install_wake_signal();
}

DeviceEngine::~DeviceEngine() { stop(); }

Status DeviceEngine::greet() {
  const Buffer buffer;
  Worker worker(network_.make_caller());
  worker.device = session_device_;
  service_.interrupts.add(worker);
  Worker::current() = &worker;
  greeting = true;
  const Next next = serve_one(worker, buffer.bytes, request_bytes);
  greeting = false;
  Worker::current() = nullptr;
  service_.interrupts.remove(worker);
  if (next == Next::ended) return fail(Code::io, "the kernel ended the mount before it began");
  return {};
}

void DeviceEngine::start(std::function<void()> ended) {
  ended_ = std::move(ended);
  for (int i = 0; i < 2; ++i) add_thread();
}

void DeviceEngine::add_thread() {
  const std::lock_guard lock(mutex_);
  if (stopping_ || static_cast<int>(threads_.size()) >= max_threads_) {
    full_ = true;
    return;
  }
  Thread& thread = threads_.emplace_back(network_.make_caller());
  ++idle_;  // counted before it runs, so that nobody adds another for the same need
  thread.thread = std::thread([this, &thread] { serve(thread); });
}

void DeviceEngine::serve(Thread& thread) {
  let_wake_signal_in();
  Worker& worker = thread.worker;
  worker.device = clone_device(session_device_);
  service_.interrupts.add(worker);
  Worker::current() = &worker;
  {
    const ReplyDevice here(worker.device);
    const Buffer buffer;
    Next next = Next::go_on;
    while (!stopping_ && next == Next::go_on) next = serve_one(worker, buffer.bytes, request_bytes);
    if (next == Next::ended && !told_ended_.exchange(true)) ended_();
  }
  Worker::current() = nullptr;
  service_.interrupts.remove(worker);
  // Its device stays open: a lock that is parked there may yet be answered.
  const std::lock_guard lock(mutex_);
  thread.done = true;
  changed_.notify_all();
}

DeviceEngine::Next DeviceEngine::serve_one(Worker& worker, char* buffer, size_t room) {
  const ssize_t got = ::read(worker.device, buffer, room);
  if (got < 0) {
    // ENOENT: the asker was killed before the request was taken.
    if (errno == EINTR || errno == EAGAIN || errno == ENOENT) return Next::go_on;
    if (errno != ENODEV && errno != ECONNABORTED) log::error("mount.read_failed", {{"error", std::strerror(errno)}});
    return Next::ended;
  }
  if (static_cast<size_t>(got) < sizeof(fuse_in_header)) {
    log::error("mount.short_request", {{"bytes", got}});
    return Next::ended;
  }
  carry_out(worker, buffer, static_cast<size_t>(got));
  return Next::go_on;
}

void DeviceEngine::carry_out(Worker& worker, char* message, size_t length) {
  fuse_in_header header;
  std::memcpy(&header, message, sizeof header);
  if (--idle_ == 0 && !is_quick(header.opcode) && !full_) add_thread();
  if (header.opcode == FUSE_INTERRUPT) {
    fuse_interrupt_in interrupt;
    std::memcpy(&interrupt, message + sizeof header, sizeof interrupt);
    service_.interrupts.deliver(interrupt.unique);
  } else {
    service_.interrupts.begin(worker, header.unique, header.pid, !waits_for_lock(header.opcode));
    fuse_buf request{};
    request.size = length;
    request.mem = message;
    if (header.opcode == FUSE_RELEASE) service_.releases.begin(header.nodeid);
    fuse_session_process_buf(service_.session, &request);
    if (header.opcode == FUSE_RELEASE) service_.releases.end(header.nodeid);
    // If its answer is still owed (a lock), the interrupt is meant for that.
    if (service_.interrupts.end(worker) && waits_for_lock(header.opcode)) {
      service_.parked.interrupt(header.unique, [this](uint64_t waiter) { return service_.cancel_lock(waiter); });
    }
  }
  ++idle_;
}

void DeviceEngine::stop() {
  if (stopping_.exchange(true)) return;
  service_.interrupts.interrupt_all();
  {
    std::unique_lock lock(mutex_);
    // A signal between the look at stopping_ and read(2) is lost, hence again and again.
    for (Thread& thread : threads_) {
      while (!thread.done) {
        ::pthread_kill(thread.thread.native_handle(), wake_signal);
        changed_.wait_for(lock, Millis{5}, [&thread] { return thread.done; });
      }
    }
  }
  for (Thread& thread : threads_) {  // no other is added any more
    thread.thread.join();
    if (thread.worker.device != session_device_) ::close(thread.worker.device);
  }
}

}  // namespace lace::fs::fuse
