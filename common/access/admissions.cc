#include <algorithm>
#include <vector>

#include "common/access/keys.h"
#include "common/access/text_file.h"

namespace lace::access {
namespace {

constexpr size_t max_list_bytes = size_t{16} << 20;
constexpr size_t max_name_chars = 64;
constexpr std::string_view form = "a line is KEY NAME ro|rw SUBTREE, or KEY NAME server";

// Cuts off the first word; the rest starts at the next one.
std::string_view take_word(std::string_view& line) {
  const size_t end = std::min(line.find_first_of(" \t"), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return word;
}

Result<std::string> subtree_of(std::string_view text) {
  if (!text.starts_with('/')) return fail(Code::invalid, "the subtree must be an absolute path, as in /home/ann, or / for all");
  std::string path;
  for (size_t start = 1; start <= text.size();) {
    const size_t end = std::min(text.find('/', start), text.size());
    const std::string_view part = text.substr(start, end - start);
    if (part == "." || part == "..") return fail(Code::invalid, "the subtree must not contain '.' or '..'");
    if (!part.empty()) (path += '/') += part;
    start = end + 1;
  }
  return path.empty() ? "/" : path;
}

Result<Admission> parse_line(std::string_view line, std::string& key) {
  key = take_word(line);
  if (!is_key(key))
    return fail(Code::invalid, "the key is not 40 characters of Z85; " + std::string(form) + ", a comment starts with '# '");
  Admission admission;
  admission.name = take_word(line);
  if (admission.name.empty() || admission.name.size() > max_name_chars) return fail(Code::invalid, std::string(form));
  const std::string_view access = take_word(line);
  if (access == "server") {
    admission.server = true;
    if (!line.empty()) return fail(Code::invalid, "nothing may follow 'server'");
    return admission;
  }
  if (access != "ro" && access != "rw") return fail(Code::invalid, std::string(form));
  admission.read_only = access == "ro";
  auto subtree = subtree_of(line);
  if (!subtree) return pass(subtree);
  admission.subtree = std::move(*subtree);
  return admission;
}

}  // namespace

Result<Admissions> Admissions::load(const std::string& path) {
  const auto file = read_text_file(path, max_list_bytes);
  if (!file) return pass(file);
  if ((file->mode & 0022) != 0) {
    return fail(Code::denied, path + ": others than its owner may change who is let in: chmod go-w " + path);
  }
  return parse(file->text, path);
}

Result<Admissions> Admissions::parse(std::string_view text, const std::string& path) {
  Admissions list;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = meaning_of_line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    const std::string place = path + ":" + std::to_string(number) + ": ";
    std::string key;
    auto admission = parse_line(line, key);
    if (!admission) return fail(admission.error().code, place + admission.error().what);
    const auto [at, added] = list.by_key_.emplace(key, std::move(*admission));
    if (!added) return fail(Code::invalid, place + "the key is there already, as that of " + at->second.name);
  }
  return list;
}

const Admission* Admissions::find(const std::string& public_key) const {
  const auto found = by_key_.find(public_key);
  return found == by_key_.end() ? nullptr : &found->second;
}

}  // namespace lace::access
