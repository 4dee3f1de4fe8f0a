// What is stored of a commit's answer so that it can be given again: how each operation went and which inodes it was about.
// Their attributes are answered as they are by then; so a record is some ten bytes an operation instead of two hundred.
//   records: for each operation: varint code, varint length and bytes of `what`, varint ids of inode, parent, old parent and
//   displaced inode, varint flags (1: existed). A varint is LEB128: seven bits a byte, the lowest first.
#pragma once

#include <string>
#include <string_view>

#include "control/store/store.h"

namespace lace::control {

std::string record_of(const wire::CommitReply& reply);
// Errors: corrupt.
Result<wire::CommitReply> answer_again(Store& store, std::string_view record);

}  // namespace lace::control
