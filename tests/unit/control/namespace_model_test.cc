// Thousands of random operations against a model in memory: outcomes, attributes, entries, extents, freed pages, and the
// consistency of everything at the end.
#include <random>

#include "tests/unit/control/namespace_fixture.h"
#include "tests/unit/control/namespace_model.h"

namespace lace::control {
namespace {

class RandomOperations : public NamespaceTest, public testing::WithParamInterface<uint64_t> {
 protected:
  uint64_t pick(uint64_t below) { return random_() % below; }
  bool chance(uint64_t percent) { return pick(100) < percent; }
  std::string name() { return std::string(1, static_cast<char>('a' + pick(6))); }

  // Mostly inodes that exist.
  InodeId any() {
    if (chance(2)) return InodeId{pick(500)};
    auto place = model_.inodes.begin();
    std::advance(place, static_cast<long>(pick(model_.inodes.size())));
    return InodeId{place->first};
  }
  InodeId any(bool directory) {
    for (int tries = 0; tries < 20; ++tries) {
      const InodeId found = any();
      const auto place = model_.inodes.find(raw(found));
      if (place != model_.inodes.end() && place->second.directory() == directory) return found;
    }
    return any();
  }

  // New pages of the session's present block, placed as the file's pages lie.
  wire::Extent place(uint64_t offset, uint64_t length) {
    const uint64_t lead = offset % page_bytes;
    const uint64_t pages = (lead + length + page_bytes - 1) / page_bytes;
    if (raw(block_) == 0 || next_page_ + pages > 40) {  // blocks change often, so that their ends are seen
      block_ = ns_->allocate(session_, {Placement{{ServerId{1}, ServerId{2}}}})->at(0).block;
      next_page_ = 0;
    }
    if (next_page_ == offset / page_bytes) ++next_page_;  // as packs do: that is how a file's own blocks are recognised
    const uint64_t block_offset = next_page_ * page_bytes + lead;
    next_page_ += pages;
    return {offset, length, block_, block_offset};
  }
  wire::Write random_write() {
    wire::Write request;
    request.inode = any(false);
    request.modified = tick();
    request.fresh = chance(30);
    const auto inode = model_.inodes.find(raw(request.inode));
    request.layout = inode == model_.inodes.end() ? 0 : inode->second.layout + (chance(3) ? 1 : 0);
    for (uint64_t i = pick(3); i > 0; --i) {
      request.extents.push_back(place(pick(200) * unit, (1 + pick(60)) * unit));
      request.size = std::max(request.size, request.extents.back().offset + request.extents.back().length);
    }
    return request;
  }
  // In place of a cut page's rest: pages that are the file's already, but maybe of a session that has ended.
  bool extends_own_page(wire::Write& request) {
    const auto inode = model_.inodes.find(raw(request.inode));
    if (inode == model_.inodes.end() || inode->second.units.empty()) return false;
    const auto last = *inode->second.units.rbegin();
    const uint64_t rest = page_units - 1 - last.first % page_units;
    if (rest == 0) return false;
    request.extents = {{(last.first + 1) * unit, rest * unit, last.second.first, (last.second.second + 1) * unit}};
    request.size = (last.first + 1 + rest) * unit;
    return true;
  }

  wire::Share random_share() {
    wire::Share request{any(false), pick(25) * page_bytes, any(false), pick(25) * page_bytes, (1 + pick(12)) * page_bytes,
                        tick()};
    const auto from = model_.inodes.find(raw(request.from));
    if (from != model_.inodes.end() && from->second.size > request.from_offset && chance(60)) {
      const uint64_t left = from->second.size - request.from_offset;
      request.length = chance(50) ? left : std::min(request.length, left);
    }
    return request;
  }

  wire::Operation random_operation() {
    if (chance(12)) return random_share();
    if (chance(4)) {
      const wire::CopyTree request{any(false), any(true), name(), tick()};
      const auto source = model_.inodes.find(raw(request.source));
      if (source != model_.inodes.end() && !source->second.directory()) return request;
    }
    switch (pick(16)) {
      case 0:
      case 1:
      case 2: return file(any(true), name(), chance(40) ? S_IFDIR | 0755 : S_IFREG | 0644);
      case 3: return wire::Link{any(false), any(true), name(), tick()};
      case 4:
      case 5: return remove(any(true), name(), chance(40));
      case 6:
      case 7:
      case 8: {
        auto request = rename(any(true), name(), any(true), name());
        request.no_replace = chance(15);
        request.exchange = !request.no_replace && chance(25);
        return request;
      }
      case 9: return truncate(any(false), pick(200) * unit);
      case 10: return wire::Punch{any(false), pick(200) * unit, (1 + pick(80)) * unit, 0, tick()};
      case 11: {
        auto request = random_write();
        if (!extends_own_page(request)) request.extents.clear();
        return request;
      }
      default: return random_write();
    }
  }

  Code model_code(const wire::Operation& operation, const wire::OperationResult& result) {
    if (const auto* create = std::get_if<wire::Create>(&operation)) return model_.create(*create, raw(result.inode.inode));
    if (const auto* link = std::get_if<wire::Link>(&operation)) return model_.link(*link);
    if (const auto* removal = std::get_if<wire::Remove>(&operation)) return model_.remove(*removal);
    if (const auto* move = std::get_if<wire::Rename>(&operation)) return model_.rename(*move);
    if (const auto* punch = std::get_if<wire::Punch>(&operation))
      return model_.punch(raw(punch->inode), punch->offset, punch->length);
    if (const auto* writing = std::get_if<wire::Write>(&operation)) return model_.write(*writing);
    if (const auto* sharing = std::get_if<wire::Share>(&operation)) return model_.share(*sharing);
    if (const auto* copying = std::get_if<wire::CopyTree>(&operation)) return model_.copy(*copying, raw(result.inode.inode));
    const auto& cut = std::get<wire::SetAttributes>(operation);
    return model_.truncate(raw(cut.inode), cut.size);
  }

  void expect_freed(const std::set<std::pair<BlockId, uint64_t>>& before, const CommitOutcome& outcome) {
    std::set<std::pair<BlockId, uint64_t>> expected = before;
    for (const auto& page : model_.pages()) expected.erase(page);
    std::erase_if(expected, [&](const auto& page) { return !ns_->block(page.first)->has_value(); });
    std::set<std::pair<BlockId, uint64_t>> punched;
    for (const auto* list : {&outcome.punches, &outcome.deferred}) {
      for (const auto& punch : *list) {
        for (uint64_t at = 0; at < punch.length; at += page_bytes)
          punched.emplace(punch.block, (punch.offset + at) / page_bytes);
      }
    }
    EXPECT_EQ(punched, expected);
  }

  // One operation a commit: the model is asked after the namespace, because that gives the ids.
  void step() {
    const auto operation = random_operation();
    auto before = model_.pages();
    const wire::Commit commit{session_, 0, number_ + 1, {operation}};
    const auto outcome = ns_->apply(commit);
    ASSERT_TRUE(outcome) << outcome.error().what;
    ++number_;
    const auto& result = outcome->reply.results[0];
    const Code expected = model_code(operation, result);
    ASSERT_EQ(code_of(result), expected) << "operation " << operation.index() << ": " << result.outcome.what;
    if (const auto* writing = std::get_if<wire::Write>(&operation); writing != nullptr && expected == Code{}) {
      for (const auto& extent : writing->extents) {  // of two that overlap, part of the first is freed at once
        for (uint64_t i = 0; i < extent.length / unit; ++i)
          before.emplace(extent.block, (extent.block_offset / unit + i) / page_units);
      }
    }
    expect_freed(before, *outcome);
  }

  void transaction() {
    const Model saved = model_;
    const auto saved_number = number_;
    const auto saved_block = std::pair{block_, next_page_};
    ASSERT_TRUE(ns_->begin());
    for (uint64_t i = 1 + pick(6); i > 0; --i) ASSERT_NO_FATAL_FAILURE(step());
    if (chance(10)) {
      ns_->rollback();
      model_ = saved;
      number_ = saved_number;
      std::tie(block_, next_page_) = saved_block;
      return;
    }
    if (chance(50)) acknowledge();
    ASSERT_TRUE(ns_->commit());
  }
  void acknowledge() {
    std::vector<uint64_t> ids;
    const auto pending = ns_->pending_punches(0, 1'000);
    for (const auto& punch : *pending) ids.push_back(punch.id);
    ASSERT_TRUE(ns_->acknowledge_punches(ids));
  }

  void change_holds() {
    if (chance(50) && !model_.inodes.empty()) {
      model_.held.insert(raw(any()));
      return;
    }
    const auto held = std::exchange(model_.held, {});
    for (const uint64_t id : held) {
      if (!model_.inodes.contains(id) || id == 1 || model_.names_of(id) > 0) continue;
      model_.inodes.erase(id);
      ASSERT_TRUE(change([&] { return ns_->reap(InodeId{id}); }));
    }
  }
  void restart() {
    ns_.reset();
    open();
    hold_as_model();
  }
  void new_session() {
    ASSERT_TRUE(change([&] { return ns_->end_session(session_); }));
    session_ = open_session();
    number_ = 0;
    block_ = BlockId{};
  }
  void hold_as_model() {
    ns_->set_held([this](InodeId inode) { return model_.held.contains(raw(inode)); });
  }

  std::vector<wire::Extent> extents_of(const ModelInode& inode) {
    std::vector<wire::Extent> found;
    for (const auto& [at, place] : inode.units) {
      if (!found.empty()) {
        auto& last = found.back();
        if (last.offset + last.length == at * unit && last.block == place.first &&
            last.block_offset + last.length == place.second * unit) {
          last.length += unit;
          continue;
        }
      }
      found.push_back({at * unit, unit, place.first, place.second * unit});
    }
    return found;
  }
  // The pieces that are shared or not put together, after a look whether they say so.
  std::vector<wire::Extent> whole(const std::vector<wire::Extent>& pieces) {
    const auto used = model_.users();
    std::vector<wire::Extent> found;
    for (wire::Extent piece : pieces) {
      for (uint64_t at = piece.block_offset / page_bytes; at * page_bytes < piece.block_offset + piece.length; ++at) {
        EXPECT_EQ(piece.shared, used.at({piece.block, at}).size() > 1);
      }
      piece.shared = false;
      const bool follows = !found.empty() && found.back().block == piece.block &&
                           found.back().offset + found.back().length == piece.offset &&
                           found.back().block_offset + found.back().length == piece.block_offset;
      follows ? void(found.back().length += piece.length) : found.push_back(piece);
    }
    return found;
  }
  void compare() {
    EXPECT_EQ(ns_->counts().inodes, model_.inodes.size());
    for (const auto& [id, inode] : model_.inodes) {
      const auto found = attributes(InodeId{id});
      EXPECT_EQ(found.mode, inode.mode);
      EXPECT_EQ(found.links, model_.links_of(id)) << id;
      EXPECT_EQ(found.layout, inode.layout);
      if (inode.directory()) {
        std::map<std::string, uint64_t> entries;
        const auto listing = ns_->read_directory(InodeId{id}, 0, 10'000, false);
        for (const auto& entry : listing->entries) entries[entry.name] = raw(entry.inode);
        EXPECT_EQ(entries, inode.entries);
      } else {
        EXPECT_EQ(found.size, inode.size);
        EXPECT_EQ(whole(map_of(InodeId{id})), extents_of(inode)) << id;
      }
    }
  }

  std::mt19937_64 random_{GetParam()};
  Model model_;
  uint64_t number_ = 0;
  BlockId block_{};
  uint64_t next_page_ = 0;
};

TEST_P(RandomOperations, DoWhatTheModelDoes) {
  hold_as_model();
  for (int round = 0; round < 300; ++round) {
    ASSERT_NO_FATAL_FAILURE(transaction()) << "round " << round;
    if (chance(10)) {
      ASSERT_NO_FATAL_FAILURE(change_holds());
    }
    if (chance(2)) restart();
    if (chance(3)) new_session();
    if (round % 100 == 99) {
      ASSERT_NO_FATAL_FAILURE(compare()) << "round " << round;
      expect_sound();
    }
    if (HasFailure()) FAIL() << "seed " << GetParam() << " round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomOperations, testing::Range<uint64_t>(1, 5));

}  // namespace
}  // namespace lace::control
