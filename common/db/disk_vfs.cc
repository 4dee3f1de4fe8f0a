#include "common/db/disk_vfs.h"

#include <atomic>
#include <cstring>
#include <new>

#include <sqlite3.h>

#include "common/base/check.h"

namespace lace::db {

struct DiskVfs::State {
  disk::Disk& disk;
  std::string name;
  bool unplugged = false;
  sqlite3_vfs vfs{};
};

namespace {

struct OpenFile {
  sqlite3_file base;  // first: SQLite knows the rest only by this
  DiskVfs::State* state;
  std::unique_ptr<disk::File>* file;
  std::string* path;
  bool new_name;  // its directory is to be synced with it, as SQLite's own unix files do
};

OpenFile& opened(sqlite3_file* base) { return *reinterpret_cast<OpenFile*>(base); }
DiskVfs::State& state_of(sqlite3_vfs* vfs) { return *static_cast<DiskVfs::State*>(vfs->pAppData); }
sqlite3_vfs* system_vfs() { return sqlite3_vfs_find("unix"); }

int code_of(const Error& error, int otherwise) {
  switch (error.code) {
    case Code::no_space: return SQLITE_FULL;
    case Code::read_only: return SQLITE_READONLY;
    default: return otherwise;
  }
}

int close_file(sqlite3_file* base) {
  delete opened(base).file;
  delete opened(base).path;
  return SQLITE_OK;
}

int read_file(sqlite3_file* base, void* into, int length, sqlite3_int64 offset) {
  if (opened(base).state->unplugged) return SQLITE_IOERR_READ;
  const auto wanted = static_cast<size_t>(length);
  const auto got = (*opened(base).file)->read(static_cast<uint64_t>(offset), static_cast<char*>(into), wanted);
  if (!got) return code_of(got.error(), SQLITE_IOERR_READ);
  if (*got == wanted) return SQLITE_OK;
  std::memset(static_cast<char*>(into) + *got, 0, wanted - *got);
  return SQLITE_IOERR_SHORT_READ;
}

int write_file(sqlite3_file* base, const void* bytes, int length, sqlite3_int64 offset) {
  if (opened(base).state->unplugged) return SQLITE_IOERR_WRITE;
  const std::string_view view(static_cast<const char*>(bytes), static_cast<size_t>(length));
  const Status written = (*opened(base).file)->write(static_cast<uint64_t>(offset), view);
  return written ? SQLITE_OK : code_of(written.error(), SQLITE_IOERR_WRITE);
}

int truncate_file(sqlite3_file* base, sqlite3_int64 size) {
  if (opened(base).state->unplugged) return SQLITE_IOERR_TRUNCATE;
  const Status cut = (*opened(base).file)->truncate(static_cast<uint64_t>(size));
  return cut ? SQLITE_OK : code_of(cut.error(), SQLITE_IOERR_TRUNCATE);
}

int sync_file(sqlite3_file* base, int) {
  if (opened(base).state->unplugged) return SQLITE_IOERR_FSYNC;
  OpenFile& file = opened(base);
  Status synced = (*file.file)->sync_data();
  if (synced && file.new_name) {
    const size_t slash = file.path->rfind('/');
    synced = file.state->disk.sync_directory(slash == std::string::npos ? std::string() : file.path->substr(0, slash));
    file.new_name = !synced;
  }
  return synced ? SQLITE_OK : code_of(synced.error(), SQLITE_IOERR_FSYNC);
}

int size_of_file(sqlite3_file* base, sqlite3_int64* size) {
  if (opened(base).state->unplugged) return SQLITE_IOERR_FSTAT;
  const auto found = (*opened(base).file)->size();
  if (!found) return SQLITE_IOERR_FSTAT;
  *size = static_cast<sqlite3_int64>(*found);
  return SQLITE_OK;
}

int ignore_lock(sqlite3_file*, int) { return SQLITE_OK; }
int nobody_reserved(sqlite3_file*, int* reserved) {
  *reserved = 0;
  return SQLITE_OK;
}
int no_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector_bytes(sqlite3_file*) { return 4'096; }
int no_promises(sqlite3_file*) { return 0; }

// Version 1: no shared memory, so a write-ahead log only with an exclusive lock.
const sqlite3_io_methods file_methods = {1,          close_file,   read_file,   write_file,  truncate_file,
                                         sync_file,  size_of_file, ignore_lock, ignore_lock, nobody_reserved,
                                         no_control, sector_bytes, no_promises, nullptr,     nullptr,
                                         nullptr,    nullptr,      nullptr,     nullptr};

int open_file(sqlite3_vfs* vfs, const char* path, sqlite3_file* base, int flags, int* flags_out) {
  base->pMethods = nullptr;
  if (path == nullptr) return SQLITE_CANTOPEN;  // a temporary file; temp_store is MEMORY
  if (state_of(vfs).unplugged) return SQLITE_CANTOPEN;
  disk::Disk& disk = state_of(vfs).disk;
  auto present = disk.open(path, false);
  const bool is_new = !present && present.error().code == Code::no_entry && (flags & SQLITE_OPEN_CREATE) != 0;
  if (is_new) present = disk.open(path, true);
  if (!present) return code_of(present.error(), SQLITE_CANTOPEN);
  OpenFile& file = opened(base);
  file.state = &state_of(vfs);
  file.file = new std::unique_ptr<disk::File>(std::move(*present));
  file.path = new std::string(path);
  file.new_name = is_new;
  file.base.pMethods = &file_methods;
  if (flags_out != nullptr) *flags_out = flags;
  return SQLITE_OK;
}

int delete_file(sqlite3_vfs* vfs, const char* path, int sync_directory) {
  if (state_of(vfs).unplugged) return SQLITE_IOERR_DELETE;
  const Status removed = state_of(vfs).disk.remove(path);
  if (!removed) return removed.error().code == Code::no_entry ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE;
  if (sync_directory == 0) return SQLITE_OK;
  const std::string_view view(path);
  const size_t slash = view.rfind('/');
  const Status synced =
      state_of(vfs).disk.sync_directory(std::string(view.substr(0, slash == std::string_view::npos ? 0 : slash)));
  return synced ? SQLITE_OK : SQLITE_IOERR_DIR_FSYNC;
}

int access_file(sqlite3_vfs* vfs, const char* path, int, int* exists) {
  if (state_of(vfs).unplugged) return SQLITE_IOERR_ACCESS;
  *exists = state_of(vfs).disk.open(path, false).has_value() ? 1 : 0;
  return SQLITE_OK;
}

int full_path(sqlite3_vfs*, const char* path, int room, char* into) {
  const size_t length = std::strlen(path);
  if (length >= static_cast<size_t>(room)) return SQLITE_CANTOPEN;
  std::memcpy(into, path, length + 1);
  return SQLITE_OK;
}

int random_bytes(sqlite3_vfs*, int count, char* into) { return system_vfs()->xRandomness(system_vfs(), count, into); }
int sleep_micros(sqlite3_vfs*, int micros) { return system_vfs()->xSleep(system_vfs(), micros); }
int current_time(sqlite3_vfs*, double* now) { return system_vfs()->xCurrentTime(system_vfs(), now); }
int last_error(sqlite3_vfs*, int, char*) { return 0; }

}  // namespace

DiskVfs::DiskVfs(disk::Disk& disk) : state_(new State{disk, {}, false, {}}) {
  static std::atomic<int> count{0};
  state_->name = "lace-disk-" + std::to_string(++count);
  sqlite3_vfs& vfs = state_->vfs;
  vfs.iVersion = 1;
  vfs.szOsFile = sizeof(OpenFile);
  vfs.mxPathname = 1'024;
  vfs.zName = state_->name.c_str();
  vfs.pAppData = state_.get();
  vfs.xOpen = open_file;
  vfs.xDelete = delete_file;
  vfs.xAccess = access_file;
  vfs.xFullPathname = full_path;
  vfs.xRandomness = random_bytes;
  vfs.xSleep = sleep_micros;
  vfs.xCurrentTime = current_time;
  vfs.xGetLastError = last_error;
  CHECK(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK);
}

DiskVfs::~DiskVfs() { sqlite3_vfs_unregister(&state_->vfs); }

const std::string& DiskVfs::name() const { return state_->name; }

void DiskVfs::unplug() { state_->unplugged = true; }

}  // namespace lace::db
