// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "record/device_log.hpp"
#include "record/folder.hpp"

namespace hwprof::record {
namespace {
namespace fs = std::filesystem;

/// "dir/0-xavier-3_12@16x112x112.txt" -> dir/0-xavier-3, 12; no number for _whole.
struct Part {
  std::string net, stem;
  std::optional<std::int64_t> number;
};

std::optional<Part> part_of(const std::string& log) {
  const fs::path path(log);
  const std::string stem = path.stem().string();
  const auto at = stem.rfind('@');
  if (at == std::string::npos) return {};
  const auto dash = stem.rfind('_', at);
  if (dash == std::string::npos || dash == 0) return {};
  const std::string which = stem.substr(dash + 1, at - dash - 1);
  Part part{(path.parent_path() / stem.substr(0, dash)).string(), (path.parent_path() / stem).string(), {}};
  if (which == "whole") return part;
  part.number = base::to_int(which);
  if (!part.number || *part.number < 0 || *part.number > 1000000) return {};
  return part;
}

/// The primitive of a part: the list of its own name holds it alone, the network's by number.
std::optional<Prim> prim_of(const Part& part, std::vector<std::string>& used) {
  const std::string own = part.stem + ".yaml";
  if (base::exists(own)) {
    used.push_back(own);
    const auto prims = load_prims(own);
    if (prims.size() == 1) return prims.front();
    if (static_cast<std::size_t>(*part.number) < prims.size()) return prims[static_cast<std::size_t>(*part.number)];
  }
  for (const std::string& list : {part.net + ".yaml", part.net + "_whole.yaml"}) {
    if (!base::exists(list)) continue;
    used.push_back(list);
    const auto prims = load_prims(list);
    if (static_cast<std::size_t>(*part.number) < prims.size()) return prims[static_cast<std::size_t>(*part.number)];
  }
  return {};
}

}  // namespace

std::vector<NetRecord> join_trtexec(const std::vector<std::string>& logs, std::vector<std::string>& yaml_files,
                                    Notes& notes) {
  std::vector<NetRecord> records;
  std::map<std::string, std::size_t> nets;
  std::vector<std::string> used;
  for (const auto& log : logs) {
    std::vector<NetRecord> parsed;
    try {
      Lines lines(log);
      parsed = read_log(LogKind::trtexec, lines, notes);
    } catch (const Error& error) {
      if (error.fault() != Fault::input) throw;
      notes.push_back(log + ": was left out: " + error.what());
      continue;
    }
    const auto part = part_of(log);
    if (!part) {
      records.insert(records.end(), std::make_move_iterator(parsed.begin()), std::make_move_iterator(parsed.end()));
      continue;
    }
    const auto [at, fresh] = nets.emplace(part->net, records.size());
    if (fresh) {
      records.push_back(parsed.front());
      records.back().overall.clear();
      records.back().net_id = safe_id(fs::path(part->net).filename().string());
    }
    NetRecord& record = records[at->second];
    if (!part->number) {
      record.overall = parsed.front().overall;
      continue;
    }
    if (const auto prim = prim_of(*part, used)) {
      PrimRecord row;
      row.prim = *prim;
      row.perf = parsed.front().overall;
      record.prims.push_back(std::move(row));
    } else {
      notes.push_back(log + ": no list says which primitive this is; it was left out");
    }
  }
  yaml_files.erase(std::remove_if(yaml_files.begin(), yaml_files.end(),
                                  [&used](const std::string& file) {
                                    return std::find(used.begin(), used.end(), file) != used.end();
                                  }),
                   yaml_files.end());
  return records;
}

}  // namespace hwprof::record
