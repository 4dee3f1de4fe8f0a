#include "common/access/keys.h"

#include <algorithm>

#include "common/access/text_file.h"

namespace lace::access {
namespace {

constexpr size_t key_chars = 40;
constexpr size_t max_name_chars = 64;
constexpr size_t max_key_file_bytes = 64 << 10;
constexpr std::string_view z85_alphabet =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
constexpr std::string_view name_alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-";

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= max_name_chars && text.find_first_not_of(name_alphabet) == text.npos;
}

tl::unexpected<Error> wrong_line(const std::string& path, size_t line, const std::string& what) {
  return fail(Code::invalid, path + ":" + std::to_string(line) + ": " + what);
}

// "name = value" into the key file.
Status take_line(std::string_view line, KeyFile& key, const std::string& path, size_t number) {
  const size_t equals = line.find(" = ");
  if (equals == line.npos) return wrong_line(path, number, "not of the form NAME = VALUE");
  const std::string_view name = line.substr(0, equals);
  const std::string value(line.substr(equals + 3));
  std::string* const place = name == "name"     ? &key.name
                             : name == "public" ? &key.public_key
                             : name == "secret" ? &key.secret_key
                                                : nullptr;
  if (place == nullptr) return wrong_line(path, number, "'" + std::string(name) + "' is none of name, public, secret");
  if (!place->empty()) return wrong_line(path, number, "'" + std::string(name) + "' for the second time");
  const bool good = place == &key.name ? is_name(value) : is_key(value);
  // The value of a secret is never shown.
  if (!good) return wrong_line(path, number, "the value of '" + std::string(name) + "' is not what it must be");
  *place = value;
  return {};
}

}  // namespace

bool is_key(std::string_view text) { return text.size() == key_chars && text.find_first_not_of(z85_alphabet) == text.npos; }

Status make_key_file(const std::string& path, const KeyFile& key) {
  if (!is_name(key.name)) {
    return fail(Code::invalid, "'" + key.name + "': a key's name is 1 to 64 letters, digits, '.', '_' or '-'");
  }
  if (!is_key(key.public_key) || !is_key(key.secret_key)) return fail(Code::invalid, "a key must be 40 characters of Z85");
  return write_new_secret_file(path, "# A key of LaceFS. Keep it secret: whoever has this file is taken for " + key.name +
                                         ".\nname = " + key.name + "\npublic = " + key.public_key +
                                         "\nsecret = " + key.secret_key + "\n");
}

Result<KeyFile> load_key_file(const std::string& path) {
  const auto file = read_text_file(path, max_key_file_bytes);
  if (!file) return pass(file);
  if ((file->mode & 0077) != 0) {
    return fail(Code::denied, path + ": others than its owner may use this secret key: chmod 600 " + path);
  }
  KeyFile key;
  std::string_view rest = file->text;
  for (size_t number = 1; !rest.empty(); ++number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = meaning_of_line(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty()) continue;
    if (const Status taken = take_line(line, key, path, number); !taken) return pass(taken);
  }
  if (key.name.empty() || key.public_key.empty() || key.secret_key.empty()) {
    return fail(Code::invalid, path + ": not a key file: it needs name, public and secret; make one with `lace key new NAME`");
  }
  return key;
}

}  // namespace lace::access
