#include <iostream>

#include "fs/cli/commands.h"

namespace lace::cli {

int failed(const std::string& command, const Error& error) {
  std::cerr << "lace " << command << ": " << error.what << '\n';
  return 1;
}

}  // namespace lace::cli
