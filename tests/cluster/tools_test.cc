// Ordinary programs at work on a mount: one script each in tools/, which checks what it did.
#include "tests/lib/cluster.h"

namespace lace::test {
namespace {

class Tools : public testing::TestWithParam<const char*> {};

TEST_P(Tools, WorkOnAMount) {
  Cluster cluster;
  EXPECT_SHELL(cluster.environment(), std::string(". $S/tools/") + GetParam() + ".sh");
}

INSTANTIATE_TEST_SUITE_P(All, Tools,
                         testing::Values("git", "sqlite_wal", "sqlite_delete", "cpp_project", "fio_random_mix",
                                         "fio_sequential", "fio_direct", "fio_mmap", "sparse", "sparse_rsync", "big_directory",
                                         "space_comes_back"),
                         [](const auto& one) { return std::string(one.param); });

struct Stressor {
  const char* name;
  const char* arguments;
};
std::ostream& operator<<(std::ostream& out, const Stressor& stressor) { return out << stressor.name; }

constexpr Stressor stressors[] = {
    {"names",
     "--dir 1 --dirdeep 1 --dirdeep-inodes 2000 --dentry 1 --dentries 500 --rename 1 --link 1 --symlink 1 --filename 1"},
    {"data",
     "--hdd 1 --hdd-bytes 16m --copy-file 1 --copy-file-bytes 128m --fallocate 1 --fallocate-bytes 16m --seek 1 --seek-size "
     "8m"},
    {"attributes", "--xattr 1 --chmod 1 --chown 1 --fstat 1 --utime 1 --access 1 --touch 1"},
    {"locks_and_maps", "--flock 2 --lockf 2 --lockofd 2 --getdent 1 --mmap 1 --mmap-file --mmap-bytes 4m"},
};

class Stress : public testing::TestWithParam<Stressor> {};

TEST_P(Stress, LeavesNothingWrong) {
  Cluster cluster;
  EXPECT_SHELL(
      cluster.environment(),
      std::string("mkdir $M/stress; timeout 50 stress-ng --temp-path $M/stress --verify --timeout 12s --metrics-brief ") +
          GetParam().arguments);
  EXPECT_SHELL(cluster.environment(), "rm -r $M/stress; [ -z \"$(ls -A $M)\" ]");
}

INSTANTIATE_TEST_SUITE_P(All, Stress, testing::ValuesIn(stressors),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace lace::test
