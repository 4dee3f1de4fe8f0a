// Reading and writing small files that only certain people may touch.
#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

#include "common/base/result.h"

namespace lace::access {

struct TextFile {
  std::string text;
  mode_t mode = 0;  // permission bits
};

// Regular files of at most `max_bytes`. Errors: no_entry, access, invalid (not a file, too large), io.
Result<TextFile> read_text_file(const std::string& path, size_t max_bytes);
// Makes the file, mode 0600, with its bytes and its name on stable storage. Errors: exists, no_entry, access, no_space, io.
Status write_new_secret_file(const std::string& path, std::string_view text);

// Lines as people edit them: without the blanks around; empty if it is a comment ("#" alone or before a blank).
std::string_view meaning_of_line(std::string_view line);

}  // namespace lace::access
