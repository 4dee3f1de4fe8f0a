#include "fs/cli/table.h"

#include <gtest/gtest.h>

namespace lace::cli {
namespace {

TEST(Numbers, ReadAsPeopleWriteThem) {
  EXPECT_EQ(human_bytes(0), "0 B");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(4096), "4.0 KiB");
  EXPECT_EQ(human_bytes((uint64_t{1} << 20) - 1), "1.0 MiB");
  EXPECT_EQ(human_bytes(uint64_t{150} << 30), "150 GiB");
  EXPECT_EQ(human_bytes(UINT64_MAX), "16.0 EiB");
  EXPECT_EQ(human_number(7), "7");
  EXPECT_EQ(human_number(1234567), "1,234,567");
}

TEST(Table, AlignsColumnsAndKeepsNoBlanksAtTheEnd) {
  Table table({"NAME", ">USED", "STATE"});
  EXPECT_TRUE(table.empty());
  table.add({"a", "1.0 KiB", "up"});
  table.add({"longer", "2 B", ""});
  EXPECT_EQ(table.text(),
            "NAME       USED  STATE\n"
            "a       1.0 KiB  up\n"
            "longer      2 B\n");
}

}  // namespace
}  // namespace lace::cli
