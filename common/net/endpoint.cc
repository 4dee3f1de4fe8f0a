#include "common/net/endpoint.h"

#include <algorithm>
#include <charconv>

namespace lace::net {
namespace {

constexpr size_t key_chars = 40;
constexpr size_t max_ipc_path_bytes = 107;  // of sockaddr_un, without the closing zero
constexpr std::string_view z85_alphabet =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

tl::unexpected<Error> wrong(std::string_view text, const std::string& what) {
  return fail(Code::invalid, "'" + std::string(text) + "': " + what);
}

bool is_key(std::string_view key) { return key.size() == key_chars && key.find_first_not_of(z85_alphabet) == key.npos; }

bool is_port(std::string_view text) {
  uint32_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && port >= 1 && port <= 65535;
}

Result<wire::Endpoint> parse_local(std::string_view text) {
  const std::string_view path = text.substr(std::string_view("ipc://").size());
  if (!path.starts_with('/')) return wrong(text, "an absolute path must follow ipc://, as in ipc:///run/lace/control-1");
  if (path.size() > max_ipc_path_bytes) {
    return wrong(text, "the path is longer than the " + std::to_string(max_ipc_path_bytes) + " bytes a socket's may have");
  }
  return wire::Endpoint{std::string(text), {}};
}

Result<wire::Endpoint> parse_remote(std::string_view text) {
  // A key may contain '#' itself, an address can't: the first one separates.
  const size_t hash = text.find('#');
  const std::string_view url = text.substr(0, hash);
  const std::string_view address = url.substr(std::string_view("tcp://").size());
  const size_t colon = address.rfind(':');
  if (colon == address.npos || colon == 0) return wrong(text, "write tcp://HOST:PORT or tcp://HOST:PORT#KEY");
  const std::string_view host = address.substr(0, colon);
  if (host.find(':') != host.npos && !(host.starts_with('[') && host.ends_with(']'))) {
    return wrong(text, "an IPv6 address stands in brackets, as in tcp://[::1]:7400");
  }
  if (host.find_first_of(" \t/") != host.npos) return wrong(text, "the host contains a blank or a slash");
  if (!is_port(address.substr(colon + 1))) return wrong(text, "the port must be a number from 1 to 65535");
  if (hash == text.npos) return wire::Endpoint{std::string(url), {}};
  const std::string_view key = text.substr(hash + 1);
  if (!is_key(key)) return wrong(text, "the public key behind '#' must be 40 characters, as `lace key new` prints it");
  return wire::Endpoint{std::string(url), std::string(key)};
}

std::string_view trimmed(std::string_view text) {
  const size_t start = text.find_first_not_of(" \t");
  if (start == text.npos) return {};
  return text.substr(start, text.find_last_not_of(" \t") - start + 1);
}

}  // namespace

Result<wire::Endpoint> parse_endpoint(std::string_view text) {
  if (text.starts_with("ipc://")) return parse_local(text);
  if (text.starts_with("tcp://")) return parse_remote(text);
  return wrong(text, "an endpoint starts with ipc:// or tcp://");
}

Result<std::vector<wire::Endpoint>> parse_endpoints(std::string_view text) {
  std::vector<wire::Endpoint> endpoints;
  for (size_t start = 0; start <= text.size();) {
    const size_t comma = std::min(text.find(',', start), text.size());
    const auto endpoint = parse_endpoint(trimmed(text.substr(start, comma - start)));
    if (!endpoint) return pass(endpoint);
    endpoints.push_back(*endpoint);
    start = comma + 1;
  }
  return endpoints;
}

std::string to_string(const wire::Endpoint& endpoint) {
  return endpoint.key.empty() ? endpoint.url : endpoint.url + "#" + endpoint.key;
}

}  // namespace lace::net
