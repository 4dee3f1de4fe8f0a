// A tree of files as people have them: directories of a few files and of very many, names of 4 to 30 characters, some
// symbolic links; the same for every run.
#pragma once

#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "common/wire/operations.h"
#include "tests/bench/control/asker.h"

namespace lace::bench {

// Makes operations that create the tree, a directory before what is in it.
class Tree {
 public:
  // `files` of all kinds, directories among them. One directory gets `large` of them, if there are that many.
  Tree(uint64_t files, uint64_t large);

  // Up to `count` operations that can be done now.
  Asker::Operations next(size_t count);
  // Their results: what is in new directories can follow.
  void made(const Asker::Operations& operations, const wire::CommitReply& reply);

  uint64_t made() const { return made_; }
  uint64_t directories() const { return directories_; }

 private:
  struct Directory {
    InodeId inode;
    uint64_t files, directories;  // still to be made in it
  };
  void plan(InodeId directory);
  wire::Create create(InodeId parent, uint32_t mode);

  const uint64_t files_;
  uint64_t large_;
  uint64_t given_ = 0, made_ = 0, directories_ = 0;
  std::mt19937_64 random_{1};
  std::deque<Directory> open_;
};

wire::Create new_file(InodeId parent, std::string name, uint32_t mode);

}  // namespace lace::bench
