#include "tests/unit/control/cluster_fixture.h"

#include <sys/stat.h>

#include <cstdlib>

#include "common/base/log.h"

namespace lace::control {

ClusterTest::ClusterTest(uint64_t seed) : simulation(seed) {
  log::set_level(log::Level::error);
  std::string pattern = (std::filesystem::temp_directory_path() / "lace-control-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) std::abort();
  directory_ = pattern;
  options.name = "control-1";
  options.listen = {control_endpoint};
}

ClusterTest::~ClusterTest() {
  for (auto& [number, storage] : storages_) simulation.kill("storage-" + std::to_string(number));
  storages_.clear();
  kill_control();
  callers_.clear();
  std::filesystem::remove_all(directory_);
}

void ClusterTest::start_control() {
  NamespaceOptions wanted;
  wanted.durability = Durability::off;
  wanted.now = simulation.clock().wall();
  auto names = Namespace::open(directory_, wanted);
  ASSERT_TRUE(names) << names.error().what;
  auto copies = Copies::open(directory_);
  ASSERT_TRUE(copies) << copies.error().what;
  Credentials credentials;
  credentials.rights = [this](const net::Peer& peer) { return rights(peer); };
  credentials.token = [](const Grant& grant, Millis) {
    std::string text =
        std::to_string(raw(grant.session)) + "/" + std::to_string(raw(grant.block)) + "/" + std::to_string(grant.rights);
    for (const wire::PageRange& range : grant.pages) {
      text += "/" + std::to_string(range.first) + "+" + std::to_string(range.count);
    }
    return text;
  };
  credentials.seal = [](const wire::BlockInfo& block) { return "sealed " + to_string(block.block); };
  credentials.pass = [] { return std::string("control"); };
  registry_ = std::make_unique<metrics::Registry>();
  loop_ = simulation.make_loop("control");
  control =
      std::make_unique<Control>(*loop_, std::move(*names), std::move(*copies), std::move(credentials), *registry_, options);
  const Status started = control->start();
  ASSERT_TRUE(started) << started.error().what;
}

void ClusterTest::kill_control() {
  if (!control) return;
  simulation.kill("control");
  control.reset();
  loop_.reset();
}

FakeStorage& ClusterTest::start_storage(int number, bool wait) {
  auto& storage = storages_[number];
  storage = std::make_unique<FakeStorage>(simulation, "storage-" + std::to_string(number), control_endpoint, disks_[number]);
  if (wait) {
    EXPECT_TRUE(until([&] { return storage->serves(); }, Millis(10'000)));
  }
  return *storage;
}

void ClusterTest::kill_storage(int number) {
  simulation.kill("storage-" + std::to_string(number));
  storages_.erase(number);
}

net::Caller& ClusterTest::caller(const std::string& who, net::Peer peer) {
  auto& made = callers_[who];
  if (!made) made = simulation.make_caller(who, std::move(peer));
  return *made;
}

wire::OpenSessionReply ClusterTest::open(wire::OpenSession message, const std::string& who) {
  auto reply = ask(message, Millis(30'000), who);
  EXPECT_TRUE(reply) << reply.error().what;
  return reply ? *reply : wire::OpenSessionReply{};
}

Result<wire::OperationResult> ClusterTest::apply(SessionId session, wire::Operation operation, const std::string& who) {
  auto reply = ask(wire::Commit{session, 0, ++numbers_[session], {std::move(operation)}}, Millis(30'000), who);
  if (!reply) {
    --numbers_[session];
    return pass(reply);
  }
  const wire::OperationResult& result = reply->results.at(0);
  if (const Status outcome = wire::status_of(result.outcome); !outcome) return pass(outcome);
  return result;
}

wire::Attributes ClusterTest::make_file(SessionId session, const std::string& name, InodeId parent) {
  wire::Create create;
  create.parent = parent;
  create.name = name;
  create.mode = S_IFREG | 0644;
  const auto made = apply(session, create);
  EXPECT_TRUE(made) << made.error().what;
  return made ? made->inode : wire::Attributes{};
}

wire::BlockInfo ClusterTest::allocate(SessionId session) {
  const auto reply = ask(wire::AllocateBlocks{session, 1});
  EXPECT_TRUE(reply) << reply.error().what;
  return reply ? reply->blocks.at(0) : wire::BlockInfo{};
}

wire::Attributes ClusterTest::make_file_on(SessionId session, const std::string& name, BlockId id, uint64_t length) {
  const wire::Attributes file = make_file(session, name);
  wire::Write write;
  write.inode = file.inode;
  write.extents = {{0, length, id, 0}};
  write.size = length;
  write.layout = file.layout;
  const auto written = apply(session, write);
  EXPECT_TRUE(written) << written.error().what;
  return written ? written->inode : file;
}

wire::BlockInfo ClusterTest::block(BlockId id) {
  const auto found = control->names->block(id);
  EXPECT_TRUE(found && *found);
  return found && *found ? **found : wire::BlockInfo{};
}

std::string ClusterTest::health() {
  const auto status = ask(wire::ClusterStatus{});
  return status ? status->health : status.error().what;
}

void ClusterTest::keep_alive(SessionId session, Millis time) {
  const Instant end = simulation.now() + time;
  while (simulation.now() < end) {
    EXPECT_TRUE(ask(wire::RenewSession{session}));
    simulation.run_for(std::min<Micros>(Millis(3'000), std::chrono::ceil<Micros>(end - simulation.now())));
  }
}

}  // namespace lace::control
