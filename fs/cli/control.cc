// lace control: the control servers of a cluster.
#include <iostream>

#include "fs/cli/commands.h"
#include "fs/cli/control_list.h"
#include "fs/cli/where.h"

namespace lace::cli {
namespace {

constexpr Millis answer_within{5'000};
constexpr Millis poll_interval{20};

int list(Arguments arguments) {
  Where where;
  bool json = false;
  config::Options options("lace control list", "shows the control servers: which is the master, and how far the slaves are");
  where.declare(options);
  options.flag("json", json, "print JSON, for programs");
  if (const auto code = options.parse(std::move(arguments))) return *code;
  auto asker = where.asker();
  if (!asker) return failed("control list", asker.error());
  const auto status = asker->status(answer_within);
  if (!status) return failed("control list", status.error());
  std::cout << (json ? controls_json(*status).dump(2) + '\n' : control_table(*status));
  return 0;
}

bool leads(const wire::ClusterStatusReply& status, const std::string& name) {
  for (const auto& control : status.controls) {
    if (control.master) return control.name == name;
  }
  return false;
}

Status promote(Asker& asker, const std::string& name) {
  if (const Status asked = asker.promote(name, answer_within); !asked) return asked;
  const Instant end = SystemClock().now() + answer_within;
  for (;;) {
    const auto status = asker.status(Millis(1'000));
    if (status && leads(*status, name)) return {};
    if (SystemClock().now() > end) {
      return fail(Code::unavailable, name + " has not become the master: see 'lace control list', and its log");
    }
    asker.pause(poll_interval);
  }
}

int change(const std::string& verb, const std::string& summary, Arguments arguments,
           Status (*run)(Asker& asker, const std::string& name), const std::string& done) {
  Where where;
  std::string name;
  config::Options options("lace control " + verb, summary);
  options.argument("NAME", name, "of a control server, as 'lace control list' shows it");
  where.declare(options);
  if (const auto code = options.parse(std::move(arguments))) return *code;
  auto asker = where.asker();
  if (!asker) return failed("control " + verb, asker.error());
  if (const Status ran = run(*asker, name); !ran) return failed("control " + verb, ran.error());
  std::cout << name << done << '\n';
  return 0;
}

constexpr const char* usage =
    "lace control: the control servers of a cluster.\n\nUsage:\n"
    "    lace control list [--json]     which is the master, and how far the slaves are\n"
    "    lace control promote NAME      hands over: NAME becomes the master\n"
    "    lace control remove NAME       NAME, which does not run any more, leaves the group for good\n"
    "\nA new one joins when lace-control is started with an empty directory and the --etcd of the others.\n";

}  // namespace

int control_command(Arguments arguments) {
  const std::string verb = arguments.empty() ? "" : arguments.front();
  if (verb == "--help" || verb == "-h") return std::cout << usage, 0;
  if (!arguments.empty()) arguments.erase(arguments.begin());
  if (verb == "list") return list(std::move(arguments));
  if (verb == "promote") {
    return change(verb, "hands over: the server becomes the master, as soon as it holds everything", std::move(arguments),
                  promote, " is the master");
  }
  if (verb == "remove") {
    return change(
        verb, "takes a control server that does not run any more out of the group", std::move(arguments),
        [](Asker& asker, const std::string& name) { return asker.remove_control(name, answer_within); }, " is removed");
  }
  std::cerr << "lace control: say what to do: list, promote or remove (see 'lace control --help')\n";
  return 2;
}

}  // namespace lace::cli
