// Messages to bytes and back: MessagePack, every struct an array of its fields. Decoding trusts nothing: sizes, depth and
// types are checked, and what does not fit is `malformed`.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/wire/kind.h"

namespace lace::wire {

// For every message and reply of control_messages.h and storage_messages.h, and Envelope (instantiated in codec.cc).
template <class Message>
std::string encode(const Message& message);
template <class Message>
Result<Message> decode(std::string_view bytes);

}  // namespace lace::wire
