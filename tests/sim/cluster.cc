#include "tests/sim/cluster.h"

#include "common/access/tokens.h"

namespace lace::sim {
namespace {

const std::string control_name = "control-1";

// As in control/main.cc.
control::Credentials credentials_of(const std::string& secret, const Clock& clock) {
  control::Credentials credentials;
  credentials.rights = [](const net::Peer& peer) {
    return peer.local ? control::PeerRights{true, true, false, "/"} : control::PeerRights{};
  };
  credentials.token = [maker = access::TokenMaker(secret), &clock](const control::Grant& grant, Millis lease) {
    access::Token token;
    token.session = grant.session;
    token.block = grant.block;
    token.rights = grant.rights;
    token.pages = grant.pages;
    token.expires = clock.wall().seconds + std::chrono::ceil<std::chrono::seconds>(lease).count();
    return maker.make(token);
  };
  credentials.seal = [maker = access::TokenMaker(secret)](const wire::BlockInfo& block) { return maker.seal(block); };
  const auto passes = std::make_shared<access::PassMaker>(secret, access::Role::control, ServerId{0}, clock);
  credentials.pass = [passes] { return passes->make(); };
  return credentials;
}

}  // namespace

Cluster::Cluster(Simulation& simulation, ClusterShape the_shape) : shape(the_shape), simulation_(simulation) {
  for (int number = 1; number <= shape.storages; ++number) {
    nodes_.push_back(std::make_unique<StorageNode>());
    nodes_.back()->name = "storage-" + std::to_string(number);
    nodes_.back()->disk.set_capacity(shape.disk_bytes);
  }
}

Cluster::~Cluster() {
  on_control_ends = [] {};
  if (control_) stop_control(End::kill);
  for (int number = 1; number <= storages(); ++number) {
    if (storage(number).loop) stop_storage(number, End::kill);
  }
}

StorageNode* Cluster::find(ServerId server) {
  for (const auto& node : nodes_) {
    if (node->id == server) return node.get();
  }
  return nullptr;
}

// ---------------------------------------------------------------- control

Status Cluster::start_control() {
  const std::string directory = "control";
  if (Status made = control_disk_.make_directory(directory); !made) return made;
  if (Status synced = control_disk_.sync_directory(""); !synced) return synced;
  control_vfs_ = std::make_unique<db::DiskVfs>(control_disk_);
  control::NamespaceOptions wanted;
  wanted.vfs = control_vfs_->name();
  wanted.cache_bytes = uint64_t{4} << 20;
  wanted.now = simulation_.clock_of(control_name).wall();
  auto names = control::Namespace::open(directory, wanted);
  if (!names) return pass(names);
  auto copies = control::Copies::open("");
  if (!copies) return pass(copies);
  registry_ = std::make_unique<metrics::Registry>();
  control_loop_ = simulation_.make_loop(control_name);
  control::ControlOptions options;
  options.name = control_name;
  options.copies = shape.copies;
  options.listen = {control_endpoint};
  options.timing.repair_grace = shape.repair_grace;
  auto credentials = credentials_of((*names)->secret(), control_loop_->clock());
  control_ = std::make_unique<control::Control>(*control_loop_, std::move(*names), std::move(*copies), std::move(credentials),
                                                *registry_, std::move(options));
  const Status started = control_->start();
  if (!started) stop_control(End::kill);
  return started;
}

void Cluster::stop_control(End end) {
  on_control_ends();
  simulation_.kill(control_name);
  control_vfs_->unplug();
  control_.reset();
  control_loop_.reset();
  control_vfs_.reset();
  if (end == End::power) control_disk_.crash(simulation_.random()());
}

// ---------------------------------------------------------------- storage

Status Cluster::start_storage(int number) {
  StorageNode& node = storage(number);
  node.loop = simulation_.make_loop(node.name);
  const wire::Endpoint own{"ipc:///sim/" + node.name, ""};
  storage::StorageOptions options;
  options.membership.name = node.name;
  options.membership.cluster = node.cluster;
  options.membership.server = node.id;
  options.membership.endpoint = own;
  options.membership.controls = {control_endpoint};
  options.membership.incarnation = simulation_.random()();
  options.store.cluster = node.cluster;
  node.storage = std::make_unique<storage::Storage>(*node.loop, node.disk, options,
                                                    [&node](const std::string& cluster, ServerId id) -> Status {
                                                      node.cluster = cluster;
                                                      node.id = id;
                                                      return {};
                                                    });
  Status started = node.storage->open();
  if (started) started = node.storage->listen(own);
  if (!started) {
    stop_storage(number, End::kill);
    return started;
  }
  // A server that control does not want ends, and is started again by whoever looks after it.
  node.storage->start([&node](const Error&) { node.loop->stop(); });
  return {};
}

void Cluster::stop_storage(int number, End end) {
  StorageNode& node = storage(number);
  if (end == End::power) on_power_loss(node);
  simulation_.kill(node.name);
  node.storage.reset();
  node.loop.reset();
  if (end == End::power) node.disk.crash(simulation_.random()());
}

}  // namespace lace::sim
