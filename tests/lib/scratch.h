// Temporary directories of tests.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace lace::test {

// A new directory below TMPDIR. Its path is short, because sockets lie in it.
inline std::string make_scratch_directory(const std::string& name) {
  std::string path = std::filesystem::temp_directory_path() / (name + "-XXXXXX");
  if (!mkdtemp(path.data())) throw std::runtime_error("mkdtemp " + path);
  return path;
}

}  // namespace lace::test
