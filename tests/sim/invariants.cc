#include "tests/sim/invariants.h"

#include <algorithm>

#include "common/copyfile/checksum.h"
#include "tests/sim/copy_file.h"
#include "tests/sim/trace.h"

namespace lace::sim {

// ---------------------------------------------------------------- what may have been lost

void Invariants::learn_sets(const std::vector<BlockId>& blocks) {
  control::Control* control = cluster_.control();
  if (control == nullptr) return;  // nobody changes them
  for (const BlockId block : blocks) {
    const auto found = control->names->block(block);
    if (found && *found) sets_[block] = **found;
  }
}

void Invariants::follow(const std::vector<BlockId>& blocks) {
  learn_sets(blocks);
  std::erase_if(uncertain_, [&](const auto& copy) {
    const auto& [server, block] = copy;
    const auto set = sets_.find(block);
    if (set == sets_.end()) return true;
    const auto& in_sync = set->second.in_sync;
    if (std::find(in_sync.begin(), in_sync.end(), server) == in_sync.end()) return true;
    const StorageNode* node = cluster_.find(server);
    if (node == nullptr || !node->storage) return false;
    const auto info = node->storage->copies().find(block);
    return info && info->state == storage::State::whole && info->epoch == set->second.epoch;
  });
  for (const BlockId block : std::set<BlockId>(raced_)) {
    const control::Control* control = cluster_.control();
    if (control != nullptr && control->raiser.is_raising(block)) continue;
    lost_if_all_uncertain(block);
    raced_.erase(block);
  }
}

void Invariants::power_lost(const StorageNode& node, const std::vector<BlockId>& blocks) {
  follow(blocks);
  for (const BlockId block : blocks) {
    const auto set = sets_.find(block);
    if (set == sets_.end()) continue;
    const auto& in_sync = set->second.in_sync;
    if (std::find(in_sync.begin(), in_sync.end(), node.id) == in_sync.end()) continue;
    uncertain_.emplace(node.id, block);
    const control::Control* control = cluster_.control();
    if (control != nullptr && control->raiser.is_raising(block)) raced_.insert(block);
    lost_if_all_uncertain(block);
  }
}

void Invariants::lost_if_all_uncertain(BlockId block) {
  const auto& in_sync = sets_.at(block).in_sync;
  const bool all = std::all_of(in_sync.begin(), in_sync.end(), [&](ServerId member) {
    return uncertain_.contains({member, block});
  });
  if (!all) return;
  trace("  all copies in sync of ", to_string(block), " have lost power");
  raced_.erase(block);
  lost_(block);
}

// ---------------------------------------------------------------- at any time

void Invariants::check_accounts() {
  for (int number = 1; number <= cluster_.storages(); ++number) {
    StorageNode& node = cluster_.storage(number);
    if (!node.storage) continue;
    uint64_t missing = 0;
    for (const storage::CopyInfo& info : node.storage->copies().list(BlockId{}, SIZE_MAX)) {
      const auto file = read_copy_file(node.disk, info.block, false);
      if (!file && info.state == storage::State::dropped) {  // its file was just removed
        missing += info.missing_bytes;
        continue;
      }
      if (!file) violated(text(node.name, " says it has a copy of ", to_string(info.block), ", and there is no file"));
      uint64_t missing_here = 0;
      uint64_t lost_here = 0;  // of these: pages that turned out to be bad
      uint64_t stored_here = 0;
      for (const auto& [page, entry] : file->entries) {
        missing_here += entry.missing() ? page_bytes : 0;
        lost_here += entry.is_lost() ? page_bytes : 0;
        stored_here += entry.data() ? page_bytes : 0;
      }
      const std::string whose = text(node.name, "'s copy of ", to_string(info.block), " (epoch ", info.epoch, ")");
      missing += info.missing_bytes;
      // It was to become one big hole, and the disk was full: nobody uses it before that is done.
      if (info.state != storage::State::whole && info.missing_bytes == block_bytes) continue;
      if (info.state == storage::State::whole && missing_here > lost_here)
        violated(text(whose, " is called whole, and misses ", missing_here, " bytes"));
      if (info.missing_bytes != missing_here)
        violated(text(whose, ": ", info.missing_bytes, " bytes are said to be missing, ", missing_here, " are"));
      if (info.stored_bytes != stored_here)
        violated(text(whose, ": ", info.stored_bytes, " bytes are said to be stored, ", stored_here, " are"));
    }
    if (node.storage->totals().missing_bytes != missing)
      violated(text(node.name, " says that it misses ", node.storage->totals().missing_bytes, " bytes, and it is ", missing));
  }
}

// ---------------------------------------------------------------- at quiet points

void Invariants::check_copies(const std::vector<BlockId>& blocks, bool all_must_serve) {
  learn_sets(blocks);
  for (const BlockId block : blocks) {
    const auto set = sets_.find(block);
    if (set == sets_.end()) continue;
    std::optional<CopyFile> first;
    std::string first_name;
    for (const ServerId member : set->second.in_sync) {
      StorageNode* node = cluster_.find(member);
      storage::CopyInfo is;
      bool there = false;
      if (node != nullptr && node->storage) {
        if (const auto found = node->storage->copies().find(block)) there = true, is = *found;
      }
      const Epoch epoch = set->second.epoch;
      // A copy that nobody has written to yet need not be there.
      const bool serves = node != nullptr && node->storage && node->storage->membership().serving() &&
                          (there ? is.state == storage::State::whole && is.epoch == epoch : epoch == 1);
      if (!serves && all_must_serve) {
        violated(text(to_string(block), " at epoch ", epoch, " counts on server ", raw(member),
                      there ? text(", whose copy is at epoch ", is.epoch, " in state ", static_cast<int>(is.state))
                            : ", which has no copy"));
      }
      if (!serves) continue;
      CopyFile copy = there ? read_copy_file(node->disk, block, true).value_or(CopyFile{}) : CopyFile{};
      const std::string whose = text(node->name, "'s copy of ", to_string(block));
      for (const auto& [page, entry] : copy.entries) {
        if (entry.missing()) violated(text(whose, " is in sync, and page ", page, " is missing"));
        if (entry.data() && storage::crc32c(copy.pages[page]) != entry.crc)
          violated(text(whose, ": page ", page, " does not match its checksum"));
      }
      // What is stored is what the model says.
      static const std::string zeros(page_bytes, '\0');
      std::set<uint32_t> pages;
      for (const auto& [page, content] : copy.pages) pages.insert(page);
      if (first) {
        for (const auto& [page, content] : first->pages) pages.insert(page);
      }
      for (const uint32_t page : pages) {
        const auto content_of = [&](const CopyFile& file) -> const std::string& {
          const auto found = file.pages.find(page);
          return found == file.pages.end() ? zeros : found->second;
        };
        const uint64_t begin = page * page_bytes / sector_bytes;
        const BlockModel::Span span{block, begin, page_bytes / sector_bytes};
        if (model_ != nullptr) {
          const std::string wrong = model_->check_read(span, model_->begin_read(span), content_of(copy).data());
          if (!wrong.empty()) violated(whose + ": " + wrong);
        }
        if (!first) continue;
        for (uint64_t i = 0; i < span.count; ++i) {
          if (model_ != nullptr && !model_->is_settled(block, begin + i)) continue;
          const auto part = [&](const CopyFile& file) { return content_of(file).substr(i * sector_bytes, sector_bytes); };
          if (part(copy) != part(*first))
            violated(text(whose, " differs from ", first_name, "'s in sector ", begin + i, " (page ", page, ")"));
        }
      }
      if (!first) first = std::move(copy), first_name = node->name;
    }
  }
}

// ---------------------------------------------------------------- at the end

void Invariants::check_namespace() {
  const auto findings = cluster_.control()->names->check();
  if (!findings) violated("the namespace can't be checked: " + findings.error().what);
  if (!findings->empty()) violated("the namespace is inconsistent: " + findings->front());
}

std::string Invariants::left_of(const std::vector<BlockId>& removed) {
  for (const BlockId block : removed) {
    const auto found = cluster_.control()->names->block(block);
    if (found && *found) return to_string(block) + " exists still";
    for (int number = 1; number <= cluster_.storages(); ++number) {
      StorageNode& node = cluster_.storage(number);
      if (node.disk.open(storage::copy_path(block), false))
        return text(node.name, " has a copy of ", to_string(block), " still");
    }
  }
  return {};
}

std::string Invariants::unhealthy() {
  control::Control* control = cluster_.control();
  if (control == nullptr) return "control does not run";
  for (int number = 1; number <= cluster_.storages(); ++number) {
    const StorageNode& node = cluster_.storage(number);
    if (!node.storage || !node.storage->membership().serving()) return node.name + " does not serve";
    for (const storage::CopyInfo& copy : node.storage->copies().list(BlockId{}, SIZE_MAX)) {
      if (copy.missing_bytes > 0) return text(node.name, "'s copy of ", to_string(copy.block), " misses bytes");
    }
  }
  auto blocks = control->names->all_blocks(BlockId{}, 10'000);
  if (!blocks) return "the blocks can't be listed";
  for (const wire::BlockInfo& block : *blocks) {
    if (block.in_sync.size() < cluster_.shape.copies)
      return text(to_string(block.block), " has ", block.in_sync.size(), " copies in sync");
    if (!block.filling.empty()) return to_string(block.block) + " is being filled";
    for (const ServerId member : block.in_sync) {
      const StorageNode* node = cluster_.find(member);
      if (node == nullptr || !node->storage) return "a member does not run";
      const auto copy = node->storage->copies().find(block.block);
      const bool good = copy ? copy->state == storage::State::whole && copy->epoch == block.epoch : block.epoch == 1;
      if (!good) return node->name + "'s copy of " + to_string(block.block) + " does not count";
    }
  }
  if (const auto punches = control->names->pending_punches(0, 1); punches && !punches->empty())
    return "punches are not acknowledged";
  for (int number = 1; number <= cluster_.storages(); ++number) {
    const auto deletes = control->names->pending_deletes(cluster_.storage(number).id, BlockId{}, 1);
    if (deletes && !deletes->empty()) return "deletes are not acknowledged";
  }
  return {};
}

}  // namespace lace::sim
