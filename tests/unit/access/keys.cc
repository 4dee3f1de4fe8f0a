#include "common/access/keys.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lace::access {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string public_a = "#a.-:+=^!/*?&<>()[]{}@%$#abcdefghijklmno";
const std::string public_b(40, 'b');
const std::string secret_a(40, 's');

class Keys : public testing::Test {
 protected:
  Keys() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lace-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    directory_ = pattern;
  }
  ~Keys() override { std::filesystem::remove_all(directory_); }
  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  std::string file(const std::string& name, const std::string& text, mode_t mode = 0600) const {
    std::ofstream(path(name)) << text;
    EXPECT_EQ(chmod(path(name).c_str(), mode), 0);
    return path(name);
  }
  std::filesystem::path directory_;
};

TEST_F(Keys, AreReadAsTheyWereWritten) {
  ASSERT_TRUE(make_key_file(path("k"), {"control-1", public_a, secret_a}));
  const auto key = load_key_file(path("k"));
  ASSERT_TRUE(key) << key.error().what;
  EXPECT_EQ(key->name, "control-1");
  EXPECT_EQ(key->public_key, public_a);
  EXPECT_EQ(key->secret_key, secret_a);
}

TEST_F(Keys, AreForTheirOwnerOnly) {
  ASSERT_TRUE(make_key_file(path("k"), {"a", public_a, secret_a}));
  struct stat about {};
  ASSERT_EQ(stat(path("k").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, mode_t{0600});
}

TEST_F(Keys, AreNeverOverwritten) {
  ASSERT_TRUE(make_key_file(path("k"), {"a", public_a, secret_a}));
  const Status again = make_key_file(path("k"), {"b", public_b, secret_a});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Code::exists);
  EXPECT_EQ(load_key_file(path("k"))->name, "a");
}

TEST_F(Keys, ThatOthersMayReadAreRefusedWithTheRemedy) {
  ASSERT_TRUE(make_key_file(path("k"), {"a", public_a, secret_a}));
  for (const mode_t mode : {0640, 0604, 0660, 0610}) {
    ASSERT_EQ(chmod(path("k").c_str(), mode), 0);
    const auto key = load_key_file(path("k"));
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, Code::denied);
    EXPECT_THAT(key.error().what, HasSubstr("chmod 600 " + path("k")));
  }
}

TEST_F(Keys, WithBadNamesOrValuesAreNotMade) {
  for (const std::string name : {"", "a b", "a/b", "a\nb"}) EXPECT_FALSE(make_key_file(path("k"), {name, public_a, secret_a}));
  EXPECT_FALSE(make_key_file(path("k"), {"a", "short", secret_a}));
  EXPECT_FALSE(make_key_file(path("k"), {"a", public_a, std::string(40, ' ')}));
  EXPECT_FALSE(std::filesystem::exists(path("k")));
}

TEST_F(Keys, ThatAreCorruptAreRefusedNamingTheLineButNotTheSecret) {
  const auto error = [&](const std::string& text) {
    const auto key = load_key_file(file("k", text));
    return key ? "accepted" : key.error().what;
  };
  EXPECT_THAT(error("name = a\nnonsense\n"), HasSubstr("k:2: "));
  EXPECT_THAT(error("name = a\nname = b\n"), HasSubstr("second time"));
  EXPECT_THAT(error("colour = red\n"), HasSubstr("colour"));
  EXPECT_THAT(error(""), HasSubstr("lace key new"));
  EXPECT_THAT(error("name = a\npublic = " + public_a + "\n"), HasSubstr("lace key new"));
  EXPECT_THAT(error("secret = hunter2\n"), Not(HasSubstr("hunter2")));
  EXPECT_THAT(error(std::string(100'000, 'x')), HasSubstr("larger than"));
}

TEST_F(Keys, FilesThatAreNoneAreRefused) {
  EXPECT_EQ(load_key_file(path("absent")).error().code, Code::no_entry);
  EXPECT_EQ(load_key_file(directory_.string()).error().code, Code::invalid);
  EXPECT_EQ(make_key_file(path("no/such/k"), {"a", public_a, secret_a}).error().code, Code::no_entry);
}

// ---------------------------------------------------------------- admissions

TEST_F(Keys, AdmissionsAreFoundByKey) {
  const auto list = Admissions::load(file("admit",
                                          "# who is let in\n\n" + public_a + " ann ro /home/ann\n  " + public_b +
                                              "\tbob  rw   /\n" + std::string(40, 'c') + " storage-1 server\n",
                                          0644));
  ASSERT_TRUE(list) << list.error().what;
  EXPECT_EQ(list->size(), 3u);
  ASSERT_NE(list->find(public_a), nullptr);
  EXPECT_EQ(*list->find(public_a), (Admission{"ann", true, false, "/home/ann"}));
  EXPECT_EQ(*list->find(public_b), (Admission{"bob", false, false, "/"}));
  EXPECT_EQ(*list->find(std::string(40, 'c')), (Admission{"storage-1", false, true, "/"}));
  EXPECT_EQ(list->find(std::string(40, 'd')), nullptr);
  EXPECT_EQ(list->find(""), nullptr);
}

TEST_F(Keys, SubtreesAreTidiedAndMayContainBlanks) {
  const auto list = Admissions::parse(public_a + " ann rw //home///my files/\n", "admit");
  ASSERT_TRUE(list) << list.error().what;
  EXPECT_EQ(list->find(public_a)->subtree, "/home/my files");
}

TEST_F(Keys, AdmissionsThatAreWrongNameTheirLine) {
  const auto error = [](const std::string& line) {
    const auto list = Admissions::parse("# comment\n" + line + "\n", "admit");
    return list ? "accepted" : list.error().what;
  };
  EXPECT_THAT(error("short ann rw /"), HasSubstr("admit:2: the key"));
  EXPECT_THAT(error("#comment without a blank"), HasSubstr("comment starts with '# '"));
  EXPECT_THAT(error(public_a), HasSubstr("KEY NAME ro|rw SUBTREE"));
  EXPECT_THAT(error(public_a + " ann"), HasSubstr("KEY NAME ro|rw SUBTREE"));
  EXPECT_THAT(error(public_a + " ann rx /"), HasSubstr("KEY NAME ro|rw SUBTREE"));
  EXPECT_THAT(error(public_a + " ann rw"), HasSubstr("absolute path"));
  EXPECT_THAT(error(public_a + " ann rw home"), HasSubstr("absolute path"));
  EXPECT_THAT(error(public_a + " ann rw /home/../etc"), HasSubstr("'..'"));
  EXPECT_THAT(error(public_a + " s1 server /x"), HasSubstr("nothing may follow"));
  EXPECT_THAT(error(public_a + " ann rw /\n" + public_a + " bob rw /"),
              HasSubstr("admit:3: the key is there already, as that of ann"));
}

TEST_F(Keys, AdmissionsThatOthersMayChangeAreRefusedWithTheRemedy) {
  const auto list = Admissions::load(file("admit", public_a + " ann ro /\n", 0664));
  ASSERT_FALSE(list);
  EXPECT_THAT(list.error().what, HasSubstr("chmod go-w"));
}

}  // namespace
}  // namespace lace::access
