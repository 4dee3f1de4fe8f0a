// lace key new: a pair of CURVE keys, for clusters that span machines.
#include <iostream>

#include "common/access/keys.h"
#include "common/config/options.h"
#include "common/net/zmq_network.h"
#include "fs/cli/commands.h"

namespace lace::cli {
namespace {

int new_key(Arguments arguments) {
  std::string name, directory = ".";
  config::Options options("lace key new",
                          "makes a pair of keys for a server or a person, in a file that only its owner may read");
  options.argument("NAME", name, "whose key it is: letters, digits, '.', '_', '-'; the file is NAME.key");
  options.text("dir", directory, "DIR", "where to write the file");
  options.section(
      "How keys are used",
      "The file goes to --keys of lace-control, lace-storage, lace-fs and lace. Its public key, which is printed, goes "
      "to whoever must know it: behind the address of a server (tcp://HOST:PORT#KEY), and into the file of those who are let "
      "in (--admit of lace-control and lace-storage), one a line:\n"
      "\n"
      "  KEY NAME ro|rw SUBTREE   a mount that sees SUBTREE ('/' is all)\n"
      "  KEY NAME server          a server of the cluster");
  if (const auto code = options.parse(std::move(arguments))) return *code;
  const net::KeyPair pair = net::make_key_pair();
  const std::string path = directory + '/' + name + ".key";
  const auto made = access::make_key_file(path, {name, pair.public_key, pair.secret_key});
  if (!made && made.error().code == Code::invalid) return options.wrong_usage(made.error().what);
  if (!made) return failed("key new", made.error());
  std::cout << "wrote " << path << ", which is secret\n"
            << "public key: " << pair.public_key << '\n'
            << "to let it in, add to a server's --admit file:\n  " << pair.public_key << ' ' << name << " rw /\n";
  return 0;
}

}  // namespace

int key_command(Arguments arguments) {
  const std::string usage =
      "lace key: makes keys for clusters that span machines.\n\nUsage:\n    lace key new NAME [--dir DIR]\n";
  if (!arguments.empty() && arguments.front() == "new") {
    arguments.erase(arguments.begin());
    return new_key(std::move(arguments));
  }
  if (!arguments.empty() && (arguments.front() == "--help" || arguments.front() == "-h")) return std::cout << usage, 0;
  std::cerr << "lace key: say what to do: lace key new NAME (see 'lace key new --help')\n";
  return 2;
}

}  // namespace lace::cli
