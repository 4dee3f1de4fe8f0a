#include "common/wire/kind.h"

namespace lace::wire {

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::reply: return "reply";
    case Kind::open_session: return "open_session";
    case Kind::resume_session: return "resume_session";
    case Kind::renew_session: return "renew_session";
    case Kind::close_session: return "close_session";
    case Kind::wait_events: return "wait_events";
    case Kind::lookup: return "lookup";
    case Kind::get_attributes: return "get_attributes";
    case Kind::read_directory: return "read_directory";
    case Kind::read_link: return "read_link";
    case Kind::get_xattr: return "get_xattr";
    case Kind::list_xattrs: return "list_xattrs";
    case Kind::get_extents: return "get_extents";
    case Kind::open_inode: return "open_inode";
    case Kind::close_inodes: return "close_inodes";
    case Kind::file_system_usage: return "file_system_usage";
    case Kind::commit: return "commit";
    case Kind::allocate_blocks: return "allocate_blocks";
    case Kind::get_blocks: return "get_blocks";
    case Kind::lock: return "lock";
    case Kind::cancel_lock: return "cancel_lock";
    case Kind::test_lock: return "test_lock";
    case Kind::release_locks: return "release_locks";
    case Kind::report_failure: return "report_failure";
    case Kind::cluster_status: return "cluster_status";
    case Kind::inspect_inode: return "inspect_inode";
    case Kind::change_server: return "change_server";
    case Kind::set_limits: return "set_limits";
    case Kind::start_scrub: return "start_scrub";
    case Kind::check_namespace: return "check_namespace";
    case Kind::register_server: return "register_server";
    case Kind::heartbeat: return "heartbeat";
    case Kind::report_copies: return "report_copies";
    case Kind::write_block: return "write_block";
    case Kind::read_block: return "read_block";
    case Kind::sync_blocks: return "sync_blocks";
    case Kind::open_copy: return "open_copy";
    case Kind::forward_write: return "forward_write";
    case Kind::fetch_pages: return "fetch_pages";
    case Kind::compare_pages: return "compare_pages";
    case Kind::set_epochs: return "set_epochs";
    case Kind::delete_blocks: return "delete_blocks";
    case Kind::punch_blocks: return "punch_blocks";
    case Kind::fill_blocks: return "fill_blocks";
    case Kind::inspect_block: return "inspect_block";
    case Kind::promote_control: return "promote_control";
    case Kind::remove_control: return "remove_control";
    case Kind::announce_master: return "announce_master";
    case Kind::group_beacon: return "group_beacon";
    case Kind::ship_changes: return "ship_changes";
    case Kind::take_over: return "take_over";
    case Kind::join_group: return "join_group";
    case Kind::fetch_snapshot: return "fetch_snapshot";
  }
  return "unknown_kind";
}

}  // namespace lace::wire
