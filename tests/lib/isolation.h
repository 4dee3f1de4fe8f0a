// A world of its own for a test: processes, mounts and network. When the test ends, however it ends, the kernel ends every
// process in there and takes every mount away.
#pragma once

namespace lace::test {

// Runs `body` as a child in new namespaces of processes, mounts and network (loopback only), if this user may make them; else
// as it is, and what it leaves behind is cleaned by its destructors only. Returns its exit code. Killing the caller kills all.
int run_isolated(int (*body)(int argc, char** argv), int argc, char** argv);

// Whether the calling process lives in such a world.
bool is_isolated();

}  // namespace lace::test
