#include "tests/lib/cluster.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include <gtest/gtest.h>

#include "fs/cli/asker.h"
#include "fs/cli/mount_point.h"
#include "tests/lib/scratch.h"

namespace lace::test {
namespace {

namespace files = std::filesystem;
constexpr size_t shown_log_bytes = 6'000;

bool is_on_fuse(const std::string& path) {
  const auto mount = cli::mount_at(path);
  return mount && mount->type.starts_with("fuse");
}

std::vector<std::string> mount_arguments(const std::string& controls, const std::string& path,
                                         const std::vector<std::string>& options) {
  std::vector<std::string> arguments{"--control", controls};
  for (const auto& option : options) arguments.insert(arguments.end(), {"-o", option});
  arguments.push_back(path);
  return arguments;
}

}  // namespace

Mount::Mount(std::string name, std::string directory, const std::string& controls, const std::vector<std::string>& options)
    : path_(directory + '/' + name),
      process_(name, "lace-fs", mount_arguments(controls, path_, options), directory + '/' + name + ".log") {
  files::create_directory(path_);
}

Mount::~Mount() {
  if (process_.running() && is_on_fuse(path_)) unmount();
  process_.kill();
  if (is_on_fuse(path_)) umount2(path_.c_str(), MNT_DETACH);
}

void Mount::start() {
  process_.start();
  const Instant end = SystemClock().now() + Millis(30'000);
  // The mount shows in the kernel's table before it answers; stat() waits for the answer.
  struct stat found {};
  while (!is_on_fuse(path_) || stat(path_.c_str(), &found) != 0) {
    const auto ended = process_.wait(Millis(5));
    ASSERT_FALSE(ended) << process_.name() << " ended with " << *ended << ":\n" << process_.log();
    ASSERT_LT(SystemClock().now(), end) << process_.name() << " does not mount:\n" << process_.log();
  }
}

void Mount::unmount() {
  const auto done = cli::unmount(path_, false);
  if (!done) {
    std::string users;
    for (const auto& user : cli::users_of(path_)) users += ' ' + user;
    ADD_FAILURE() << done.error().what << users;
    umount2(path_.c_str(), MNT_DETACH);
  }
  const auto code = process_.wait(Millis(30'000));
  EXPECT_EQ(code, 0) << process_.name() << " does not end well after the unmount";
  process_.kill();
}

void Mount::kill() {
  process_.kill();
  if (is_on_fuse(path_)) {
    EXPECT_TRUE(cli::unmount(path_, true));
  }
}

Cluster::Cluster(ClusterOptions options) : options_(std::move(options)), directory_(make_scratch_directory("lace")) {
  const auto data = [&](const std::string& name) {
    std::string path = options_.data_of ? options_.data_of(name) : "";
    if (path.empty()) path = directory_ + '/' + name;
    files::create_directories(path);
    return path;
  };
  files::create_directory(directory_ + "/scratch");
  make_controls(data);
  for (int i = 1; i <= options_.storages; ++i) {
    const std::string name = "storage-" + std::to_string(i);
    storages_.push_back(std::make_unique<Daemon>(
        name, "lace-storage",
        std::vector<std::string>{"--data", data(name), "--name", name, "--listen", storage_url(i), "--control", control_url()},
        directory_ + '/' + name + ".log"));
  }
  if (options_.mounted) mounts_.push_back(std::make_unique<Mount>("mount", directory_, control_url(), options_.mount_options));
  start_all();
}

void Cluster::make_controls(const std::function<std::string(const std::string&)>& data) {
  std::vector<std::string> more;
  if (options_.controls > 1) {
    // etcd takes names of sockets as host and port, in the directory in which it runs. One that was killed leaves them behind.
    const std::string script =
        "cd \"$0\" && rm -f etcd:1 etcd:2 && exec etcd --name etcd-1 --data-dir \"$1\" --listen-client-urls unix://etcd:1 "
        "--advertise-client-urls unix://etcd:1 --listen-peer-urls unix://etcd:2 --initial-advertise-peer-urls unix://etcd:2 "
        "--initial-cluster etcd-1=unix://etcd:2";
    etcd_ = std::make_unique<Daemon>("etcd", "/bin/sh", std::vector<std::string>{"-c", script, directory_, data("etcd")},
                                     directory_ + "/etcd.log");
    more = {"--etcd", "unix://" + directory_ + "/etcd:1"};
  }
  for (int i = 1; i <= options_.controls; ++i) {
    const std::string name = "control-" + std::to_string(i);
    std::vector<std::string> arguments{"--data",   data(name),     "--name",   name,
                                       "--listen", control_url(i), "--copies", std::to_string(options_.copies)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    controls_.push_back(std::make_unique<Daemon>(name, "lace-control", arguments, directory_ + '/' + name + ".log"));
  }
}

std::string Cluster::control_url() const {
  std::string urls;
  for (int i = 1; i <= options_.controls; ++i) urls += (i == 1 ? "" : ",") + control_url(i);
  return urls;
}

int Cluster::master() {
  int number = 0;
  wait_until("a control server is the master", [&](const wire::ClusterStatusReply& status) {
    for (const auto& control : status.controls) {
      if (control.master) number = std::atoi(control.name.substr(control.name.rfind('-') + 1).c_str());
    }
    return number != 0;
  });
  return number;
}

Cluster::~Cluster() {
  mounts_.clear();
  for (auto& storage : storages_) storage->running() ? (void)storage->terminate() : storage->kill();
  for (auto& control : controls_) control->running() ? (void)control->terminate() : control->kill();
  if (etcd_) etcd_->kill();
  check_logs();
  if (testing::Test::HasFailure()) print_logs();
  if (std::getenv("LACE_KEEP")) {
    std::cerr << "kept: " << directory_ << '\n';
    return;
  }
  std::error_code error;
  files::remove_all(directory_, error);
}

Mount& Cluster::add_mount(const std::vector<std::string>& options) {
  const std::string name = "mount-" + std::to_string(mounts_.size() + 1);
  mounts_.push_back(std::make_unique<Mount>(name, directory_, control_url(), options));
  mounts_.back()->start();
  return *mounts_.back();
}

void Cluster::kill_all() {
  for (auto* daemon : daemons()) daemon->kill();
  for (auto& mount : mounts_) mount->kill();
}

void Cluster::stop_all() {
  for (auto& mount : mounts_) {
    if (mount->process().running()) mount->unmount();
  }
  for (auto& storage : storages_) EXPECT_EQ(storage->terminate(), 0) << storage->name();
  for (auto& control : controls_) EXPECT_EQ(control->terminate(), 0) << control->name();
}

void Cluster::start_all() {
  if (etcd_ && !etcd_->running()) etcd_->start();
  for (auto& control : controls_) {
    if (!control->running()) control->start();
  }
  for (auto& storage : storages_) {
    if (!storage->running()) storage->start();
  }
  wait_healthy();
  for (auto& mount : mounts_) {
    if (!mount->process().running()) mount->start();
  }
}

wire::ClusterStatusReply Cluster::status() {
  auto asker = cli::Asker::make(control_url(), {});
  if (!asker) throw std::runtime_error(asker.error().what);
  auto status = asker->status(Millis(5'000));
  EXPECT_TRUE(status) << status.error().what;
  return status.value_or(wire::ClusterStatusReply{});
}

void Cluster::wait_until(const std::string& what, const std::function<bool(const wire::ClusterStatusReply&)>& wanted,
                         Millis timeout) {
  auto asker = cli::Asker::make(control_url(), {});
  ASSERT_TRUE(asker) << asker.error().what;
  const Instant end = SystemClock().now() + timeout;
  Result<wire::ClusterStatusReply> status;
  while (!(status = asker->status(Millis(1'000))) || !wanted(*status)) {
    for (auto* daemon : daemons()) {
      const auto ended = daemon->pid() ? daemon->wait(Millis(0)) : std::nullopt;
      ASSERT_FALSE(ended) << daemon->name() << " ended with " << *ended << " while waiting until " << what;
    }
    std::string reasons = status ? status->health : status.error().what;
    if (status) {
      for (const auto& reason : status->reasons) reasons += "; " + reason;
    }
    ASSERT_LT(SystemClock().now(), end) << "waited in vain until " << what << "; the status is: " << reasons;
    asker->pause(Millis(10));
  }
}

void Cluster::wait_healthy(Millis timeout) {
  const auto count = static_cast<std::ptrdiff_t>(storages_.size());
  const size_t controls = controls_.size();
  wait_until(
      "the cluster is healthy",
      [count, controls](const auto& status) {
        const auto up = [](const auto& server) { return server.state == wire::ServerState::up; };
        return status.health == "healthy" && status.controls.size() == controls &&
               std::count_if(status.servers.begin(), status.servers.end(), up) == count;
      },
      timeout);
}

Environment Cluster::environment() const {
  Environment variables{
      {"T", directory_ + "/scratch"}, {"C", control_url()}, {"LC_ALL", "C.UTF-8"}, {"D", directory_}, {"S", LACE_TEST_SCRIPTS}};
  for (size_t i = 0; i < mounts_.size(); ++i) variables[i == 0 ? "M" : "M" + std::to_string(i + 1)] = mounts_[i]->path();
  const std::string programs = files::path(program_path("lace")).parent_path();
  variables["PATH"] = programs + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  return variables;
}

std::vector<Daemon*> Cluster::daemons() const {
  std::vector<Daemon*> all;
  for (const auto& control : controls_) all.push_back(control.get());
  for (const auto& storage : storages_) all.push_back(storage.get());
  for (const auto& mount : mounts_) all.push_back(&mount->process());
  return all;
}

void Cluster::check_logs() const {
  for (const auto& entry : files::directory_iterator(directory_)) {
    if (entry.path().extension() != ".log") continue;
    std::ifstream log(entry.path());
    for (std::string line; std::getline(log, line);) {
      std::istringstream words(line);
      std::string time, level, event;
      words >> time >> level >> event;
      if (level != "error" || time.find('T') != 10) continue;
      const auto expected = [&](const auto& start) { return event.starts_with(start); };
      if (std::any_of(expected_errors_.begin(), expected_errors_.end(), expected)) continue;
      ADD_FAILURE() << "an error nobody expected in " << entry.path().filename() << ": " << line;
    }
  }
}

void Cluster::print_logs() const {
  for (const auto& entry : files::directory_iterator(directory_)) {
    if (entry.path().extension() != ".log") continue;
    std::string log = read_file(entry.path());
    if (log.size() > shown_log_bytes) log = "[...]" + log.substr(log.size() - shown_log_bytes);
    std::cerr << "---- " << entry.path().filename().string() << '\n' << log << '\n';
  }
}

}  // namespace lace::test
