// The servers of a simulated cluster: the real Control and the real Storage over disks that forget what was not synced. They
// are killed, lose power, and are started again, on what their disks kept.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/db/disk_vfs.h"
#include "common/disk/forgetful_disk.h"
#include "common/metrics/registry.h"
#include "control/control.h"
#include "storage/storage.h"
#include "tests/lib/sim_transport.h"

namespace lace::sim {

struct ClusterShape {
  int storages = 3;
  uint32_t copies = 2;
  Millis repair_grace{5'000};
  uint64_t disk_bytes = uint64_t{8} << 30;
};

enum class End {
  kill,   // of the process: what it wrote is on its disk
  power,  // of its machine: what it did not sync may be lost, or torn
};

struct StorageNode {
  std::string name;
  disk::ForgetfulDisk disk;
  std::unique_ptr<net::Loop> loop;
  std::unique_ptr<storage::Storage> storage;  // null: it does not run
  ServerId id{};
  std::string cluster;
};

class Cluster {
 public:
  Cluster(Simulation& simulation, ClusterShape shape);
  ~Cluster();

  // Errors: the disk's; the server does not run then.
  Status start_control();
  void stop_control(End end);
  control::Control* control() { return control_.get(); }  // null: it does not run
  Status start_storage(int number);                       // 1 to storages()
  void stop_storage(int number, End end);
  StorageNode& storage(int number) { return *nodes_.at(static_cast<size_t>(number - 1)); }
  int storages() const { return static_cast<int>(nodes_.size()); }
  StorageNode* find(ServerId server);
  disk::ForgetfulDisk& control_disk() { return control_disk_; }

  // Called before the power of a server goes, and before control ends in any way.
  std::function<void(const StorageNode&)> on_power_loss = [](const StorageNode&) {};
  std::function<void()> on_control_ends = [] {};

  const ClusterShape shape;
  const wire::Endpoint control_endpoint{"ipc:///sim/control-1", ""};

 private:
  Simulation& simulation_;
  disk::ForgetfulDisk control_disk_;
  std::unique_ptr<db::DiskVfs> control_vfs_;
  std::unique_ptr<metrics::Registry> registry_;
  std::unique_ptr<net::Loop> control_loop_;
  std::unique_ptr<control::Control> control_;
  std::vector<std::unique_ptr<StorageNode>> nodes_;
};

}  // namespace lace::sim
