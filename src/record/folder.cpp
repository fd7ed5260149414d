// SPDX-License-Identifier: Apache-2.0
#include "record/folder.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/latency_table.hpp"
#include "record/awnas.hpp"
#include "record/device_log.hpp"

namespace hwprof::record {
namespace {

constexpr int most_depth = 8;

void append(std::vector<NetRecord>& to, std::vector<NetRecord> more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::string in(const std::string& dir, const std::string& name) {
  std::string path = dir;
  return path.append("/").append(name);
}

bool holds_yaml(const std::string& dir) {
  const auto names = base::list_folder(dir);
  return std::any_of(names.begin(), names.end(), is_yaml_name);
}

/// The runs of one network, dir/<run>.yaml.
std::vector<NetRecord> load_runs(const std::string& dir, const std::string& id, Notes& notes) {
  std::vector<std::string> files;
  for (const auto& name : base::list_folder(dir)) {
    if (is_yaml_name(name))
      files.push_back(in(dir, name));
    else
      notes.push_back(in(dir, name) + ": is not a YAML file and was left out");
  }
  return load_awnas_runs(files, id, notes);
}

class FolderReader {
 public:
  FolderReader(const FileLoader& load_file, Notes& notes) : load_file_(load_file), notes_(notes) {}

  std::vector<NetRecord> run(const std::string& dir) {
    auto records = is_vart_folder(dir)    ? load_vart(dir)
                   : is_bench_folder(dir) ? to_records(load_bench_folder(dir, notes_), &notes_)
                                          : load(dir, 0);
    complaints_.report(notes_);
    if (records.empty()) {
      std::string why = ": no measurements in this folder";
      if (!notes_.empty()) why += "; " + notes_.front();
      throw Error(Fault::input, dir + why);
    }
    return records;
  }

 private:
  std::vector<NetRecord> load_vart(const std::string& dir) {
    std::vector<NetRecord> records;
    if (auto record = load_vart_folder(dir, complaints_, notes_)) records.push_back(std::move(*record));
    return records;
  }

  std::vector<NetRecord> load(const std::string& dir, int depth) {
    std::vector<NetRecord> records;
    std::vector<std::string> loose;
    std::vector<std::string> trtexec;
    std::optional<DpuBoard> board;
    TableFold tables;
    for (const auto& name : base::list_folder(dir)) {
      if (name.front() == '.') continue;
      const std::string path = in(dir, name);
      if (base::is_folder(path)) {
        append(records, load_folder_below(path, name, depth));
      } else if (is_yaml_name(name)) {
        loose.push_back(path);
      } else {
        load_log_or_file(path, name, tables, trtexec, board, records);
      }
    }
    auto profiled = tables.records(notes_);
    for (auto& record : profiled) join_compiled(compiled_, record, notes_);
    compiled_.clear();
    append(records, std::move(profiled));
    append(records, join_trtexec(trtexec, loose, notes_));
    append(records, load_awnas_runs(loose, {}, notes_));
    if (board)
      for (auto& record : records)
        if (record.from.device == "dpu" && record.from.environment.count("dpu_cores") == 0)
          describe_board(*board, record);
    return records;
  }

  std::vector<NetRecord> load_folder_below(const std::string& path, const std::string& name, int depth) {
    if (is_vart_folder(path)) return load_vart(path);
    if (is_bench_folder(path)) return to_records(load_bench_folder(path, notes_), &notes_);
    if (holds_yaml(path)) {
      if (holds_trtexec(path)) return load(path, depth + 1);
      return load_runs(path, name, notes_);
    }
    if (depth >= most_depth) {
      notes_.push_back(path + ": lies too deep and was left out");
      return {};
    }
    auto records = load(path, depth + 1);
    if (records.empty()) notes_.push_back(path + ": holds no measurements");
    return records;
  }

  static bool holds_trtexec(const std::string& dir) {
    const auto names = base::list_folder(dir);
    return std::any_of(names.begin(), names.end(), [&dir](const std::string& name) {
      return base::ends_with(name, ".txt") && recognise_file(in(dir, name)) == LogKind::trtexec;
    });
  }

  void load_log_or_file(const std::string& path, const std::string& name, TableFold& tables,
                        std::vector<std::string>& trtexec, std::optional<DpuBoard>& board,
                        std::vector<NetRecord>& records) {
    const LogKind kind = recognise_file(path);
    if (kind == LogKind::node_tables) {  // runs of one kernel may lie in several files
      Lines lines(path);
      const auto take = [&](const NodeTable& table) {
        if (!table.kernel.empty()) return tables.add(table, path, complaints_);
        NodeTable named = table;  // two files whose tables name no kernel are two networks
        named.kernel = safe_id(std::filesystem::path(path).stem().string());
        tables.add(named, path, complaints_);
      };
      read_tables(lines, take, complaints_);
    } else if (kind == LogKind::trtexec) {
      trtexec.push_back(path);
    } else if (kind != LogKind::none || base::ends_with(name, ".jsonl") || base::ends_with(name, ".csv")) {
      try {
        if (kind == LogKind::none)
          append(records, load_file_(path, notes_));
        else
          load_log(path, kind, board, records);
      } catch (const Error& error) {  // one bad file is no reason to lose the others
        if (error.fault() != Fault::input) throw;
        notes_.push_back(path + ": was left out: " + error.what());
      }
    } else {
      notes_.push_back(path + ": is neither YAML, JSON lines, CSV nor a known log, and was left out");
    }
  }

  void load_log(const std::string& path, LogKind kind, std::optional<DpuBoard>& board,
                std::vector<NetRecord>& records) {
    if (kind == LogKind::board) {
      board = load_dpu_board(path);
    } else if (kind == LogKind::elf) {
      for (auto& kernel : load_dpu_elf(path)) compiled_.push_back(std::move(kernel));
    } else {
      Lines lines(path);
      append(records, read_log(kind, lines, notes_));
    }
  }

  const FileLoader& load_file_;
  Notes& notes_;
  Complaints complaints_;
  std::vector<DpuKernel> compiled_;  ///< that lie in the folder being read
};

}  // namespace

std::vector<NetRecord> load_folder(const std::string& dir, const FileLoader& load_file, Notes& notes) {
  return FolderReader(load_file, notes).run(dir);
}

}  // namespace hwprof::record
