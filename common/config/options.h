// A program's command line and, for daemons, its JSON configuration file, in one declaration:
//
//   Options options("lace-storage", "keeps copies of blocks on one disk");
//   options.text("data", data, "DIR", "data directory").required();
//   options.list("listen", urls, "URL", "where to listen").required();
//   options.number("copies", copies, 1, 5, "copies of each block");
//   options.daemon_flags();
//   if (const auto code = options.parse(argc, argv)) return *code;
//
// Variables keep their value when nothing sets them: that is the default, and --help shows it. The command line wins over the
// file.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace lace::config {

class Options {
 public:
  // `program` as it is typed ("lace up"); `summary` completes the sentence "PROGRAM: ...".
  Options(std::string program, std::string summary);
  ~Options();
  Options(const Options&) = delete;
  Options& operator=(const Options&) = delete;

  // Flags with a long name, without the dashes. `value` names what is given in --help: "DIR", "URL", "N". What is bound here
  // must outlive parse().
  Options& text(std::string name, std::string& into, std::string value, std::string help);
  // Given several times, or separated by commas; in the file an array of texts or one text.
  Options& list(std::string name, std::vector<std::string>& into, std::string value, std::string help);
  Options& flag(std::string name, bool& into, std::string help);
  Options& choice(std::string name, std::string& into, std::vector<std::string> allowed, std::string help);
  template <std::integral Number>
  Options& number(std::string name, Number& into, std::type_identity_t<Number> least, std::type_identity_t<Number> most,
                  std::string help) {
    return whole_number(std::move(name), static_cast<int64_t>(into), static_cast<int64_t>(least), static_cast<int64_t>(most),
                        std::move(help), [&into](int64_t value) { into = static_cast<Number>(value); });
  }

  // What stands on the command line without a flag, in the order of these calls. Required unless optional() follows.
  Options& argument(std::string name, std::string& into, std::string help);

  // These speak of what was declared last.
  Options& required();
  Options& optional();
  Options& short_name(char letter);

  // --config FILE (a JSON object whose keys are the long flag names) and --log-level, which parse() puts into effect.
  Options& daemon_flags();

  // Paragraphs of --help behind the options: ("Examples", "lace up ~/lace\n..."). Lines that start with a space are kept as
  // they are.
  Options& section(std::string title, std::string text);

  // Nothing: go on. Else the exit code: 0 after --help or --version, which were printed; 2 after an error, which was printed
  // with its remedy to standard error.
  [[nodiscard]] std::optional<int> parse(int argc, const char* const* argv);
  [[nodiscard]] std::optional<int> parse(std::vector<std::string> arguments);  // without the program's name

  // Whether the command line or the file set it.
  bool given(std::string_view name) const;
  std::string help() const;
  // Prints "PROGRAM: what" and the way to --help; returns 2.
  int wrong_usage(std::string_view what) const;

 private:
  struct Entry;
  Options& whole_number(std::string name, int64_t now, int64_t least, int64_t most, std::string help,
                        std::function<void(int64_t)> set);
  Options& add(Entry entry);
  Status read_arguments(std::vector<std::string> arguments);
  Status read_file(const std::string& path);
  Status check_required() const;
  Entry* find(std::string_view name) const;

  const std::string program_, summary_;
  std::vector<std::unique_ptr<Entry>> entries_;
  std::vector<std::pair<std::string, std::string>> sections_;
  bool wants_help_ = false, wants_version_ = false;
  std::string config_path_, log_level_ = "info";
};

// The one of `known` that was most likely meant by `typed`, or nothing.
std::optional<std::string> nearest(std::string_view typed, const std::vector<std::string>& known);

}  // namespace lace::config
