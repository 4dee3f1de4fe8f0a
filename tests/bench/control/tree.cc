#include "tests/bench/control/tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>

namespace lace::bench {
namespace {

// Half of the directories have up to 6 files, one in a hundred 200 or more; 19 are the mean.
constexpr double files_log_mean = 1.8, files_log_deviation = 1.5;
constexpr uint64_t most_directories = 3;  // in one; half of that is the mean
constexpr int one_link_in = 50;

}  // namespace

wire::Create new_file(InodeId parent, std::string name, uint32_t mode) {
  wire::Create create;
  create.parent = parent;
  create.name = std::move(name);
  create.mode = mode;
  create.uid = create.gid = 1000;
  create.umask = 022;
  create.now = {1'700'000'000, 123'456'789};
  return create;
}

Tree::Tree(uint64_t files, uint64_t large) : files_(files), large_(files > 2 * large ? large : 0) { plan(root_inode); }

void Tree::plan(InodeId directory) {
  const double size = std::lognormal_distribution<double>(files_log_mean, files_log_deviation)(random_);
  const auto files = static_cast<uint64_t>(std::min(size, 1e6));
  open_.push_back({directory, files + std::exchange(large_, 0), random_() % (most_directories + 1)});
}

wire::Create Tree::create(InodeId parent, uint32_t mode) {
  static constexpr const char* endings[] = {"", ".txt", ".h", ".jpeg", ".so.1", ".py", "_test.cc", ".tar.gz"};
  std::string name = std::to_string(given_) + '-' + std::to_string(random_() >> (random_() % 60));
  name += S_ISDIR(mode) ? ".d" : endings[random_() % std::size(endings)];
  wire::Create made = new_file(parent, std::move(name), mode);
  if (S_ISLNK(mode)) made.target = "../../somewhere/else/" + std::to_string(random_() % 100'000);
  ++given_;
  return made;
}

Asker::Operations Tree::next(size_t count) {
  Asker::Operations operations;
  if (open_.empty() && given_ == made_) plan(root_inode);  // no directory had one in it
  while (operations.size() < count && given_ < files_ && !open_.empty()) {
    Directory& directory = open_.front();
    if (directory.directories > 0) {
      --directory.directories;
      operations.push_back(create(directory.inode, S_IFDIR | 0755));
    } else if (directory.files > 0) {
      --directory.files;
      operations.push_back(create(directory.inode, random_() % one_link_in == 0 ? S_IFLNK | 0777 : S_IFREG | 0644));
    } else {
      open_.pop_front();
    }
  }
  return operations;
}

void Tree::made(const Asker::Operations& operations, const wire::CommitReply& reply) {
  made_ += operations.size();
  for (const wire::OperationResult& result : reply.results) {
    if (!S_ISDIR(result.inode.mode)) continue;
    ++directories_;
    plan(result.inode.inode);
  }
}

}  // namespace lace::bench
