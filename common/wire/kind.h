// Every kind of message has a number that is never used for another. Grouped by direction, with gaps for what comes.
#pragma once

#include <cstdint>
#include <string_view>

namespace lace::wire {

inline constexpr uint16_t protocol_version = 1;

enum class Kind : uint16_t {
  reply = 1,  // to the request with the same number

  // client -> control: sessions
  open_session = 100,
  resume_session = 101,
  renew_session = 102,
  close_session = 103,
  wait_events = 104,
  // client -> control: questions
  lookup = 120,
  get_attributes = 121,
  read_directory = 122,
  read_link = 123,
  get_xattr = 124,
  list_xattrs = 125,
  get_extents = 126,
  open_inode = 127,
  close_inodes = 128,
  file_system_usage = 129,
  // client -> control: changes
  commit = 140,
  allocate_blocks = 141,
  get_blocks = 142,
  // client -> control: locks
  lock = 150,
  cancel_lock = 151,
  test_lock = 152,
  release_locks = 153,
  // client or storage -> control
  report_failure = 160,
  // tools -> control
  cluster_status = 180,
  inspect_inode = 181,
  change_server = 185,
  set_limits = 186,
  start_scrub = 187,
  check_namespace = 190,
  promote_control = 191,
  remove_control = 192,

  // storage -> control
  register_server = 200,
  heartbeat = 201,
  report_copies = 202,

  // client -> storage
  write_block = 300,
  read_block = 301,
  sync_blocks = 302,
  open_copy = 303,
  // storage -> storage
  forward_write = 320,
  fetch_pages = 321,
  compare_pages = 322,
  // control -> storage
  set_epochs = 340,
  delete_blocks = 341,
  punch_blocks = 342,
  fill_blocks = 343,
  inspect_block = 344,
  announce_master = 350,

  // control -> control
  group_beacon = 400,
  ship_changes = 401,
  take_over = 402,
  join_group = 403,
  fetch_snapshot = 404,
};

std::string_view name_of(Kind kind);

}  // namespace lace::wire
