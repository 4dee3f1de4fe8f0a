#include "common/net/wake_up.h"

#include <cerrno>
#include <cstdint>

#include <sys/eventfd.h>
#include <unistd.h>

#include "common/base/check.h"

namespace lace::net {

WakeUp::WakeUp() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { CHECK(fd_ >= 0); }

WakeUp::~WakeUp() { close(fd_); }

void WakeUp::set() {
  const uint64_t one = 1;
  ssize_t written;
  do written = write(fd_, &one, sizeof one);
  while (written < 0 && errno == EINTR);
  CHECK(written == sizeof one || errno == EAGAIN);  // EAGAIN: it is set, 2^64-2 times over
}

void WakeUp::clear() {
  uint64_t count;
  ssize_t got;
  do got = read(fd_, &count, sizeof count);
  while (got < 0 && errno == EINTR);
  CHECK(got == sizeof count || errno == EAGAIN);
}

}  // namespace lace::net
