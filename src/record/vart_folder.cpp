// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "record/device_log.hpp"

namespace hwprof::record {
namespace {

constexpr const char* summary_file = "profile_summary.csv";
constexpr const char* trace_file = "vart_trace.csv";
constexpr const char* meta_file = "meta.json";

std::string name_of(const std::string& dir) {
  const std::filesystem::path path = std::filesystem::path(dir).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

/// The target, and whether the compiled file carries the folder's name. A file that is not as expected is noted.
void read_meta(const std::string& file, const std::string& name, NetRecord& record, Complaints& complaints) {
  try {
    const auto json = base::JsonReader::load(file);
    if (json.has("target")) record.from.environment["target"] = json["target"].text();
    if (json.has("filename") && json["filename"].text() != name + ".xmodel")
      complaints.add("meta.json names another network than its folder", file);
    if (json.has("kernel")) {
      const auto kernels = json["kernel"].list();
      if (kernels.size() != record.nodes.size())
        complaints.add("meta.json lists another number of kernels than were measured", file);
    }
  } catch (const Error& error) {
    complaints.add("meta.json could not be used", error.what());
  }
}

}  // namespace

bool is_vart_folder(const std::string& dir) {
  return base::exists(dir + "/" + summary_file) || base::exists(dir + "/" + trace_file);
}

std::optional<NetRecord> load_vart_folder(const std::string& dir, Complaints& complaints, Notes& notes) {
  const std::string name = name_of(dir);
  std::vector<SummaryRow> rows;
  std::map<std::string, Tally> traces;
  const std::string summary = dir + "/" + summary_file;
  const std::string trace = dir + "/" + trace_file;
  const auto left_out = [&](const std::string& why) {
    notes.push_back(dir + ": was left out: " + why);
    return std::nullopt;
  };
  std::string damage;  // of one file, where the other may do
  try {
    if (base::exists(trace)) {
      Lines lines(trace);
      traces = read_vart_trace(lines, complaints);
    }
  } catch (const Error& error) {
    damage = error.what();
  }
  try {
    if (base::exists(summary)) {
      Lines lines(summary);
      rows = read_profile_summary(lines, complaints);
    }
  } catch (const Error& error) {
    damage = error.what();
  }
  if (std::none_of(rows.begin(), rows.end(), [](const SummaryRow& row) { return row.mean_s > 0; })) rows.clear();
  std::optional<Prim> prim;
  try {
    double operations = 0;
    for (const auto& row : rows) operations += row.operations;
    prim = prim_of_folder(name, operations);
  } catch (const Error& error) {
    return left_out(error.what());
  }
  if (!damage.empty()) notes.push_back(damage);
  if (rows.empty()) {
    if (!traces.empty()) complaints.add("no usable profile_summary.csv; the trace alone counts", dir);
    for (const auto& [kernel, tally] : traces)
      rows.push_back({kernel, {}, tally.count(), tally.least(), tally.mean(), tally.most(), 0});
  }
  if (rows.empty()) return left_out("no run of a DPU kernel was measured");
  NetRecord record = summary_record(rows, traces, dir, complaints);
  try {
    check_costs(record, dir);
  } catch (const Error& error) {
    return left_out(error.what());
  }
  record.net_id = safe_id(name);
  if (record.nodes.size() > 1)
    complaints.add("several DPU kernels; what the CPU did between them was not measured", dir);
  if (const std::string meta = dir + "/" + meta_file; base::exists(meta)) read_meta(meta, name, record, complaints);
  PrimRecord row;
  row.prim = *prim;
  row.perf = record.overall;
  record.prims.push_back(std::move(row));
  return record;
}

}  // namespace hwprof::record
