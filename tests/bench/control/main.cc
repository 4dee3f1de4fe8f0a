// Measures the control server alone, over the wire: no storage servers, no mounts.
#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <random>

#include "common/base/log.h"
#include "common/config/options.h"
#include "fs/cli/table.h"
#include "tests/bench/control/asker.h"
#include "tests/bench/control/report.h"
#include "tests/bench/control/server.h"
#include "tests/bench/control/tree.h"

namespace {

using namespace lace;
using namespace lace::bench;

constexpr uint32_t several = 8;
constexpr uint32_t page_entries = 1'000;  // of one ReadDirectory

struct Flags {
  std::string program;
  std::string directory = std::filesystem::temp_directory_path();
  uint64_t files = 0;
  uint64_t walk = 1'000'000;
  uint32_t effort = 100;
  std::string only;
  bool json = false;
};

// What a walk saw: names to be looked up.
struct Seen {
  InodeId parent;
  std::string name;
};

InodeId make_directory(Asker& asker, const std::string& name) {
  InodeId made{};
  bool asked = false;
  asker.commit_all(
      1,
      [&]() -> Asker::Operations {
        if (std::exchange(asked, true)) return {};
        return {new_file(root_inode, name, S_IFDIR | 0755)};
      },
      [&](const auto&, const wire::CommitReply& reply) { made = reply.results.at(0).inode.inode; });
  return made;
}

uint64_t create_files(Asker& asker, InodeId parent, uint64_t count, uint32_t slots, size_t batch) {
  uint64_t given = 0;
  asker.commit_all(
      slots,
      [&] {
        Asker::Operations operations;
        for (; given < count && operations.size() < batch; ++given) {
          operations.push_back(new_file(parent, "file-" + std::to_string(given) + ".txt", S_IFREG | 0644));
        }
        return operations;
      },
      [](const auto&, const auto&) {});
  return count;
}

uint64_t look_up(Asker& asker, const std::vector<Seen>& names, uint64_t count, uint32_t in_flight) {
  std::mt19937_64 random(7);
  uint64_t given = 0;
  asker.ask_all<wire::Lookup>(
      in_flight,
      [&]() -> std::optional<wire::Lookup> {
        if (given++ == count) return std::nullopt;
        const Seen& seen = names[random() % names.size()];
        return wire::Lookup{{}, seen.parent, seen.name};
      },
      [](const wire::AttributesReply&) {});
  return count;
}

// Breadth first from `top`, until `most` entries were seen; one question at a time, as readdirplus asks.
uint64_t walk(Asker& asker, InodeId top, uint64_t most, bool with_attributes, std::vector<Seen>* seen) {
  std::deque<InodeId> waiting{top};
  uint64_t entries = 0;
  while (!waiting.empty() && entries < most) {
    const InodeId directory = waiting.front();
    waiting.pop_front();
    for (uint64_t cookie = 0;;) {
      const auto page = asker.ask(wire::ReadDirectory{{}, directory, cookie, page_entries, with_attributes});
      entries += page.entries.size();
      for (const wire::DirectoryEntry& entry : page.entries) {
        if (entry.type == DT_DIR) waiting.push_back(entry.inode);
        if (seen != nullptr) seen->push_back({directory, entry.name});
        cookie = entry.cookie;
      }
      if (page.end || entries >= most) break;
    }
  }
  return entries;
}

void measure_creates(Asker& asker, Report& report, const Flags& flags) {
  const struct {
    uint32_t slots;
    size_t batch;
    uint64_t count;
  } creates[] = {{1, 1, 50}, {several, 1, 200}, {several, 10, 500}, {several, 100, 1'000}, {several, 1'000, 2'000}};
  for (const auto& kind : creates) {
    const std::string what =
        "create, " + std::to_string(kind.batch) + " a commit, " + std::to_string(kind.slots) + " in flight";
    if (what.find(flags.only) == what.npos) continue;
    const InodeId parent = make_directory(asker, "d" + std::to_string(kind.slots) + '-' + std::to_string(kind.batch));
    report.measure(what, "creates",
                   [&] { return create_files(asker, parent, kind.count * flags.effort, kind.slots, kind.batch); });
  }
}

void measure_questions(Asker& asker, Report& report, const Flags& flags) {
  const InodeId parent = make_directory(asker, "questions");
  create_files(asker, parent, 200'000, several, 1'000);
  std::vector<Seen> names;
  walk(asker, parent, UINT64_MAX, false, &names);
  const auto measure = [&](const std::string& what, const std::string& unit, const auto& run) {
    if (what.find(flags.only) != what.npos) report.measure(what, unit, run);
  };
  const auto walks = [&](bool with_attributes) {
    uint64_t entries = 0;
    for (uint32_t done = 0; done < flags.effort; done += 20)
      entries += walk(asker, parent, UINT64_MAX, with_attributes, nullptr);
    return entries;
  };
  measure("readdir, 1 in flight", "entries", [&] { return walks(false); });
  measure("readdirplus, 1 in flight", "entries", [&] { return walks(true); });
  for (const uint32_t in_flight : {1U, several}) {
    measure("lookup, " + std::to_string(in_flight) + " in flight", "lookups",
            [&] { return look_up(asker, names, uint64_t{in_flight == 1 ? 500U : 1'000U} * flags.effort, in_flight); });
  }
}

void fill(Asker& asker, Report& report, uint64_t files) {
  Tree tree(files, 100'000);
  report.measure("fill, 1,000 a commit, 8 in flight", "creates", [&] {
    uint64_t shown = 0;
    asker.commit_all(
        several, [&] { return tree.next(1'000); },
        [&](const auto& operations, const auto& reply) {
          tree.made(operations, reply);
          if (tree.made() / 1'000'000 == shown) return;
          shown = tree.made() / 1'000'000;
          std::fprintf(stderr, "  %llu million\n", static_cast<unsigned long long>(shown));
        });
    return tree.made();
  });
  report.note("directories", "directories", static_cast<double>(tree.directories()), cli::human_number(tree.directories()));
}

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f s", seconds);
  return text;
}

void note_bytes(Report& report, const std::string& what, const std::string& key, uint64_t bytes) {
  report.note(what, key, static_cast<double>(bytes), cli::human_bytes(bytes));
}

void restart(Server& server, Asker& asker, Report& report, const std::string& how, bool gracefully) {
  const SystemClock clock;
  const Instant stop = clock.now();
  if (!gracefully) {
    server.kill();
  } else if (const Status stopped = server.stop(); !stopped) {
    give_up("stop", stopped.error());
  }
  const Instant start = clock.now();
  if (const Status started = server.start(); !started) give_up("start", started.error());
  asker.resume();
  const double stopping = std::chrono::duration<double>(start - stop).count();
  const double starting = std::chrono::duration<double>(clock.now() - start).count();
  if (gracefully) report.note("stop", "stop_seconds", stopping, seconds_text(stopping));
  report.note("start after " + how + ", until it serves", "start_seconds_after_" + how, starting, seconds_text(starting));
}

void measure_many(Server& server, Asker& asker, Report& report, const Flags& flags) {
  fill(asker, report, flags.files);
  note_bytes(report, "peak RSS of the filling server", "fill_peak_rss_bytes", server.peak_rss_bytes());
  note_bytes(report, "namespace.db", "database_bytes", server.stored_bytes("namespace.db"));
  note_bytes(report, "namespace.db-wal", "log_bytes", server.stored_bytes("namespace.db-wal"));
  restart(server, asker, report, "kill", false);
  restart(server, asker, report, "stop", true);
  note_bytes(report, "RSS after the start", "start_rss_bytes", server.rss_bytes());

  std::vector<Seen> names;
  const uint64_t most = std::min(flags.walk, flags.files);
  report.measure("readdirplus, the tree", "entries", [&] { return walk(asker, root_inode, most, true, &names); });
  for (const uint32_t in_flight : {1U, several}) {
    report.measure("lookup at random, " + std::to_string(in_flight) + " in flight", "lookups",
                   [&] { return look_up(asker, names, std::max<uint64_t>(most / 2, 1), in_flight); });
  }
  note_bytes(report, "peak RSS of the walked server", "walk_peak_rss_bytes", server.peak_rss_bytes());
}

int run(const Flags& flags) {
  Server server(flags.program, flags.directory);
  if (const Status started = server.start(); !started) give_up("start", started.error());
  Asker asker(server.url());
  asker.open();
  Report report(server);
  if (flags.files == 0) {
    measure_creates(asker, report, flags);
    measure_questions(asker, report, flags);
    note_bytes(report, "peak RSS", "peak_rss_bytes", server.peak_rss_bytes());
  } else {
    measure_many(server, asker, report, flags);
  }
  asker.close();
  if (const Status stopped = server.stop(); !stopped) give_up("stop", stopped.error());
  std::fputs((flags.json ? report.json() : report.table()).c_str(), stdout);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  flags.program = std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / "bin/lace-control";
  config::Options options("scripts/bench control", "measures the control server alone, over the wire");
  options.number("files", flags.files, 0, 1'000'000'000,
                 "instead: fill a namespace with so many files, start again, walk through it");
  options.number("walk", flags.walk, 1, 100'000'000, "entries to be walked through then");
  options.number("effort", flags.effort, 1, 10'000, "how long to measure, in percent");
  options.text("only", flags.only, "TEXT", "measure only what has this in its name, as in: lookup");
  options.text("directory", flags.directory, "DIR", "make the server's temporary directory there: which disk is measured");
  options.text("program", flags.program, "FILE", "the lace-control to be measured");
  options.flag("json", flags.json, "print JSON");
  if (const auto code = options.parse(argc, argv)) return *code;
  log::set_level(log::Level::error);
  return run(flags);
}
