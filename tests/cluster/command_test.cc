// The `lace` command as people and programs rely on it.
#include <filesystem>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/lib/cluster.h"
#include "tests/lib/scratch.h"

namespace lace::test {
namespace {

using Json = nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

class Command : public testing::Test {
 protected:
  void SetUp() override {
    const std::string programs = std::filesystem::path(program_path("lace")).parent_path();
    std::filesystem::create_directory(top_ + "/mnt");
    environment_ = {{"T", top_},
                    {"M", top_ + "/mnt"},
                    {"HOME", top_ + "/home"},
                    {"XDG_DATA_HOME", ""},
                    {"PATH", programs + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}};
  }
  void TearDown() override {
    const Ran down = run("lace down --data $T/data");
    if (HasFailure()) std::cerr << down.output << run("tail -n 20 $T/data/log/*").output;
    (void)run("umount -l $T/tmpfs $M 2>/dev/null");
    std::error_code error;
    std::filesystem::remove_all(top_, error);
    EXPECT_FALSE(error) << error.message();
  }
  Ran run(const std::string& script) { return shell(script, environment_, Millis(110'000)); }
  std::string passes(const std::string& script) {
    const Ran ran = run(script);
    EXPECT_EQ(ran.code, 0) << script << ":\n" << ran.output;
    return ran.output;
  }
  std::string fails(const std::string& script, int code) {
    const Ran ran = run(script);
    EXPECT_EQ(ran.code, code) << script << ":\n" << ran.output;
    return ran.output;
  }
  Json json(const std::string& script) { return Json::parse(passes(script)); }

  const std::string top_ = make_scratch_directory("lace");
  Environment environment_;
};

TEST_F(Command, BringsAClusterUpAndDownAndKeepsItsData) {
  const std::string words = passes("lace up --data $T/data $M");
  EXPECT_THAT(words,
              AllOf(HasSubstr("control-1 started"), HasSubstr("storage-3 started"), HasSubstr("mounted on " + top_ + "/mnt"),
                    HasSubstr("healthy"), HasSubstr("lace mount --control ipc://")));
  passes(
      "for n in control-1 storage-1 storage-2 storage-3 mount; do kill -0 $(cat $T/data/run/$n.pid); [ -s $T/data/log/$n.log "
      "]; done");
  passes("[ $(stat -c %a $T/data/run) = 700 ]; echo kept >$M/file; mountpoint -q $M");
  EXPECT_THAT(passes("lace up --data $T/data $M"), HasSubstr("storage-2 is running"));
  EXPECT_THAT(passes("lace down --data $T/data"),
              AllOf(HasSubstr("unmounted"), HasSubstr("storage-1 stopped"), HasSubstr("control-1 stopped")));
  passes("not mountpoint -q $M; not ls $T/data/run/*.pid 2>/dev/null; not pgrep -f $T/data");
  EXPECT_THAT(passes("lace down --data $T/data"), HasSubstr("Nothing was running"));
  passes("lace up --data $T/data $M; [ \"$(cat $M/file)\" = kept ]");
}

TEST_F(Command, StartsOnlyWhatIsNotRunning) {
  passes("lace up --data $T/data --storages 2 $M; echo x >$M/file; sync $M/file");
  passes("cp $T/data/run/control-1.pid $T/control; kill -9 $(cat $T/data/run/storage-1.pid)");
  const std::string words = passes("lace up --data $T/data $M");
  EXPECT_THAT(words,
              AllOf(HasSubstr("storage-1 started"), HasSubstr("storage-2 is running"), HasSubstr("control-1 is running")));
  passes("cmp $T/data/run/control-1.pid $T/control; [ \"$(cat $M/file)\" = x ]");
  passes("kill -9 $(cat $T/data/run/mount.pid)");
  EXPECT_THAT(passes("lace up --data $T/data $M"), HasSubstr("mounted on"));
  passes("[ \"$(cat $M/file)\" = x ]");
  EXPECT_THAT(passes("lace up --data $T/data --storages 3 $M"), HasSubstr("storage-3 started"));
}

TEST_F(Command, TellsTheStatus) {
  passes("lace up --data $T/data $M; head -c 3M /dev/urandom >$M/f; sync $M/f");
  const Json status = json("lace status --data $T/data --json");
  EXPECT_EQ(status.at("health"), "healthy");
  ASSERT_EQ(status.at("servers").size(), 3u);
  for (const auto& server : status["servers"]) {
    EXPECT_EQ(server.at("state"), "up");
    EXPECT_TRUE(server.at("name").get<std::string>().starts_with("storage-"));
    EXPECT_GT(server.at("capacity_bytes"), 0);
    EXPECT_GE(server.at("used_bytes"), 0);
    EXPECT_EQ(server.at("missing_bytes"), 0);
    EXPECT_GE(server.at("hole_copy_received_bytes"), 0);
  }
  ASSERT_EQ(status.at("controls").size(), 1u);
  EXPECT_EQ(status["controls"][0].at("name"), "control-1");
  EXPECT_EQ(status["controls"][0].at("role"), "master");
  EXPECT_GE(status["controls"][0].at("term"), 1);
  EXPECT_GT(status["controls"][0].at("applied"), 0);
  EXPECT_GE(status.at("blocks").at("total"), 1);
  EXPECT_EQ(status["blocks"].at("in_sync").at("2"), status["blocks"]["total"]);
  ASSERT_EQ(status.at("sessions").size(), 1u);
  EXPECT_EQ(status["sessions"][0].at("mount_point"), top_ + "/mnt");
  EXPECT_THAT(passes("lace status --data $T/data"),
              AllOf(HasSubstr("healthy"), HasSubstr("storage-2"), HasSubstr("control-1")));
  passes("[ $(lace status --data $T/data | wc -L) -le 80 ] || [ ${#M} -gt 20 ]");
  EXPECT_EQ(json("lace status --json --control ipc://$T/data/run/control-1.sock").at("cluster"), status.at("cluster"));
  passes("kill -9 $(cat $T/data/run/storage-3.pid); until lace status --data $T/data --json | grep -q '\"down\"'; do :; done");
  EXPECT_EQ(json("lace status --data $T/data --json").at("health"), "degraded");
  passes("lace down --data $T/data");
  const Ran away = run("lace status --data $T/data --json 2>/dev/null");
  EXPECT_EQ(away.code, 1);
  EXPECT_EQ(Json::parse(away.output).at("health"), "unavailable");
}

TEST_F(Command, TellsWhereTheBytesOfAFileAre) {
  passes("lace up --data $T/data $M; head -c 3M /dev/urandom >$M/f; truncate -s 100M $M/f; sync $M/f; : >$M/empty");
  const Json info = json("lace info --json $M/f");
  EXPECT_EQ(info.at("size"), 100 << 20);
  EXPECT_GE(info.at("stored"), 3 << 20);
  ASSERT_GE(info.at("extents").size(), 1u);
  EXPECT_EQ(info["extents"][0].at("offset"), 0);
  ASSERT_EQ(info.at("holes").size(), 1u);
  ASSERT_GE(info.at("blocks").size(), 1u);
  EXPECT_GE(info["blocks"][0].at("epoch"), 1);
  ASSERT_EQ(info["blocks"][0].at("copies").size(), 2u);
  EXPECT_EQ(info["blocks"][0]["copies"][0].at("role"), "primary");
  EXPECT_EQ(info["blocks"][0]["copies"][0].at("missing_bytes"), 0);
  EXPECT_THAT(passes("lace info $M/f"), AllOf(HasSubstr("storage-"), HasSubstr("primary")));
  EXPECT_THAT(passes("lace info $M/empty"), HasSubstr("nothing in it"));
  EXPECT_THAT(fails("lace info /etc/passwd", 1), HasSubstr("not on a LaceFS mount"));
  EXPECT_THAT(fails("lace info $M/none", 1), HasSubstr("No such file"));
}

TEST_F(Command, TellsWhatAMountDoes) {
  passes(
      "lace up --data $T/data $M; for i in 1 2 3; do echo $i >$M/f$i; done; dd if=/dev/zero of=$M/f1 conv=fsync status=none "
      "count=9");
  const Json profile = json("lace profile --json $M");
  std::map<std::string, uint64_t> counts;
  for (const char* list : {"operations", "messages"}) {
    for (const auto& one : profile.at(list)) {
      counts[one.at("name")] = one.at("count");
      EXPECT_GT(one.at("p99_us").get<double>(), 0) << one;
      EXPECT_GE(one.at("p99_us"), one.at("p50_us")) << one;
    }
  }
  EXPECT_EQ(counts["create"], 3u);
  EXPECT_EQ(counts["fsync"], 1u);
  EXPECT_GE(counts["write_block"], 1u);
  EXPECT_GE(counts["commit"], 1u);
  EXPECT_THAT(passes("lace profile $M"), AllOf(HasSubstr("operation"), HasSubstr("write_block"), HasSubstr("without asking")));
  EXPECT_THAT(fails("lace profile /", 1), HasSubstr("not in a LaceFS mount"));
}

TEST_F(Command, MountsASecondTimeAndUnmounts) {
  passes("lace up --data $T/data $M; mkdir $T/second; echo x >$M/f");
  passes("lace mount --control ipc://$T/data/run/control-1.sock $T/second; [ \"$(cat $T/second/f)\" = x ]");
  EXPECT_EQ(json("lace status --data $T/data --json").at("sessions").size(), 2u);
  const Ran busy = run("cd $T/second; sleep 100 & lace unmount $T/second; code=$?; kill $!; exit $code");
  EXPECT_EQ(busy.code, 1);
  EXPECT_THAT(busy.output, AllOf(HasSubstr("in use by"), HasSubstr("sleep (pid")));
  passes("lace unmount $T/second; not mountpoint -q $T/second; not pgrep -f $T/second");
  EXPECT_THAT(fails("lace unmount $T/second", 1), HasSubstr("is not mounted"));
  passes("lace mount --control ipc://$T/data/run/control-1.sock -o ro $T/second; not touch $T/second/new 2>/dev/null");
  passes("kill -9 $(pgrep -f \"lace-fs.*$T/second\"); lace unmount $T/second; not mountpoint -q $T/second");
}

TEST_F(Command, RefusesWrongUsageWithARemedy) {
  const struct {
    const char* command;
    int code;
    const char* says;
  } cases[] = {
      {"lace", 2, "Usage"},
      {"lace statsu", 2, "did you mean 'lace status'"},
      {"lace up", 2, "MOUNTPOINT is missing"},
      {"lace up --data $T/data --copies 6 $M", 2, "from 1 to 5"},
      {"lace up --data $T/data --copies 4 $M", 2, "raise --storages"},
      {"lace control", 2, "list, promote or remove"},
      {"lace control promote", 2, "NAME"},
      {"lace up --dat $T/data $M", 2, "did you mean --data?"},
      {"lace up --data $T/data $T/none", 1, "mkdir -p"},
      {"touch $T/file; lace up --data $T/data $T/file", 1, "not a directory"},
      {"lace up --data $T/file $M", 1, "$T/file"},
      {"mkdir $T/full; touch $T/full/x; lace up --data $T/data $T/full", 1, "not empty"},
      {"mkdir $T/tmpfs; mount -t tmpfs none $T/tmpfs; lace up --data $T/data $T/tmpfs", 1, "mounted already"},
      {"lace mount $M", 2, "--control"},
      {"lace mount --control nonsense $M", 2, "nonsense"},
      {"lace mount --control ipc://$T/none -o frobnicate $M", 1, "frobnicate"},
      {"lace status --data $T/none", 1, "lace up"},
      {"lace down --data $T/none", 1, "no cluster"},
      {"lace unmount $M", 1, "not mounted"},
      {"lace key", 2, "lace key new"},
      {"lace key new ../x --dir $T", 2, "letters"},
  };
  for (const auto& one : cases) {
    std::string says = one.says;
    if (const size_t at = says.find("$T"); at != says.npos) says.replace(at, 2, top_);
    EXPECT_THAT(fails(one.command, one.code), HasSubstr(says)) << one.command;
  }
  passes("[ ! -e $T/data ] || [ ! -e $T/data/cluster.json ]; not pgrep -f $T/data");
}

TEST_F(Command, RefusesWhatDoesNotFitAnExistingCluster) {
  passes("lace up --data $T/data --storages 2 --copies 2 $M; mkdir $T/other");
  EXPECT_THAT(fails("lace up --data $T/data --copies 1 $M", 1), HasSubstr("keeps 2 copies"));
  EXPECT_THAT(fails("lace up --data $T/data $T/other", 1), HasSubstr("lace mount --control"));
  passes(
      "lace down --data $T/data; echo 1 >$T/data/run/control-1.pid; echo $$ >$T/data/run/storage-1.pid; lace up --data $T/data "
      "$M");
  passes("lace down --data $T/data; echo garbage >$T/data/cluster.json");
  EXPECT_THAT(fails("lace up --data $T/data $M", 1), HasSubstr("cluster.json is broken"));
}

TEST_F(Command, SaysWhyAServerDoesNotStart) {
  passes("mkdir -p $T/data/storage-2; touch $T/data/storage-2/photo.jpg");
  EXPECT_THAT(fails("lace up --data $T/data $M", 1), AllOf(HasSubstr("storage-2"), HasSubstr("photo.jpg")));
  passes("not pgrep -f $T/data; not mountpoint -q $M; rm $T/data/storage-2/photo.jpg; lace up --data $T/data $M");
}

TEST_F(Command, WorksWithALongDirectory) {
  passes(
      "long=$T/$(printf 'x%.0s' {1..120}); lace up --data $long $M; echo x >$M/f; lace status --data $long; lace down --data "
      "$long");
}

TEST_F(Command, TellsItsHelpAndVersion) {
  for (const char* command : {"", "up ", "down ", "mount ", "unmount ", "status ", "info ", "profile ", "key ", "key new "}) {
    EXPECT_THAT(passes(std::string("lace ") + command + "--help"), HasSubstr("Usage")) << command;
  }
  for (const char* program : {"lace", "lace-control", "lace-storage", "lace-fs"}) {
    EXPECT_THAT(passes(std::string(program) + " --version"), HasSubstr(std::string(program) + ' ' + LACE_VERSION));
    EXPECT_THAT(passes(std::string(program) + " --help"), HasSubstr("Usage"));
  }
}

}  // namespace
}  // namespace lace::test
