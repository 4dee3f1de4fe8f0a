// A real tree, copied in, compared, again after remounts and restarts.
#include "tests/lib/cluster.h"

namespace lace::test {
namespace {

// $S/trees.sh has the functions make_tree, same and nothing_to_do.
const std::string functions = ". $S/trees.sh; ";

TEST(Tree, IsTheSameAfterRsyncRemountAndRestart) {
  Cluster cluster;
  ASSERT_SHELL(cluster.environment(), functions + "make_tree");
  ASSERT_SHELL(cluster.environment(), "rsync -aHAX $T/src/ $M/tree/");
  EXPECT_SHELL(cluster.environment(), functions + "same $T/src $M/tree");
  EXPECT_SHELL(cluster.environment(), functions + "nothing_to_do $T/src $M/tree");
  EXPECT_SHELL(cluster.environment(), functions + "nothing_to_do $T/src $M/tree -c");
  cluster.mount().unmount();
  cluster.mount().start();
  EXPECT_SHELL(cluster.environment(), functions + "same $T/src $M/tree");
  EXPECT_SHELL(cluster.environment(), functions + "nothing_to_do $T/src $M/tree");
  cluster.stop_all();
  cluster.start_all();
  EXPECT_SHELL(cluster.environment(), functions + "nothing_to_do $T/src $M/tree -c");
}

TEST(Tree, SurvivesTar) {
  Cluster cluster;
  ASSERT_SHELL(cluster.environment(), functions + "make_tree");
  ASSERT_SHELL(cluster.environment(),
               "mkdir $M/tree; tar -C $T/src --acls --xattrs -cf - . | tar -C $M/tree --acls --xattrs -xpf -");
  EXPECT_SHELL(cluster.environment(), functions + "same $T/src $M/tree");
  EXPECT_SHELL(cluster.environment(),
               functions +
                   "mkdir $T/back; tar -C $M/tree --acls --xattrs -cf - . | tar -C $T/back --acls --xattrs -xpf -; "
                   "same $T/src $T/back");
  EXPECT_SHELL(cluster.environment(), "rm -r $M/tree; [ -z \"$(ls -A $M)\" ]");
}

}  // namespace
}  // namespace lace::test
