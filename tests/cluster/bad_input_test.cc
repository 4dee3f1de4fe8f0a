// What is wrong is refused with a remedy, and nothing is changed.
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>

#include "tests/lib/cluster.h"
#include "tests/lib/loop_disk.h"
#include "tests/lib/scratch.h"

namespace lace::test {
namespace {

using testing::HasSubstr;

struct BadStart {
  const char* name;
  const char* script;  // its last command fails
  int code;
  const char* says;
};
std::ostream& operator<<(std::ostream& out, const BadStart& start) { return out << start.name; }

#define CONTROL "lace-control --data $T/c --name control-1 --listen ipc://$T/c.sock "
#define STORAGE "lace-storage --data $T/s --name storage-1 --listen ipc://$T/s.sock --control ipc://$T/c.sock "

constexpr BadStart bad_starts[] = {
    {"no_flags", "lace-control", 2, "--data"},
    {"unknown_flag", CONTROL "--copys 2", 2, "--copies"},
    {"too_many_copies", CONTROL "--copies 6", 2, "from 1 to 5"},
    {"missing_config", CONTROL "--config $T/none.json", 2, "none.json"},
    {"broken_config", "echo '{' >$T/x.json; " CONTROL "--config $T/x.json", 2, "is not JSON"},
    {"unknown_key", "echo '{\"copis\": 2}' >$T/x.json; " CONTROL "--config $T/x.json", 2, "did you mean \"copies\""},
    {"wrong_type", "echo '{\"copies\": \"2\"}' >$T/x.json; " CONTROL "--config $T/x.json", 2,
     "\"copies\" must be a whole number"},
    {"missing_directory", "rmdir $T/c; " CONTROL, 1, "mkdir -p"},
    {"directory_is_a_file", "rmdir $T/c; touch $T/c; " CONTROL, 1, "not a directory"},
    {"foreign_directory", "touch $T/c/photo.jpg; " CONTROL, 1, "photo.jpg"},
    {"newer_format", "echo '{\"format\": 9}' >$T/c/lace.json; " CONTROL, 1, "format 9"},
    {"broken_identity", "echo nonsense >$T/c/lace.json; " CONTROL, 1, "lace.json is broken"},
    {"other_role",
     "echo '{\"format\":1,\"role\":\"storage\",\"cluster\":\"\",\"name\":\"control-1\",\"id\":0}' >$T/c/lace.json; " CONTROL, 1,
     "belongs to a storage server"},
    {"bad_address", "lace-control --data $T/c --name control-1 --listen nonsense", 2, "nonsense"},
    {"tcp_without_keys", "lace-control --data $T/c --name control-1 --listen tcp://127.0.0.1:7400", 1, "lace key new"},
    {"missing_key_file", CONTROL "--keys $T/none.key", 1, "none.key"},
    {"open_key_file", "lace key new a --dir $T >/dev/null; chmod 644 $T/a.key; " CONTROL "--keys $T/a.key", 1, "chmod"},
    {"broken_admit_file",
     "echo nonsense >$T/admit; lace key new a --dir $T >/dev/null; " CONTROL "--keys $T/a.key --admit $T/admit", 1, "admit"},
    {"port_taken", R"sh(lace key new a --dir $T >/dev/null; : >$T/admit
        python3 -c 'import socket,time; s=socket.socket(); s.bind(("127.0.0.1",7400)); s.listen(); print("bound",flush=True); time.sleep(100)' >$T/bound &
        until grep -q bound $T/bound; do :; done
        timeout 20 lace-control --data $T/c --name control-1 --listen tcp://127.0.0.1:7400 --keys $T/a.key --admit $T/admit)sh",
     1, "7400"},
    {"metrics_port_nonsense", CONTROL "--metrics nonsense", 2, "nonsense"},
    {"storage_no_control", "lace-storage --data $T/s --name storage-1 --listen ipc://$T/s.sock", 2, "--control"},
    {"storage_foreign_directory", "touch $T/s/photo.jpg; " STORAGE, 1, "photo.jpg"},
    {"socket_path_missing", "lace-control --data $T/c --name control-1 --listen ipc://$T/none/c.sock", 1, "none/c.sock"},
    {"mount_nothing_listens", "lace-fs --control ipc://$T/none.sock -o timeout=1 $T/m", 1, "none.sock"},
    {"mount_missing", "lace-fs --control ipc://$T/c.sock $T/none", 1, "none"},
    {"mount_not_empty", "touch $T/m/x; lace-fs --control ipc://$T/c.sock $T/m", 1, "empty"},
    {"mount_unknown_option", "lace-fs --control ipc://$T/c.sock -o frobnicate $T/m", 2, "frobnicate"},
};

class BadStarts : public testing::TestWithParam<BadStart> {};

TEST_P(BadStarts, AreRefused) {
  const std::string top = make_scratch_directory("lace");
  for (const char* name : {"/c", "/s", "/m"}) std::filesystem::create_directory(top + name);
  const std::string programs = std::filesystem::path(program_path("lace")).parent_path();
  const Ran ran = shell(GetParam().script, {{"T", top}, {"PATH", programs + ":/usr/sbin:/usr/bin:/sbin:/bin"}}, Millis(30'000));
  EXPECT_EQ(ran.code, GetParam().code) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr(GetParam().says));
  std::filesystem::remove_all(top);
}

INSTANTIATE_TEST_SUITE_P(All, BadStarts, testing::ValuesIn(bad_starts),
                         [](const auto& one) { return std::string(one.param.name); });

TEST(BadInput, ADirectoryInUseIsRefused) {
  Cluster cluster{{.storages = 1, .copies = 1, .mounted = false}};
  const Ran control =
      shell("lace-control --data $D/control-1 --name control-1 --listen ipc://$D/other.sock", cluster.environment());
  EXPECT_EQ(control.code, 1);
  EXPECT_THAT(control.output, HasSubstr("already running, pid " + std::to_string(cluster.control().pid())));
  const Ran storage =
      shell("lace-storage --data $D/storage-1 --listen ipc://$D/other.sock --control $C", cluster.environment());
  EXPECT_EQ(storage.code, 1);
  EXPECT_THAT(storage.output, HasSubstr("already running, pid " + std::to_string(cluster.storage(1).pid())));
}

TEST(BadInput, AServerOfAnotherClusterIsRefused) {
  Cluster one{{.storages = 1, .copies = 1, .mounted = false}}, two{{.storages = 1, .copies = 1, .mounted = false}};
  EXPECT_EQ(one.storage(1).terminate(), 0);
  const Ran ran =
      shell("timeout 20 lace-storage --data " + one.directory() + "/storage-1 --listen ipc://$D/other.sock --control $C",
            two.environment());
  EXPECT_EQ(ran.code, 1) << ran.output;
  EXPECT_THAT(ran.output, HasSubstr("cluster"));
  EXPECT_EQ(two.status().servers.size(), 1u);
  one.storage(1).start();
  one.wait_healthy();
}

TEST(BadInput, AFullDiskIsAnErrorAndThenGoesAway) {
  LoopDisk disk(160);
  if (!disk.ready()) GTEST_SKIP() << "needs loop devices";
  const auto data_of = [&](const std::string& server) {
    return server.starts_with("storage") ? disk.path() + '/' + server : std::string();
  };
  Cluster cluster{{.storages = 2, .data_of = data_of}};
  cluster.expect_errors("client.write_behind_failed");  // says what was lost, as it must
  EXPECT_SHELL(cluster.environment(), R"sh(
    echo small >$M/small; sync $M/small
    not dd if=/dev/urandom of=$M/big bs=1M count=300 conv=fsync 2>$T/error; cat $T/error; grep -q 'No space left' $T/error
    [ "$(cat $M/small)" = small ]; ls $M; rm $M/big)sh");
  // The space comes back within seconds.
  EXPECT_SHELL(cluster.environment(), R"sh(
    until head -c 20M /dev/urandom >$T/x; cp $T/x $M/again 2>/dev/null && sync $M/again 2>/dev/null; do rm -f $M/again; done; cmp $T/x $M/again)sh");
}

}  // namespace
}  // namespace lace::test
