#include "common/net/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lace::net {
namespace {

using testing::HasSubstr;

const std::string key = "#a.-:+=^!/*?&<>()[]{}@%$#abcdefghijklmno";

TEST(Endpoint, OfBothKindsIsParsed) {
  EXPECT_EQ(parse_endpoint("ipc:///run/lace/control-1").value(), (wire::Endpoint{"ipc:///run/lace/control-1", ""}));
  EXPECT_EQ(parse_endpoint("tcp://host:7400").value(), (wire::Endpoint{"tcp://host:7400", ""}));
  EXPECT_EQ(parse_endpoint("tcp://host:7400#" + key).value(), (wire::Endpoint{"tcp://host:7400", key}));
  EXPECT_EQ(parse_endpoint("tcp://[::1]:7400").value(), (wire::Endpoint{"tcp://[::1]:7400", ""}));
}

TEST(Endpoint, IsWrittenAsItIsParsed) {
  for (const std::string& text : {std::string("ipc:///a"), "tcp://host:1#" + key}) {
    EXPECT_EQ(to_string(parse_endpoint(text).value()), text);
  }
}

TEST(Endpoint, ThatIsWrongSaysWhatIs) {
  const auto error = [](const std::string& text) {
    const auto endpoint = parse_endpoint(text);
    return endpoint ? "accepted" : endpoint.error().what;
  };
  EXPECT_THAT(error(""), HasSubstr("starts with ipc:// or tcp://"));
  EXPECT_THAT(error("http://x"), HasSubstr("starts with ipc:// or tcp://"));
  EXPECT_THAT(error("ipc://run/x"), HasSubstr("absolute path"));
  EXPECT_THAT(error("ipc:///" + std::string(107, 'x')), HasSubstr("107 bytes"));
  EXPECT_THAT(error("tcp://host"), HasSubstr("HOST:PORT"));
  EXPECT_THAT(error("tcp://:7400"), HasSubstr("HOST:PORT"));
  EXPECT_THAT(error("tcp://::1:7400"), HasSubstr("brackets"));
  EXPECT_THAT(error("tcp://a b:7400"), HasSubstr("blank"));
  for (const char* port : {"", "0", "65536", "x", "7400x", "-1"}) {
    EXPECT_THAT(error(std::string("tcp://host:") + port), HasSubstr("port")) << port;
  }
  EXPECT_THAT(error("tcp://host:7400#short"), HasSubstr("40 characters"));
}

TEST(Endpoint, ListsAreParsedInOrder) {
  const auto list = parse_endpoints("tcp://a:1#" + key + ", ipc:///b");
  ASSERT_TRUE(list) << list.error().what;
  ASSERT_EQ(list->size(), 2u);
  EXPECT_EQ((*list)[0].key, key);
  EXPECT_EQ((*list)[1].url, "ipc:///b");
}

TEST(Endpoint, ListsWithAGapAreRefused) {
  for (const char* text : {"", "ipc:///a,", ",ipc:///a", "ipc:///a,,ipc:///b", "ipc:///a,nonsense"}) {
    EXPECT_FALSE(parse_endpoints(text)) << text;
  }
}

}  // namespace
}  // namespace lace::net
