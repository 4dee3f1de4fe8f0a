// One request of the kernel: on whose behalf it is carried out, and its one answer.
#pragma once

#include <sys/stat.h>

#include "fs/fuse/fuse_api.h"
#include "fs/fuse/service.h"
#include "fs/fuse/worker.h"

namespace lace::fs::fuse {

class Request {
 public:
  Request(fuse_req_t request, const char* operation);
  ~Request();  // a request that nobody answered is answered with EIO
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  Service& service;
  Worker& worker;
  Context context;

  FileSystem& file_system() { return service.file_system; }
  fuse_req_t raw_request() const { return request_; }

  // The root of the mount is 1 for the kernel, whatever its inode number.
  InodeId inode(fuse_ino_t node) const { return node == FUSE_ROOT_ID ? service.root : InodeId{node}; }
  fuse_ino_t node(InodeId inode) const { return inode == service.root ? FUSE_ROOT_ID : raw(inode); }
  struct stat stat_of(const Attributes& attributes) const;
  fuse_entry_param entry_of(const Attributes& attributes, const CacheTimes& times) const;

  // Answers. Exactly one of them is called. False: the kernel did not take it (the asker is gone).
  void answer_error(int number);
  void answer_error(const Error& error);
  void answer_done() { answer_error(0); }
  void answer_status(const Status& status);
  void answer_entry(const Attributes& attributes);  // an inode that counts as looked up
  bool answer_created(const Opened& opened, fuse_file_info& info);
  bool answer_opened(const fuse_file_info& info);
  void answer_attributes(const Attributes& attributes);
  void answer_bytes(const char* bytes, size_t length);
  // The same for bytes whose entries carry cache times; see Replying.
  bool answer_listing(const char* bytes, size_t length);
  void answer_text(const std::string& text);
  void answer_count(size_t count);
  void answer_xattr(std::string_view value, size_t room);  // room 0: how long is it?
  void answer_offset(uint64_t offset);
  void answer_statfs(const struct statvfs& usage);
  void answer_lock(const struct flock& lock);
  // The answer is somebody else's business from now on.
  fuse_req_t leave_open();

  // While cache times are on their way to the kernel. See KernelCache::settle.
  class Replying {
   public:
    explicit Replying(Worker& worker) : worker_(worker) { ++worker_.replying; }
    ~Replying() { ++worker_.replying; }
    Replying(const Replying&) = delete;
    Replying& operator=(const Replying&) = delete;

   private:
    Worker& worker_;
  };

 private:
  fuse_req_t take();

  fuse_req_t request_;
  const char* operation_;
};

}  // namespace lace::fs::fuse
