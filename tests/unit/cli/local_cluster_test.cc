#include "fs/cli/local_cluster.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lace::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class LocalClusterTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(top_); }
  void TearDown() override { std::filesystem::remove_all(top_); }
  std::string top_ = testing::TempDir() + "lace-cluster-" + std::to_string(getpid());
};

TEST_F(LocalClusterTest, RemembersItsShape) {
  const LocalCluster cluster(top_ + "/data/");
  EXPECT_EQ(cluster.directory(), top_ + "/data");
  EXPECT_FALSE(cluster.shape().value());
  const ClusterShape shape{1, 4, 3, "/mnt/x"};
  ASSERT_TRUE(cluster.make_directories(shape));
  ASSERT_TRUE(cluster.save(shape));
  const auto read = cluster.shape().value();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->storages, 4);
  EXPECT_EQ(read->copies, 3);
  EXPECT_EQ(read->mount_point, "/mnt/x");
  EXPECT_TRUE(std::filesystem::is_directory(top_ + "/data/storage-4"));
}

TEST_F(LocalClusterTest, KeepsItsSocketsToItself) {
  const LocalCluster cluster(top_);
  std::filesystem::create_directory(top_ + "/run");
  chmod((top_ + "/run").c_str(), 0755);
  ASSERT_TRUE(cluster.make_directories({}));
  struct stat run {};
  ASSERT_EQ(stat((top_ + "/run").c_str(), &run), 0);
  EXPECT_EQ(run.st_mode & 0777, 0700u);
}

TEST_F(LocalClusterTest, PutsSocketsElsewhereWhenItsPathIsTooLong) {
  EXPECT_EQ(LocalCluster("/d").url("control-1"), "ipc:///d/run/control-1.sock");
  const LocalCluster deep(top_ + '/' + std::string(90, 'x'));
  EXPECT_LE(deep.url("storage-99").size(), std::string("ipc://").size() + 100);
  EXPECT_EQ(deep.url("control-1"), LocalCluster(top_ + '/' + std::string(90, 'x')).url("control-1"));
  EXPECT_NE(deep.url("control-1"), LocalCluster(top_ + '/' + std::string(90, 'y')).url("control-1"));
}

TEST_F(LocalClusterTest, SaysWhatIsWrongWithABrokenFile) {
  const LocalCluster cluster(top_);
  for (const char* content :
       {"", "{", "[]", R"({"format": 1})", R"({"format":1,"controls":1,"storages":2,"copies":3,"mount_point":""})"}) {
    std::ofstream(top_ + "/cluster.json") << content;
    const auto shape = cluster.shape();
    ASSERT_FALSE(shape) << content;
    EXPECT_THAT(shape.error().what, HasSubstr("cluster.json is broken")) << content;
  }
  std::ofstream(top_ + "/cluster.json") << R"({"format": 99})";
  EXPECT_THAT(cluster.shape().error().what, HasSubstr("newer"));
}

TEST_F(LocalClusterTest, SaysWhatIsInItsWay) {
  std::ofstream(top_ + "/log") << "a file";
  const auto made = LocalCluster(top_).make_directories({});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().what, StartsWith(top_ + "/log is in the way"));
  const auto below_file = LocalCluster(top_ + "/log/data").make_directories({});
  EXPECT_FALSE(below_file);
}

TEST_F(LocalClusterTest, DoesNotTakeAForeignProcessForItsServer) {
  const LocalCluster cluster(top_);
  ASSERT_TRUE(cluster.make_directories({}));
  for (const std::string& text : {std::to_string(getpid()), std::string("1"), std::string("nonsense"), std::string("-3")}) {
    std::ofstream(cluster.pid_path("control-1")) << text << '\n';
    EXPECT_FALSE(cluster.running("control-1", {})) << text;
  }
}

}  // namespace
}  // namespace lace::cli
