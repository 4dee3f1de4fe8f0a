// What storage servers say of their copies: block -> server, epoch, state, missing bytes. Soft state in a database of its own
// (mapping.db), which is written without waiting for the disk and can be deleted at any time: full reports rebuild it. The
// truth about who is in sync is in the namespace.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/wire/storage_messages.h"

namespace lace::control {

struct CopyRecord {
  ServerId server{};
  wire::CopyReport report;
};

// One thread. Failures of the database are logged and answered as "nothing known": nobody may rely on this table.
class Copies {
 public:
  // A database that is damaged is deleted and begun anew. `directory` empty: in memory only.
  static Result<std::unique_ptr<Copies>> open(const std::string& directory);
  ~Copies();

  // A full report begins: what the server said before is void.
  void forget(ServerId server);
  // `gone` removes the row.
  void put(ServerId server, const std::vector<wire::CopyReport>& reports);
  std::optional<wire::CopyReport> find(ServerId server, BlockId block);
  std::vector<CopyRecord> of(BlockId block);
  std::vector<wire::CopyReport> on(ServerId server, BlockId after, uint32_t limit);

 private:
  struct Tables;
  Copies();
  template <class Run>
  void change(Run&& run);

  std::unique_ptr<Tables> tables_;
};

}  // namespace lace::control
