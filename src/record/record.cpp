// SPDX-License-Identifier: Apache-2.0
#include "hwprof/record.hpp"

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/latency_table.hpp"
#include "record/awnas.hpp"
#include "record/csv.hpp"
#include "record/jsonl.hpp"
#include "record/latency_text.hpp"
#include "record/ofa.hpp"

namespace hwprof {
namespace {

constexpr std::uint64_t most_bytes = std::uint64_t{1} << 31;

/// hwprof's own lines are JSON objects; no YAML writer puts a quoted key into an outermost brace.
bool is_json_lines(std::string_view text) {
  text = base::trim(text.substr(0, 4096));
  if (text.empty() || text.front() != '{') return false;
  const auto inner = base::trim(text.substr(1));
  return inner.empty() || inner.front() == '"';
}

std::vector<NetRecord> load_file(const std::string& file, Notes& notes) {
  const std::string content = base::read_file(file, most_bytes);
  std::string_view text = content;
  if (base::starts_with(text, "\xef\xbb\xbf")) text.remove_prefix(3);
  if (base::trim(text).empty()) {
    notes.push_back(file + ": is empty");
    return {};
  }
  if (record::is_snpe_results(text)) return record::parse_bench(text, file, notes);
  if (record::is_latency_json(text)) return to_records(record::parse_latency_json(text, file), &notes);
  if (record::is_latency_csv(text)) return to_records(record::parse_latency_csv(text, file), &notes);
  if (is_json_lines(text)) return record::parse_lines(text, file, notes);
  if (record::is_csv(text)) return record::parse_csv(text, file);
  if (record::is_ofa_table(text)) return record::parse_ofa_table(std::string(text), file, notes);
  return record::parse_awnas(std::string(text), file, notes);
}

void append(std::vector<NetRecord>& to, std::vector<NetRecord> more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

/// The runs of one network, dir/<run>.yaml.
std::vector<NetRecord> load_runs(const std::string& dir, const std::string& id, Notes& notes) {
  std::vector<std::string> files;
  for (const auto& name : base::list_folder(dir)) {
    std::string path = dir;
    path.append("/").append(name);
    if (record::is_yaml_name(name))
      files.push_back(std::move(path));
    else
      notes.push_back(path.append(": is not a YAML file and was left out"));
  }
  if (files.empty()) notes.push_back(dir + ": holds no YAML file and was left out");
  return record::load_awnas_runs(files, id, notes);
}

std::vector<NetRecord> load_folder(const std::string& dir, Notes& notes) {
  // A run folder of hwprof holds YAML that is no measurement; its records are in one file.
  if (const std::string own = dir + "/records.jsonl"; base::exists(own)) return load_file(own, notes);
  std::vector<NetRecord> records;
  std::vector<std::string> loose;
  for (const auto& name : base::list_folder(dir)) {
    if (name.front() == '.') continue;
    std::string path = dir;
    path.append("/").append(name);
    if (base::is_folder(path))
      append(records, load_runs(path, name, notes));
    else if (record::is_yaml_name(name))
      loose.push_back(std::move(path));
    else if (base::ends_with(name, ".jsonl") || base::ends_with(name, ".csv"))
      append(records, load_file(path, notes));
    else
      notes.push_back(path.append(": is neither YAML, JSON lines nor CSV and was left out"));
  }
  append(records, record::load_awnas_runs(loose, {}, notes));
  if (records.empty()) throw Error(Fault::input, dir + ": no measurements in this folder");
  return records;
}

}  // namespace

const char* to_string(Metric metric) noexcept {
  switch (metric) {
    case Metric::latency:
      return "latency";
    case Metric::memory:
      return "memory";
    case Metric::energy:
      return "energy";
  }
  return "";
}

const char* unit(Metric metric) noexcept {
  switch (metric) {
    case Metric::latency:
      return "s";
    case Metric::memory:
      return "bytes";
    case Metric::energy:
      return "J";
  }
  return "";
}

Metric parse_metric(const std::string& name) {
  std::vector<std::string> names;
  for (const Metric metric : {Metric::latency, Metric::memory, Metric::energy}) {
    if (name == to_string(metric)) return metric;
    names.emplace_back(to_string(metric));
  }
  throw Error(Fault::usage, "unknown metric " + base::in_quotes(name) + base::suggest(name, names));
}

const char* to_string(RunState state) noexcept {
  switch (state) {
    case RunState::measured:
      return "measured";
    case RunState::unsteady:
      return "unsteady";
    case RunState::failed:
      return "failed";
    case RunState::unsupported:
      return "unsupported";
    case RunState::out_of_memory:
      return "out_of_memory";
  }
  return "";
}

std::vector<NetRecord> load_records(const std::string& file, Notes* notes) {
  Notes ignored;
  Notes& kept = notes != nullptr ? *notes : ignored;
  return base::is_folder(file) ? load_folder(file, kept) : load_file(file, kept);
}

void save_records(const std::string& file, const std::vector<NetRecord>& records) {
  std::string text;
  for (const auto& record : records) text += record::to_line(record) + "\n";
  base::write_file(file, text);
}

}  // namespace hwprof
