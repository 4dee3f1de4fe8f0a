// lace fsck: everything that must hold, looked at while the cluster goes on.
#include <unistd.h>

#include <iostream>

#include <nlohmann/json.hpp>

#include "common/config/options.h"
#include "fs/cli/commands.h"
#include "fs/cli/where.h"

namespace lace::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr Millis timeout{10'000};
constexpr Millis look_again{200};

// One line, written over, for people only.
void show_progress(const wire::CheckProgress& progress) {
  std::cerr << "\r\033[K" << progress.step;
  if (progress.total > 0) std::cerr << ": " << progress.done << " of " << progress.total;
  std::cerr << std::flush;
}

Result<wire::CheckNamespaceReply> run(Asker& asker, bool repair) {
  wire::CheckNamespace question{0, repair};
  const bool shows = isatty(STDERR_FILENO) != 0;
  for (;;) {
    auto reply = asker.check(question, timeout);
    if (!reply) return reply;
    if (!reply->running) {
      if (shows) std::cerr << "\r\033[K";
      return reply;
    }
    question.run = reply->run;
    if (shows) show_progress(reply->progress);
    asker.pause(look_again);
  }
}

Json json_of(const wire::CheckNamespaceReply& reply) {
  Json findings = Json::array();
  for (const auto& finding : reply.findings) {
    findings.push_back({{"what", finding.what}, {"remedy", finding.remedy}, {"repaired", finding.repaired}});
  }
  return {{"clean", reply.problems == reply.repaired},
          {"problems", reply.problems},
          {"repaired", reply.repaired},
          {"findings", std::move(findings)}};
}

void print(const wire::CheckNamespaceReply& reply, bool repair) {
  for (const auto& finding : reply.findings) {
    std::cout << finding.what << '\n';
    if (finding.repaired) {
      std::cout << "    repaired: " << finding.remedy << '\n';
    } else if (finding.remedy.empty()) {
      std::cout << "    no repair is known\n";
    } else {
      std::cout << (repair ? "    not repaired: " : "    --repair would: ") << finding.remedy << '\n';
    }
  }
  if (reply.problems > reply.findings.size()) std::cout << "and " << reply.problems - reply.findings.size() << " more\n";
  if (reply.problems == 0) {
    std::cout << "clean\n";
  } else {
    std::cout << reply.problems << " problems, " << reply.repaired << " repaired\n";
  }
}

}  // namespace

int fsck_command(Arguments arguments) {
  bool repair = false, dry_run = false, json = false;
  Where where;
  config::Options options("lace fsck", "checks everything that must hold in a cluster's namespace, while it goes on");
  where.declare(options);
  options.flag("repair", repair, "mend what can be mended");
  options.flag("dry-run", dry_run, "say what --repair would do; the same as without --repair");
  options.flag("json", json, "print JSON, for programs");
  options.section(
      "What is checked",
      "Names and links, attributes, what files store, extents, who uses each page of each block, blocks without a "
      "whole copy, and all counts. The control server copies its database for that (beside it, so there must be room), "
      "and looks at the copy, on another thread. What has no name gets one in /lost+found.");
  options.section("Exit code", "0: clean, or all was repaired; 1: problems are left, or the check failed; 2: wrong usage.");
  if (const auto code = options.parse(std::move(arguments))) return *code;
  if (repair && dry_run) return options.wrong_usage("--repair and --dry-run exclude each other");
  auto asker = where.asker();
  if (!asker) return failed("fsck", asker.error());
  const auto reply = run(*asker, repair);
  if (!reply) return failed("fsck", reply.error());
  if (json) {
    std::cout << json_of(*reply).dump(2) << '\n';
  } else {
    print(*reply, repair);
  }
  return reply->problems == reply->repaired ? 0 : 1;
}

}  // namespace lace::cli
