#include "common/config/options.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lace::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::internal::CaptureStderr;
using testing::internal::CaptureStdout;
using testing::internal::GetCapturedStderr;
using testing::internal::GetCapturedStdout;

struct Daemon {
  std::string data, role = "plain";
  std::vector<std::string> listen;
  int copies = 2;
  bool fast = false;
  Options options{"lace-x", "does things"};
  Daemon() {
    options.text("data", data, "DIR", "data directory").required();
    options.list("listen", listen, "URL", "where to listen");
    options.number("copies", copies, 1, 5, "copies of each block");
    options.choice("role", role, {"plain", "odd"}, "what it is");
    options.flag("fast", fast, "hurry");
    options.daemon_flags();
  }
  std::string error;
  std::optional<int> parse(std::vector<std::string> arguments) {
    CaptureStderr();
    const auto code = options.parse(std::move(arguments));
    error = GetCapturedStderr();
    return code;
  }
};

struct ConfigFile {
  std::filesystem::path path;
  explicit ConfigFile(const std::string& content) {
    char name[] = "/tmp/lace-options-XXXXXX";
    const int fd = mkstemp(name);
    close(fd);
    path = name;
    std::ofstream(path) << content;
  }
  ~ConfigFile() { std::filesystem::remove(path); }
};

TEST(Options, TakeWhatFollowsTwoDashesForArguments) {
  std::string place;
  const auto parse = [&place](std::vector<std::string> arguments) {
    Options options("lace-x", "does things");
    options.argument("PLACE", place, "a directory");
    CaptureStderr();
    const auto code = options.parse(std::move(arguments));
    return code ? GetCapturedStderr() : (GetCapturedStderr(), std::string());
  };
  EXPECT_EQ(parse({"--", "/mnt"}), "");
  EXPECT_EQ(place, "/mnt");
  EXPECT_EQ(parse({"--", "--odd"}), "");
  EXPECT_EQ(place, "--odd");
  EXPECT_THAT(parse({"--odd"}), HasSubstr("unknown flag '--odd'"));
  EXPECT_THAT(parse({"--", "/mnt", "more"}), HasSubstr("unexpected argument 'more'"));
}

TEST(Options, BindTheCommandLineToVariables) {
  Daemon daemon;
  EXPECT_EQ(daemon.parse({"--data=/d", "--listen", "a,b", "--listen", "c", "--copies", "3", "--fast", "--role", "odd"}),
            std::nullopt)
      << daemon.error;
  EXPECT_EQ(daemon.data, "/d");
  EXPECT_THAT(daemon.listen, ElementsAre("a", "b", "c"));
  EXPECT_EQ(daemon.copies, 3);
  EXPECT_TRUE(daemon.fast);
  EXPECT_EQ(daemon.role, "odd");
  EXPECT_TRUE(daemon.options.given("copies"));
  EXPECT_FALSE(daemon.options.given("log-level"));
}

TEST(Options, TakeWhatTheCommandLineLeavesOpenFromTheFile) {
  ConfigFile file(R"({"data": "/from-file", "copies": 4, "listen": ["x", "y"], "fast": true})");
  Daemon daemon;
  EXPECT_EQ(daemon.parse({"--config", file.path, "--copies", "1"}), std::nullopt) << daemon.error;
  EXPECT_EQ(daemon.data, "/from-file");
  EXPECT_EQ(daemon.copies, 1);
  EXPECT_THAT(daemon.listen, ElementsAre("x", "y"));
  EXPECT_TRUE(daemon.fast);
}

TEST(Options, RefuseWrongCommandLines) {
  const struct {
    std::vector<std::string> arguments;
    const char* says;
  } cases[] = {
      {{}, "--data DIR is missing"},
      {{"--data", "d", "--copis", "3"}, "did you mean --copies?"},
      {{"--data", "d", "--copies", "6"}, "from 1 to 5"},
      {{"--data", "d", "--copies", "two"}, "from 1 to 5"},
      {{"--data", "d", "--copies", "3x"}, "from 1 to 5"},
      {{"--data"}, "--data"},
      {{"--data", "d", "stray"}, "unexpected argument 'stray'"},
      {{"--data", "d", "--role", "other"}, "plain|odd"},
  };
  for (const auto& one : cases) {
    Daemon daemon;
    EXPECT_EQ(daemon.parse(one.arguments), 2);
    EXPECT_THAT(daemon.error, HasSubstr(one.says));
    EXPECT_THAT(daemon.error, HasSubstr("lace-x --help"));
  }
}

TEST(Options, RefuseWrongFilesAndNameTheKey) {
  const struct {
    const char *content, *says;
  } cases[] = {
      {R"({"copis": 2})", "did you mean \"copies\"?"},
      {R"({"copies": "2"})", "\"copies\" must be a whole number"},
      {R"({"copies": 9})", "from 1 to 5"},
      {R"({"fast": 1})", "\"fast\" must be true or false"},
      {R"({"listen": [1]})", "\"listen\" must be a text or a list of texts"},
      {R"({"data": null})", "\"data\" must be a text"},
      {R"({"config": "x"})", "unknown key \"config\""},
      {R"([1])", "must be a JSON object"},
      {R"({"data": )", "is not JSON"},
      {"", "can't be read"},
  };
  for (const auto& one : cases) {
    ConfigFile file(one.content);
    Daemon daemon;
    EXPECT_EQ(daemon.parse({"--data", "d", "--config", file.path}), 2) << one.content;
    EXPECT_THAT(daemon.error, HasSubstr(one.says));
    EXPECT_THAT(daemon.error, HasSubstr(file.path.string()));
  }
  Daemon daemon;
  EXPECT_EQ(daemon.parse({"--data", "d", "--config", "/nowhere/x.json"}), 2);
  EXPECT_THAT(daemon.error, HasSubstr("/nowhere/x.json"));
}

TEST(Options, PrintHelpAndVersion) {
  Daemon daemon;
  CaptureStdout();
  EXPECT_EQ(daemon.parse({"--help"}), 0);
  const std::string help = GetCapturedStdout();
  EXPECT_THAT(help, HasSubstr("Usage:\n    lace-x --data DIR [OPTION]..."));
  EXPECT_THAT(help, HasSubstr("copies of each block (default: 2)"));
  CaptureStdout();
  EXPECT_EQ(daemon.parse({"--version"}), 0);
  EXPECT_THAT(GetCapturedStdout(), HasSubstr("lace-x " LACE_VERSION));
}

TEST(Options, HelpFitsATerminal) {
  Daemon daemon;
  std::istringstream lines(daemon.options.help());
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80u) << line;
}

TEST(Options, ReadArgumentsAndShortNames) {
  std::string target;
  std::vector<std::string> mount_options;
  Options options("lace mount", "mounts");
  options.list("options", mount_options, "OPTIONS", "mount options").short_name('o');
  options.argument("MOUNTPOINT", target, "where");
  EXPECT_EQ(options.parse(std::vector<std::string>{"-o", "ro,noatime", "/mnt", "-o", "uid=3"}), std::nullopt);
  EXPECT_EQ(target, "/mnt");
  EXPECT_THAT(mount_options, ElementsAre("ro", "noatime", "uid=3"));
}

TEST(Nearest, FindsWhatWasMeantOrNothing) {
  EXPECT_EQ(nearest("statsu", {"status", "up", "down"}), "status");
  EXPECT_EQ(nearest("umount", {"unmount", "mount", "up"}), "unmount");
  EXPECT_EQ(nearest("frobnicate", {"status", "up", "down"}), std::nullopt);
}

}  // namespace
}  // namespace lace::config
