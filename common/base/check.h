// CHECK(x): what can't be false unless the program is wrong. Always on; ends the process with the place and the reason.
#pragma once

namespace lace {
[[noreturn]] void check_failed(const char* file, int line, const char* expression) noexcept;
}

#define CHECK(expression) \
  (static_cast<bool>(expression) ? static_cast<void>(0) : ::lace::check_failed(__FILE__, __LINE__, #expression))
