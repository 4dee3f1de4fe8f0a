#include "tests/unit/control/group_fixture.h"

#include <sys/stat.h>

#include <cstdlib>

#include "common/base/log.h"

namespace lace::control {

void MemoryRegister::read(ReadDone done) {
  loop_.after(Millis(1), [this, done = std::move(done)] {
    if (shared_.away.contains(member_)) return done(fail(Code::unavailable, "away"));
    done(shared_.stored);
  });
}

void MemoryRegister::swap(uint64_t revision, const wire::GroupRecord& record, SwapDone done) {
  loop_.after(Millis(1), [this, revision, record, done = std::move(done)] {
    if (shared_.away.contains(member_)) return done(fail(Code::unknown, "away"));
    const bool matches = revision == (shared_.stored ? shared_.stored->revision : 0);
    if (matches) shared_.stored = Stored{record, ++shared_.revisions};
    ++shared_.swaps;
    if (shared_.unsure_one_in != 0 && shared_.swaps % shared_.unsure_one_in == 0) return done(fail(Code::unknown, "unsure"));
    done(matches ? shared_.stored->revision : 0);
  });
}

GroupTest::GroupTest(uint64_t seed) : simulation(seed) {
  log::set_level(std::getenv("LACE_TEST_LOG") != nullptr ? log::Level::info : log::Level::error);
  std::string pattern = (std::filesystem::temp_directory_path() / "lace-group-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) std::abort();
  directory_ = pattern;
  caller_ = simulation.make_caller("client");
}

GroupTest::~GroupTest() {
  for (int number = 1; number <= most_; ++number) kill(number);
  caller_.reset();
  std::filesystem::remove_all(directory_);
}

Credentials GroupTest::credentials() {
  Credentials made;
  made.rights = [](const net::Peer&) { return PeerRights{true, true, false, "/"}; };
  made.token = [](const Grant&, Millis) { return std::string("token"); };
  made.seal = [](const wire::BlockInfo&) { return std::string("seal"); };
  made.pass = [] { return std::string("control"); };
  return made;
}

MemberProcess GroupTest::process_of(int number, Node& node) {
  const std::string directory = directory_of(number);
  MemberProcess process;
  process.open = [this, directory] {
    NamespaceOptions options;
    options.durability = Durability::off;
    options.grouped = true;
    options.log_bytes = log_bytes;
    return Namespace::open(directory, options);
  };
  process.exists = [directory] { return std::filesystem::exists(directory + "/namespace.db"); };
  process.remove = [directory] { std::filesystem::remove(directory + "/namespace.db"); };
  process.joined = [](const std::string&) { return Status{}; };
  process.lead = [this, number, &node](std::unique_ptr<Namespace> names, GroupHooks hooks) -> Result<std::unique_ptr<Control>> {
    auto copies = Copies::open(directory_of(number));
    if (!copies) return pass(copies);
    ControlOptions options;
    options.name = name_of(number);
    options.timing.session_lease = Millis(3'600'000);  // however long a storm lasts
    options.group = std::move(hooks);
    return std::make_unique<Control>(*node.loop, std::move(names), std::move(*copies), credentials(), *node.registry,
                                     std::move(options));
  };
  process.start_again = [&node](const std::string&) { node.starts_again = true; };
  process.refused = [this, number](const Error& error) { refused[number] = error.what; };
  return process;
}

void GroupTest::start(int number) {
  most_ = std::max(most_, number);
  ++starts;
  std::filesystem::create_directories(directory_of(number));
  auto& node = nodes_[number];
  node = std::make_unique<Node>();
  node->registry = std::make_unique<metrics::Registry>();
  node->loop = simulation.make_loop(name_of(number));
  node->record = std::make_unique<MemoryRegister>(*node->loop, shared, name_of(number));
  MemberOptions options;
  options.self = {name_of(number), {endpoint_of(number)}};
  options.directory = directory_of(number);
  options.trusts = [](const net::Peer&) { return true; };
  node->member = std::make_unique<Member>(*node->loop, *node->record, std::move(options), process_of(number, *node));
  const Status started = node->member->start();
  ASSERT_TRUE(started) << started.error().what;
}

void GroupTest::kill(int number) {
  const auto found = nodes_.find(number);
  if (found == nodes_.end()) return;
  simulation.kill(name_of(number));
  nodes_.erase(found);
}

void GroupTest::restart_those_that_ended() {
  std::vector<int> ended;
  for (const auto& [number, node] : nodes_) {
    if (node->starts_again) ended.push_back(number);
  }
  for (const int number : ended) {
    kill(number);
    start(number);
  }
}

bool GroupTest::until(const std::function<bool()>& done, Millis limit) {
  const Instant end = simulation.now() + limit;
  while (!done() && simulation.now() < end) run_for(Millis(10));
  return done();
}

void GroupTest::run_for(Millis time) {
  for (const Instant end = simulation.now() + time; simulation.now() < end;) {
    simulation.run_for(Millis(5));
    restart_those_that_ended();
    int speaking = 0;
    for (const auto& [number, node] : nodes_) {
      speaking += node->member->mastership().may_speak(simulation.now()) ? 1 : 0;
    }
    EXPECT_LE(speaking, 1);
  }
}

int GroupTest::master() {
  for (const auto& [number, node] : nodes_) {
    if (node->member->mastership().may_speak(simulation.now())) return number;
  }
  return 0;
}

bool GroupTest::all_in_sync(size_t count) {
  return master() != 0 && shared.stored && shared.stored->record.in_sync.size() == count;
}

void GroupTest::make(int count) {
  for (int number = 1; number <= count; ++number) start(number);
  ASSERT_TRUE(until([&] { return all_in_sync(static_cast<size_t>(count)); }, Millis(20'000)));
}

SessionId GroupTest::open_session() {
  const auto reply = ask(wire::OpenSession{"host", "/mnt", 1, "/", false});
  EXPECT_TRUE(reply) << reply.error().what;
  return reply ? reply->session : SessionId{};
}

Result<wire::OperationResult> GroupTest::apply(SessionId session, wire::Operation operation) {
  auto reply = ask(wire::Commit{session, 0, ++numbers_[session], {std::move(operation)}});
  if (!reply) return pass(reply);
  const wire::OperationResult& result = reply->results.at(0);
  if (const Status outcome = wire::status_of(result.outcome); !outcome) return pass(outcome);
  return result;
}

InodeId GroupTest::make_file(SessionId session, const std::string& name) {
  wire::Create create;
  create.parent = root_inode;
  create.name = name;
  create.mode = S_IFREG | 0644;
  const auto made = apply(session, create);
  EXPECT_TRUE(made) << name << ": " << made.error().what;
  return made ? made->inode.inode : InodeId{};
}

std::vector<std::string> GroupTest::names_in_root(SessionId session) {
  const auto listing = ask(wire::ReadDirectory{session, root_inode, 0, 10'000, false});
  EXPECT_TRUE(listing) << listing.error().what;
  std::vector<std::string> names;
  if (listing) {
    for (const auto& entry : listing->entries) names.push_back(entry.name);
  }
  return names;
}

void GroupTest::expect_same_everywhere(int count) {
  ASSERT_TRUE(until([&] { return all_in_sync(static_cast<size_t>(count)); }, Millis(30'000)));
  std::optional<Position> position;
  run_for(Millis(500));
  for (int number = 1; number <= count; ++number) {
    Namespace* names = member(number).names();
    ASSERT_NE(names, nullptr);
    if (!position) position = names->position();
    EXPECT_EQ(names->position(), *position) << name_of(number);
    const auto findings = names->check();
    ASSERT_TRUE(findings);
    EXPECT_EQ(*findings, std::vector<std::string>{}) << name_of(number);
  }
}

}  // namespace lace::control
