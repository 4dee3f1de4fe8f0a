// How requests come from the kernel, and by which threads they are carried out.
#pragma once

#include <sys/uio.h>

#include <functional>
#include <memory>

#include "common/base/result.h"
#include "fs/fuse/service.h"

namespace lace::fs::fuse {

class Engine {
 public:
  virtual ~Engine() = default;
  // Carries out the first request, in which the kernel and we agree on what both can.
  virtual Status greet() = 0;
  // From now on requests are carried out by the engine's own threads, until stop() or the end of the mount; then `ended` is
  // called, once, on one of them.
  virtual void start(std::function<void()> ended) = 0;
  // Ends what waits, joins the threads, and closes all descriptors but the session's own. Nothing may be answered after it.
  virtual void stop() = 0;
};

// Threads that read /dev/fuse, each through a descriptor of its own: as many as there are requests at a time, up to
// `max_threads`, so that those which wait for a server that is away do not hold up the others.
std::unique_ptr<Engine> make_device_engine(Service& service, net::Network& network, int max_threads);

// Writes replies for libfuse to where their request came from: fuse_custom_io.writev.
ssize_t write_reply(int session_device, iovec* pieces, int count, void*);

}  // namespace lace::fs::fuse
