// lace info: where the bytes of one file are, asked of control (extents, blocks) and of the storage servers (copies).
#include <algorithm>
#include <iostream>
#include <map>
#include <optional>

#include <nlohmann/json.hpp>

#include "common/config/options.h"
#include "fs/cli/asker.h"
#include "fs/cli/commands.h"
#include "fs/cli/mount_request.h"
#include "fs/cli/table.h"

namespace lace::cli {
namespace {

using Json = nlohmann::ordered_json;

struct CopyInfo {
  std::string server;
  std::string role;                             // "primary", "in sync", "filling"
  std::optional<wire::InspectBlockReply> told;  // by the server; nothing: it does not answer
  std::string why_not;
};

struct FileInfo {
  std::string path;
  wire::InspectInodeReply inode;
  std::map<BlockId, std::vector<CopyInfo>> copies;
};

std::vector<CopyInfo> copies_of(const wire::BlockInfo& block, const std::vector<wire::ServerInfo>& servers, Asker& asker) {
  std::vector<CopyInfo> copies;
  const auto add = [&](ServerId id, const char* role) {
    const auto server = std::find_if(servers.begin(), servers.end(), [&](const auto& one) { return one.server == id; });
    if (server == servers.end()) {
      copies.push_back({"server " + std::to_string(raw(id)), role, std::nullopt, "is not known"});
      return;
    }
    CopyInfo copy{server->name, role, std::nullopt, "is down"};
    if (server->state != wire::ServerState::down) {
      auto told = asker.inspect(server->endpoint, block, Millis(3'000));
      if (told) {
        copy.told = std::move(*told);
      } else {
        copy.why_not = "does not answer: " + told.error().what;
      }
    }
    copies.push_back(std::move(copy));
  };
  for (size_t i = 0; i < block.in_sync.size(); ++i) add(block.in_sync[i], i == 0 ? "primary" : "in sync");
  for (const auto id : block.filling) add(id, "filling");
  return copies;
}

Result<FileInfo> inspect(const std::string& path, const std::string& keys_path) {
  const auto inode = inode_of(path);
  if (!inode) return pass(inode);
  const auto controls = ask_mount(path, "lace.control");
  if (!controls) return pass(controls);
  auto asker = Asker::make(*controls, {keys_path});
  if (!asker) return pass(asker);
  auto reply = asker->inspect(*inode, Millis(5'000));
  if (!reply) return pass(reply);
  FileInfo info{path, std::move(*reply), {}};
  for (const auto& block : info.inode.blocks) info.copies[block.block] = copies_of(block, info.inode.servers, *asker);
  return info;
}

// What lies between the extents, up to the end of the file.
std::vector<wire::DataRange> holes_of(const wire::InspectInodeReply& inode) {
  std::vector<wire::DataRange> holes;
  uint64_t at = 0;
  for (const auto& extent : inode.extents) {
    if (extent.offset > at) holes.push_back({at, extent.offset - at});
    at = extent.offset + extent.length;
  }
  if (inode.attributes.size > at) holes.push_back({at, inode.attributes.size - at});
  return holes;
}

const char* name_of(wire::CopyState state) {
  switch (state) {
    case wire::CopyState::whole: return "whole";
    case wire::CopyState::filling: return "filling";
    case wire::CopyState::suspect: return "suspect";
    case wire::CopyState::gone: return "gone";
  }
  return "unknown";
}

std::string state_of(const CopyInfo& copy) {
  if (!copy.told) return copy.why_not;
  return copy.told->exists ? name_of(copy.told->state) : "not written yet";
}

Json json_of(const CopyInfo& copy) {
  Json json{{"server", copy.server}, {"role", copy.role}, {"state", state_of(copy)}};
  if (!copy.told || !copy.told->exists) return json;
  json["epoch"] = copy.told->epoch;
  json["stored_bytes"] = copy.told->stored_bytes;
  json["missing_bytes"] = copy.told->missing_bytes;
  Json runs = Json::array();
  for (const auto& run : copy.told->runs) {
    runs.push_back(
        {{"offset", run.page * page_bytes}, {"length", run.count * page_bytes}, {"epoch", run.epoch}, {"zero", run.zero}});
  }
  json["ranges"] = std::move(runs);
  return json;
}

Json json_of(const FileInfo& info) {
  Json extents = Json::array(), holes = Json::array(), blocks = Json::array();
  for (const auto& extent : info.inode.extents) {
    extents.push_back({{"offset", extent.offset},
                       {"length", extent.length},
                       {"block", to_string(extent.block)},
                       {"block_offset", extent.block_offset},
                       {"shared", extent.shared}});
  }
  for (const auto& hole : holes_of(info.inode)) holes.push_back({{"offset", hole.offset}, {"length", hole.length}});
  for (const auto& block : info.inode.blocks) {
    Json copies = Json::array();
    for (const auto& copy : info.copies.at(block.block)) copies.push_back(json_of(copy));
    blocks.push_back({{"block", to_string(block.block)},
                      {"epoch", block.epoch},
                      {"in_sync", block.in_sync.size()},
                      {"filling", block.filling.size()},
                      {"copies", std::move(copies)}});
  }
  const auto& attributes = info.inode.attributes;
  return {{"file", info.path},           {"inode", raw(attributes.inode)}, {"size", attributes.size},
          {"stored", attributes.stored}, {"layout", attributes.layout},    {"extents", std::move(extents)},
          {"holes", std::move(holes)},   {"blocks", std::move(blocks)}};
}

void print(const FileInfo& info) {
  const auto& attributes = info.inode.attributes;
  std::cout << info.path << ": inode " << raw(attributes.inode) << ", " << human_bytes(attributes.size) << " ("
            << human_number(attributes.size) << " bytes), " << human_bytes(attributes.stored) << " stored\n";
  if (info.inode.extents.empty()) {
    std::cout << "No extents: "
              << (attributes.size ? "all of it is one hole, and reads as zero.\n" : "there is nothing in it.\n");
    return;
  }
  Table extents({">OFFSET", ">LENGTH", "BLOCK", ">IN BLOCK AT", ""});
  for (const auto& extent : info.inode.extents) {
    extents.add({human_number(extent.offset), human_number(extent.length), to_string(extent.block),
                 human_number(extent.block_offset), extent.shared ? "shared" : ""});
  }
  uint64_t hole_bytes = 0;
  const auto holes = holes_of(info.inode);
  for (const auto& hole : holes) hole_bytes += hole.length;
  Table copies({"BLOCK", ">EPOCH", "COPY ON", "ROLE", "STATE", ">STORED", ">TO FILL"});
  for (const auto& block : info.inode.blocks) {
    std::string name = to_string(block.block), epoch = std::to_string(block.epoch);
    for (const auto& copy : info.copies.at(block.block)) {
      const bool has = copy.told && copy.told->exists;
      copies.add({std::exchange(name, ""), std::exchange(epoch, ""), copy.server, copy.role, state_of(copy),
                  has ? human_bytes(copy.told->stored_bytes) : "", has ? human_bytes(copy.told->missing_bytes) : ""});
    }
  }
  std::cout << '\n' << extents.text();
  if (!holes.empty())
    std::cout << human_number(holes.size()) << " holes between them, " << human_bytes(hole_bytes) << ", read as zero\n";
  std::cout << '\n' << copies.text();
}

}  // namespace

int info_command(Arguments arguments) {
  std::string path, keys_path;
  bool json = false;
  config::Options options("lace info", "shows where the bytes of a file are: its extents, blocks, copies and holes");
  options.argument("FILE", path, "a file on a LaceFS mount");
  options.flag("json", json, "print JSON, for programs");
  options.text("keys", keys_path, "FILE", "key file to show to servers on tcp://, as made by 'lace key new'");
  options.section(
      "Words",
      "An extent says which bytes of the file are which bytes of a block. A block has copies on storage servers; its epoch "
      "grows each time the set of copies in sync changes. 'To fill' is what a copy misses because it was written while "
      "its server was away.");
  if (const auto code = options.parse(std::move(arguments))) return *code;
  const auto info = inspect(path, keys_path);
  if (!info) return failed("info", info.error());
  if (json) {
    std::cout << json_of(*info).dump(2) << '\n';
  } else {
    print(*info);
  }
  return 0;
}

}  // namespace lace::cli
