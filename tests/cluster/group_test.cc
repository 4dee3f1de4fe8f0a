// Groups of control servers, with real daemons: they die, stand still and come back while people work.
#include <cstdlib>

#include "tests/lib/cluster.h"

namespace lace::test {
namespace {

// $S/trees.sh has the functions make_tree, same and nothing_to_do.
const std::string functions = ". $S/trees.sh; ";

// Writes and syncs small files until $T/stop is there, and says in $T/pause how long the longest took, in ms.
constexpr const char* measure_pauses = "exec python3 $S/heartbeat.py";

int pause_ms(const Cluster& cluster) { return std::atoi(read_file(cluster.directory() + "/scratch/pause").c_str()); }

class ControlGroup : public testing::Test {
 protected:
  // Until all control servers are in sync again, so that each of them could take over.
  void wait_whole() { cluster.wait_healthy(); }
  void stop_beating() {
    ASSERT_SHELL(cluster.environment(), "touch $T/stop");
    const Ran beaten = beat->wait();
    EXPECT_TRUE(beaten.ok()) << beaten.output;
    std::cout << beaten.output;
    EXPECT_LE(pause_ms(cluster), 20'000) << "of " << beaten.output;  // a net for hangs, on slow machines too
  }

  Cluster cluster{{.controls = 3}};
  std::optional<Background> beat;
};

TEST_F(ControlGroup, LosesItsMasterDuringRsyncAndNothingIsLostOrDoneTwice) {
  const int kills = std::getenv("LACE_LONG_TESTS") != nullptr && std::string(std::getenv("LACE_LONG_TESTS")) == "1" ? 18 : 3;
  ASSERT_SHELL(cluster.environment(), functions + "make_tree");
  Background copy("rsync -aHAX $T/src/ $M/tree/", cluster.environment());
  beat.emplace(measure_pauses, cluster.environment());
  for (int times = 0; times < kills; ++times) {
    uint64_t before = UINT64_MAX;
    cluster.wait_until("it works", [&](const auto& status) {
      before = std::min(before, status.inodes);
      return status.inodes > before + 300 || !copy.running();
    });
    const int master = cluster.master();
    cluster.control(master).kill();
    cluster.wait_until("another one is the master", [&](const auto& status) {
      for (const auto& control : status.controls) {
        if (control.master) return control.name != "control-" + std::to_string(master);
      }
      return false;
    });
    cluster.control(master).start();
    wait_whole();
  }
  const Ran copied = copy.wait(Millis(600'000));
  EXPECT_TRUE(copied.ok()) << copied.output;
  stop_beating();
  EXPECT_SHELL(cluster.environment(), functions + "same $T/src $M/tree; nothing_to_do $T/src $M/tree -c");
  cluster.mount().unmount();
  cluster.mount().start();
  EXPECT_SHELL(cluster.environment(), functions + "same $T/src $M/tree");
}

TEST_F(ControlGroup, ObeysNoMasterThatStoodStill) {
  beat.emplace(measure_pauses, cluster.environment());
  for (int times = 0; times < 2; ++times) {
    const int master = cluster.master();
    cluster.control(master).stop();
    ASSERT_SHELL(cluster.environment(), "date +%N >$T/now; cp $T/now $M/now; sync $M/now; cmp $T/now $M/now");
    cluster.control(master).resume();
    ASSERT_SHELL(cluster.environment(), "date +%N >$T/now; cp $T/now $M/now; sync $M/now; cmp $T/now $M/now");
    wait_whole();
    EXPECT_NE(cluster.master(), master);
  }
  stop_beating();
}

TEST_F(ControlGroup, HandsOverOnRequestAndAtAGracefulStop) {
  beat.emplace(measure_pauses, cluster.environment());
  const int first = cluster.master(), second = first % 3 + 1;
  EXPECT_SHELL(cluster.environment(), "lace control promote --control $C control-" + std::to_string(second));
  EXPECT_EQ(cluster.master(), second);
  wait_whole();
  EXPECT_EQ(cluster.control(second).terminate(), 0);
  EXPECT_NE(cluster.master(), second);
  EXPECT_SHELL(cluster.environment(), "echo a >$M/a; sync $M/a; [ $(cat $M/a) = a ]");
  cluster.control(second).start();
  wait_whole();
  stop_beating();
}

TEST_F(ControlGroup, GoesOnWithoutEtcdAndWithASlaveLess) {
  cluster.etcd().kill();
  EXPECT_SHELL(cluster.environment(), "echo a >$M/a; sync $M/a; [ $(cat $M/a) = a ]");
  cluster.etcd().start();
  const int slave = cluster.master() % 3 + 1;
  cluster.control(slave).kill();
  EXPECT_SHELL(cluster.environment(), "timeout 30 bash -c 'echo b >$M/b; sync $M/b; [ $(cat $M/b) = b ]'");
  EXPECT_SHELL(cluster.environment(), "lace control list --control $C | grep -E 'control-" + std::to_string(slave) +
                                          ".*away' || lace control list --control $C | grep -q catching");
  cluster.control(slave).start();
  wait_whole();
}

TEST_F(ControlGroup, StartsAgainAfterEverythingDied) {
  ASSERT_SHELL(cluster.environment(), "for i in $(seq 1 50); do echo $i >$M/f$i; sync $M/f$i; done");
  cluster.kill_all();
  cluster.start_all();
  EXPECT_SHELL(cluster.environment(), "for i in $(seq 1 50); do [ $(cat $M/f$i) = $i ]; done");
}

}  // namespace
}  // namespace lace::test
