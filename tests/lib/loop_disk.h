// A disk of its own for a test: ext4 on a loop device. It can be small, and it can lose its power.
#pragma once

#include <string>

namespace lace::test {

class LoopDisk {
 public:
  explicit LoopDisk(int mebibytes);
  LoopDisk(const LoopDisk&) = delete;
  ~LoopDisk();
  bool ready() const { return ready_; }  // not where loop devices cannot be had
  const std::string& path() const { return path_; }

  // What was written so far reaches the disk, as it would some time later by itself.
  void write_back();
  // What was not written back or synced is lost, and everything fails until power_on(). Nobody may use it then.
  void cut_power();
  void power_on();

 private:
  const std::string path_;
  bool ready_ = false;
};

}  // namespace lace::test
