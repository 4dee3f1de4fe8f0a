// Tables and numbers for people.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lace::cli {

// "0 B", "812 B", "4.0 KiB", "1.5 TiB".
std::string human_bytes(uint64_t bytes);
// "1,234,567"
std::string human_number(uint64_t number);

class Table {
 public:
  // A title that starts with '>' makes its column right-aligned.
  explicit Table(std::vector<std::string> titles);
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.size() == 1; }
  // Columns are as wide as their widest cell and stand two blanks apart.
  std::string text() const;

 private:
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;  // the first holds the titles
};

}  // namespace lace::cli
