#include "control/etcd/etcd_register.h"

#include <atomic>

#include <httplib.h>
#include <nlohmann/json.hpp>

namespace lace::control {
namespace {

using Json = nlohmann::json;

constexpr std::string_view unix_scheme = "unix://";
constexpr time_t connect_within_us = 300'000;
constexpr time_t answer_within_s = 2;

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string to_base64(const std::string& bytes) {
  std::string text;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (count += 8; count >= 6;) {
      count -= 6;
      text.push_back(alphabet[bits >> count & 63]);
    }
  }
  if (count > 0) text.push_back(alphabet[bits << (6 - count) & 63]);
  while (text.size() % 4 != 0) text.push_back('=');
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    const size_t value = alphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count & 0xff));
  }
  return bytes;
}

// etcd writes 64-bit numbers as texts, and leaves out what is 0.
uint64_t number_in(const Json& object, const char* name) {
  if (!object.is_object() || !object.contains(name)) return 0;
  const Json& value = object[name];
  if (value.is_number_unsigned()) return value.get<uint64_t>();
  if (!value.is_string()) return 0;
  return std::strtoull(value.get_ref<const std::string&>().c_str(), nullptr, 10);
}

std::unique_ptr<httplib::Client> client_for(const std::string& endpoint) {
  std::unique_ptr<httplib::Client> client;
  if (endpoint.starts_with(unix_scheme)) {
    client = std::make_unique<httplib::Client>(endpoint.substr(unix_scheme.size()), 80);
    client->set_address_family(AF_UNIX);
    client->set_default_headers({{"Host", "localhost"}});  // not the path, which is no host name
  } else {
    client = std::make_unique<httplib::Client>(endpoint);
  }
  client->set_connection_timeout(0, connect_within_us);
  client->set_read_timeout(answer_within_s, 0);
  client->set_write_timeout(answer_within_s, 0);
  return client;
}

}  // namespace

// What worker threads use; of what changes only `current`.
struct EtcdRegister::Core {
  std::vector<std::string> endpoints;
  std::string key;  // in base64
  std::atomic<size_t> current{0};

  // Asks the endpoints in turn until one answers. `again`: also after a question that may have been heard.
  Result<Json> ask(const char* path, const Json& question, bool again) {
    std::string tried;
    for (size_t i = 0; i < endpoints.size(); ++i) {
      const size_t at = current.load();
      const std::string& endpoint = endpoints[at % endpoints.size()];
      const auto answer = client_for(endpoint)->Post(path, question.dump(), "application/json");
      if (answer && answer->status == 200) {
        Json json = Json::parse(answer->body, nullptr, false);
        if (json.is_object()) return json;
      }
      size_t expected = at;
      current.compare_exchange_strong(expected, at + 1);
      tried += (tried.empty() ? "" : "; ") + endpoint + ": " +
               (answer ? "status " + std::to_string(answer->status) : httplib::to_string(answer.error()));
      const bool surely_not_heard = !answer && answer.error() == httplib::Error::Connection;
      if (!surely_not_heard && !again) return fail(Code::unknown, "etcd did not answer (" + tried + ")");
    }
    return fail(Code::unavailable, "etcd does not answer (" + tried + "): check --etcd, and that it runs");
  }

  Result<std::optional<Stored>> read() {
    const auto answer = ask("/v3/kv/range", {{"key", key}}, true);
    if (!answer) return pass(answer);
    if (!answer->contains("kvs") || !(*answer)["kvs"].is_array() || (*answer)["kvs"].empty()) return std::nullopt;
    const Json& found = (*answer)["kvs"][0];
    const bool has_text = found.is_object() && found.contains("value") && found["value"].is_string();
    const auto bytes = from_base64(has_text ? found["value"].get<std::string>() : std::string());
    auto record = bytes ? wire::decode<wire::GroupRecord>(*bytes) : fail(Code::malformed, "not in base64");
    if (!record) return fail(Code::corrupt, "what etcd keeps under the group's name is no record of a control group");
    return Stored{std::move(*record), number_in(found, "mod_revision")};
  }

  Result<uint64_t> swap(uint64_t revision, const std::string& bytes) {
    const Json compare = {{"key", key}, {"target", "MOD"}, {"result", "EQUAL"}, {"mod_revision", std::to_string(revision)}};
    const Json put = {{"request_put", {{"key", key}, {"value", to_base64(bytes)}}}};
    const auto answer = ask("/v3/kv/txn", {{"compare", {compare}}, {"success", {put}}}, false);
    if (!answer) return fail(Code::unknown, answer.error().what);
    const auto succeeded = answer->find("succeeded");  // left out when it is false
    if (succeeded == answer->end() || !succeeded->is_boolean() || !succeeded->get<bool>()) return 0;
    const uint64_t now = answer->contains("header") ? number_in((*answer)["header"], "revision") : 0;
    if (now == 0) return fail(Code::unknown, "etcd's answer has no revision");
    return now;
  }
};

Result<std::unique_ptr<EtcdRegister>> EtcdRegister::make(net::Loop& loop, std::vector<std::string> endpoints, std::string key) {
  for (const std::string& endpoint : endpoints) {
    if (endpoint.starts_with("http://") || (endpoint.starts_with(unix_scheme) && endpoint.size() > unix_scheme.size()))
      continue;
    return fail(Code::invalid, "'" + endpoint + "' is no address of etcd: write http://HOST:PORT or unix:///PATH");
  }
  auto core = std::make_shared<Core>();
  core->endpoints = std::move(endpoints);
  core->key = to_base64(key);
  return std::unique_ptr<EtcdRegister>(new EtcdRegister(loop, std::move(core)));
}

EtcdRegister::EtcdRegister(net::Loop& loop, std::shared_ptr<Core> core) : loop_(loop), core_(std::move(core)) {}
EtcdRegister::~EtcdRegister() = default;

void EtcdRegister::read(ReadDone done) {
  const auto found = std::make_shared<Result<std::optional<Stored>>>();
  loop_.offload([core = core_, found] { *found = core->read(); }, [found, done = std::move(done)] { done(std::move(*found)); });
}

void EtcdRegister::swap(uint64_t revision, const wire::GroupRecord& record, SwapDone done) {
  const auto outcome = std::make_shared<Result<uint64_t>>();
  loop_.offload([core = core_, outcome, revision, bytes = wire::encode(record)] { *outcome = core->swap(revision, bytes); },
                [outcome, done = std::move(done)] { done(std::move(*outcome)); });
}

}  // namespace lace::control
