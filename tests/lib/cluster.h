// A cluster of real daemons for a test, in the words of people:
//
//   Cluster cluster{{.storages = 3}};
//   EXPECT_SHELL(cluster.environment(), "cp -a /usr/include $M/");
//   cluster.storage(2).kill();
//   EXPECT_SHELL(cluster.environment(), "diff -r /usr/include $M/include");
//   cluster.storage(2).start();
//   cluster.wait_healthy();
//
// It has a temporary directory of its own and is gone without a trace when the test ends. When the test failed, its logs are
// printed; an error in a log that was not expected fails the test.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/wire/control_messages.h"
#include "tests/lib/daemon.h"
#include "tests/lib/shell.h"

namespace lace::test {

// A mount of its own process.
class Mount {
 public:
  Mount(std::string name, std::string directory, const std::string& controls, const std::vector<std::string>& options);
  ~Mount();
  const std::string& path() const { return path_; }
  Daemon& process() { return process_; }
  void start();    // returns when it can be used
  void unmount();  // gracefully; returns when its process is gone
  void kill();     // the process; takes the dead mount away

 private:
  const std::string path_;
  Daemon process_;
};

struct ClusterOptions {
  int controls = 1;  // several: a group, with an etcd
  int storages = 3;
  int copies = 2;
  bool mounted = true;
  std::vector<std::string> mount_options = {};
  // Which directory a server's data is in, by the server's name; none, or an empty answer: one in the cluster's.
  std::function<std::string(const std::string& server)> data_of = {};
};

class Cluster {
 public:
  explicit Cluster(ClusterOptions options = {});
  ~Cluster();

  Daemon& control(int number = 1) { return *controls_.at(static_cast<size_t>(number - 1)); }
  Daemon& etcd() { return *etcd_; }
  int master();  // the number of the control server that is; waits for one
  Daemon& storage(int number) { return *storages_.at(static_cast<size_t>(number - 1)); }
  Mount& mount(int number = 1) { return *mounts_.at(static_cast<size_t>(number - 1)); }
  // One more mount, started.
  Mount& add_mount(const std::vector<std::string>& options = {});

  // All daemons and mounts; the mounts first (last).
  void kill_all();
  void stop_all();   // gracefully
  void start_all();  // and waits until it is healthy

  wire::ClusterStatusReply status();  // of control; empty, and the test fails, if it does not answer
  // Asks for the status until it is as wanted; fails the test after `timeout`, naming `what`.
  void wait_until(const std::string& what, const std::function<bool(const wire::ClusterStatusReply&)>& wanted,
                  Millis timeout = Millis(120'000));
  void wait_healthy(Millis timeout = Millis(120'000));

  const std::string& directory() const { return directory_; }
  std::string control_url(int number) const {
    return "ipc://" + directory_ + "/c" + (number == 1 ? "" : std::to_string(number)) + ".sock";
  }
  std::string control_url() const;  // all of them
  std::string storage_url(int number) const { return "ipc://" + directory_ + "/s" + std::to_string(number) + ".sock"; }
  // $M, $M2, ...: the mount points; $T: a scratch directory; $D: the cluster's; $S: tests/cluster; $C: the control server's
  // address; PATH has the programs.
  Environment environment() const;

  // Errors in logs whose event starts with this do not fail the test.
  void expect_errors(const std::string& event) { expected_errors_.push_back(event); }

 private:
  void make_controls(const std::function<std::string(const std::string&)>& data);
  void check_logs() const;
  void print_logs() const;
  std::vector<Daemon*> daemons() const;

  const ClusterOptions options_;
  std::string directory_;
  std::unique_ptr<Daemon> etcd_;
  std::vector<std::unique_ptr<Daemon>> controls_;
  std::vector<std::unique_ptr<Daemon>> storages_;
  std::vector<std::unique_ptr<Mount>> mounts_;
  std::vector<std::string> expected_errors_;
};

}  // namespace lace::test
