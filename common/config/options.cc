#include "common/config/options.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iostream>
#include <sstream>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "common/base/check.h"
#include "common/base/log.h"
#include "common/config/help_text.h"

namespace lace::config {
namespace {

using Json = nlohmann::json;

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
    }
  }
  return row.back();
}

std::vector<std::string> split(std::string_view text, char at) {
  std::vector<std::string> parts;
  std::istringstream stream{std::string(text)};
  for (std::string part; std::getline(stream, part, at);) {
    if (!part.empty()) parts.push_back(std::move(part));
  }
  return parts;
}

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string all;
  for (const auto& part : parts) all += (all.empty() ? "" : std::string(between)) + part;
  return all;
}

}  // namespace

enum class Type { text, list, flag, choice, number, argument };

struct Options::Entry {
  Type type;
  std::string name, value, help;
  std::string shown_default;  // empty: none
  // Takes what was given as text; returns what is wrong with it, or nothing.
  std::function<std::string(const std::vector<std::string>&)> set;
  bool required = false;
  char letter = 0;
  bool given = false;

  std::string title() const { return type == Type::argument ? name : "--" + name; }
  std::string title_with_value() const {
    if (type == Type::argument) return name;
    std::string text = letter ? std::string{'-', letter} + ", " + title() : title();
    return type == Type::flag ? text : text + ' ' + value;
  }
};

std::optional<std::string> nearest(std::string_view typed, const std::vector<std::string>& known) {
  std::optional<std::string> best;
  size_t least = std::max<size_t>(1, typed.size() / 3) + 1;
  for (const auto& word : known) {
    const bool begins = typed.size() >= 2 && word.starts_with(typed);
    const size_t distance = begins ? 1 : edit_distance(typed, word);
    if (distance < least) least = distance, best = word;
  }
  return best;
}

Options::Options(std::string program, std::string summary) : program_(std::move(program)), summary_(std::move(summary)) {}
Options::~Options() = default;

Options& Options::add(Entry entry) {
  CHECK(!find(entry.name));
  entries_.push_back(std::make_unique<Entry>(std::move(entry)));
  return *this;
}

Options& Options::text(std::string name, std::string& into, std::string value, std::string help) {
  return add({Type::text, std::move(name), std::move(value), std::move(help), into, [&into](const auto& given) {
                into = given.back();
                return std::string();
              }});
}

Options& Options::list(std::string name, std::vector<std::string>& into, std::string value, std::string help) {
  return add({Type::list, std::move(name), value + "[," + value + "...]", std::move(help), joined(into, ","),
              [&into](const auto& given) {
                into.clear();
                for (const auto& one : given) {
                  for (auto& part : split(one, ',')) into.push_back(std::move(part));
                }
                return into.empty() ? "is empty" : std::string();
              }});
}

Options& Options::flag(std::string name, bool& into, std::string help) {
  return add({Type::flag, std::move(name), "", std::move(help), "", [&into](const auto& given) {
                into = given.empty() || given.back() == "true";
                return std::string();
              }});
}

Options& Options::choice(std::string name, std::string& into, std::vector<std::string> allowed, std::string help) {
  std::string value = joined(allowed, "|");
  return add({Type::choice, std::move(name), value, std::move(help), into, [&into, allowed, value](const auto& given) {
                if (std::find(allowed.begin(), allowed.end(), given.back()) == allowed.end()) {
                  return "is '" + given.back() + "', but must be one of " + value;
                }
                into = given.back();
                return std::string();
              }});
}

Options& Options::whole_number(std::string name, int64_t now, int64_t least, int64_t most, std::string help,
                               std::function<void(int64_t)> set) {
  return add({Type::number, std::move(name), "N", std::move(help), std::to_string(now),
              [least, most, set = std::move(set)](const auto& given) {
                const std::string& text = given.back();
                int64_t value = 0;
                const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
                if (error == std::errc() && end == text.data() + text.size() && value >= least && value <= most) {
                  set(value);
                  return std::string();
                }
                return "is '" + text + "', but must be a whole number from " + std::to_string(least) + " to " +
                       std::to_string(most);
              }});
}

Options& Options::argument(std::string name, std::string& into, std::string help) {
  add({Type::argument, std::move(name), "", std::move(help), "", [&into](const auto& given) {
         into = given.back();
         return into.empty() ? "is empty" : std::string();
       }});
  return required();
}

Options& Options::required() {
  entries_.back()->required = true;
  entries_.back()->shown_default.clear();
  return *this;
}
Options& Options::optional() {
  entries_.back()->required = false;
  return *this;
}
Options& Options::short_name(char letter) {
  entries_.back()->letter = letter;
  return *this;
}

Options& Options::daemon_flags() {
  choice("log-level", log_level_, {"debug", "info", "warn", "error"}, "what is logged to standard error, one event a line");
  return text("config", config_path_, "FILE",
              "JSON object that sets any of these flags: its keys are their long names. The command line wins over it");
}

Options& Options::section(std::string title, std::string text) {
  sections_.emplace_back(std::move(title), std::move(text));
  return *this;
}

Options::Entry* Options::find(std::string_view name) const {
  for (const auto& entry : entries_) {
    if (entry->name == name) return entry.get();
  }
  return nullptr;
}

bool Options::given(std::string_view name) const {
  const Entry* entry = find(name);
  return entry && entry->given;
}

int Options::wrong_usage(std::string_view what) const {
  std::cerr << program_ << ": " << what << " (see '" << program_ << " --help')\n";
  return 2;
}

std::optional<int> Options::parse(int argc, const char* const* argv) {
  return parse(std::vector<std::string>(argv + std::min(argc, 1), argv + argc));
}

std::optional<int> Options::parse(std::vector<std::string> arguments) {
  wants_help_ = wants_version_ = false;
  Status read = read_arguments(std::move(arguments));
  if (wants_help_) return std::cout << help(), 0;
  if (wants_version_) return std::cout << program_.substr(0, program_.find(' ')) << ' ' << LACE_VERSION << '\n', 0;
  if (read && !config_path_.empty()) read = read_file(config_path_);
  if (read) read = check_required();
  if (!read) return wrong_usage(read.error().what);
  if (find("log-level")) {
    log::set_level(log_level_ == "debug"  ? log::Level::debug
                   : log_level_ == "info" ? log::Level::info
                   : log_level_ == "warn" ? log::Level::warn
                                          : log::Level::error);
  }
  return std::nullopt;
}

Status Options::read_arguments(std::vector<std::string> arguments) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  app.add_flag("-h,--help", wants_help_);
  app.add_flag("--version", wants_version_);
  std::vector<std::pair<Entry*, CLI::Option*>> bound;
  for (const auto& entry : entries_) {
    std::string names = entry->title();
    if (entry->letter) names = std::string{'-', entry->letter} + ',' + names;
    CLI::Option* option = entry->type == Type::flag ? app.add_flag(names) : app.add_option(names);
    if (entry->type != Type::flag)
      option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->allow_extra_args(false);
    bound.emplace_back(entry.get(), option);
  }
  try {
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    return fail(Code::invalid, error.what());
  }
  if (wants_help_ || wants_version_) return {};
  auto extras = app.remaining();
  // CLI11 leaves the mark behind which nothing is a flag with what it could not place.
  if (const auto mark = std::find(extras.begin(), extras.end(), "--"); mark != extras.end()) extras.erase(mark);
  if (!extras.empty()) {
    std::string what = (extras[0].starts_with('-') ? "unknown flag '" : "unexpected argument '") + extras[0] + "'";
    std::vector<std::string> known;
    for (const auto& entry : entries_) known.push_back(entry->title());
    if (const auto meant = nearest(extras[0].substr(0, extras[0].find('=')), known); meant && extras[0].starts_with('-')) {
      what += ": did you mean " + *meant + "?";
    }
    return fail(Code::invalid, what);
  }
  for (const auto& [entry, option] : bound) {
    if (option->count() == 0) continue;
    entry->given = true;
    if (const std::string wrong = entry->set(option->results()); !wrong.empty()) {
      return fail(Code::invalid, entry->title() + ' ' + wrong);
    }
  }
  return {};
}

namespace {

// The texts that a value of the file stands for, or what its type must be.
Result<std::vector<std::string>> texts_of(const Json& value, Type type) {
  const auto text_list = [](const Json& list) {
    return std::all_of(list.begin(), list.end(), [](const Json& one) { return one.is_string(); });
  };
  switch (type) {
    case Type::flag:
      if (!value.is_boolean()) return fail(Code::invalid, "true or false");
      return std::vector<std::string>{value.get<bool>() ? "true" : "false"};
    case Type::number:
      if (!value.is_number_integer()) return fail(Code::invalid, "a whole number");
      return std::vector<std::string>{value.dump()};
    case Type::list:
      if (value.is_array() && !value.empty() && text_list(value)) return value.get<std::vector<std::string>>();
      if (!value.is_string()) return fail(Code::invalid, "a text or a list of texts");
      return std::vector<std::string>{value.get<std::string>()};
    default:
      if (!value.is_string()) return fail(Code::invalid, "a text");
      return std::vector<std::string>{value.get<std::string>()};
  }
}

}  // namespace

Status Options::read_file(const std::string& path) {
  const auto wrong = [&](const std::string& what) { return fail(Code::invalid, "configuration " + path + ": " + what); };
  std::ifstream file(path);
  std::stringstream content;
  if (!file || !(content << file.rdbuf()))
    return wrong("can't be read: check that it is a file with content, and its permissions");
  Json object;
  try {
    object = Json::parse(content.str());
  } catch (const Json::exception& error) {
    return wrong(std::string("is not JSON: ") + error.what());
  }
  if (!object.is_object()) return wrong("must be a JSON object whose keys are flag names, such as {\"log-level\": \"info\"}");
  for (const auto& [key, value] : object.items()) {
    Entry* entry = find(key);
    if (!entry || entry->type == Type::argument || key == "config") {
      std::vector<std::string> known;
      for (const auto& one : entries_) {
        if (one->type != Type::argument && one->name != "config") known.push_back(one->name);
      }
      const auto meant = nearest(key, known);
      return wrong("unknown key \"" + key + "\"" + (meant ? ": did you mean \"" + *meant + "\"?" : ""));
    }
    const auto texts = texts_of(value, entry->type);
    if (!texts) return wrong("\"" + key + "\" must be " + texts.error().what + ", not " + value.dump());
    if (entry->given) continue;
    if (const std::string error = entry->set(*texts); !error.empty()) return wrong("\"" + key + "\" " + error);
    entry->given = true;
  }
  return {};
}

Status Options::check_required() const {
  for (const auto& entry : entries_) {
    if (entry->required && !entry->given) return fail(Code::invalid, entry->title_with_value() + " is missing: " + entry->help);
  }
  return {};
}

std::string Options::help() const {
  std::string usage = program_;
  bool any_flag = false, any_argument = false;
  for (const auto& entry : entries_) {
    if (entry->type == Type::argument) {
      any_argument = true;
      continue;
    }
    any_flag = true;
    if (entry->required) usage += " --" + entry->name + ' ' + entry->value;
  }
  if (any_flag) usage += " [OPTION]...";
  for (const auto& entry : entries_) {
    if (entry->type == Type::argument) usage += entry->required ? ' ' + entry->name : " [" + entry->name + ']';
  }
  constexpr size_t indent = 8;
  std::string text = wrapped(program_ + ": " + summary_ + '.', 0) + "\n\nUsage:\n    " + wrapped(usage, indent) + "\n";
  const auto describe = [&](const std::string& title, const std::string& help, const std::string& shown_default) {
    const std::string rest = shown_default.empty() ? "" : " (default: " + shown_default + ")";
    text += "    " + title + "\n" + std::string(indent, ' ') + wrapped(help + rest, indent) + "\n";
  };
  if (any_argument) text += "\nArguments:\n";
  for (const auto& entry : entries_) {
    if (entry->type == Type::argument) describe(entry->name, entry->help, "");
  }
  text += "\nOptions:\n";
  for (const auto& entry : entries_) {
    if (entry->type != Type::argument) describe(entry->title_with_value(), entry->help, entry->shown_default);
  }
  describe("-h, --help", "print this and end", "");
  describe("--version", "print the version and end", "");
  for (const auto& [title, body] : sections_) text += "\n" + title + ":\n    " + wrapped(body, 4) + "\n";
  return text + "\nExit code: 0 done, 1 failed, 2 wrong usage.\n";
}

}  // namespace lace::config
