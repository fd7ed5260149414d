// SPDX-License-Identifier: Apache-2.0
#include "hwprof/record.hpp"

#include "base/byte_order_mark.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/latency_table.hpp"
#include "record/awnas.hpp"
#include "record/csv.hpp"
#include "record/device_log.hpp"
#include "record/folder.hpp"
#include "record/jsonl.hpp"
#include "record/latency_text.hpp"
#include "record/ofa.hpp"
#include "record/perf4sight.hpp"

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
  if (!record::is_yaml_name(file)) {
    if (const auto kind = record::recognise_file(file); kind != record::LogKind::none) {
      record::Lines lines(file);
      return record::read_log(kind, lines, notes);
    }
  }
  const std::string content = base::read_file(file, most_bytes);
  const std::string_view text = base::drop_byte_order_mark(content);
  if (base::trim(text).empty()) {
    notes.push_back(file + ": is empty");
    return {};
  }
  if (record::is_snpe_results(text)) return record::parse_bench(text, file, notes);
  if (record::is_latency_json(text)) return to_records(load_latency_table(file, &notes), &notes);
  if (record::is_perf4sight_log(text)) return record::parse_perf4sight_log(text, file, notes);
  if (record::is_latency_csv(text)) return to_records(load_latency_table(file, &notes), &notes);
  if (is_json_lines(text)) return record::parse_lines(text, file, notes);
  if (record::is_csv(text) || base::ends_with(file, ".csv")) return record::parse_csv(text, file);
  if (record::is_ofa_table(text)) return record::parse_ofa_table(std::string(text), file, notes);
  return record::parse_awnas(std::string(text), file, notes);
}

}  // namespace

const std::vector<Metric>& list_metrics() {
  static const std::vector<Metric> metrics{
      Metric::latency,         Metric::memory,       Metric::energy,           Metric::train_latency,
      Metric::forward_latency, Metric::loss_latency, Metric::backward_latency, Metric::optimizer_latency,
      Metric::train_memory,    Metric::train_energy, Metric::reserved_memory,  Metric::process_memory};
  return metrics;
}

Metric quantity(Metric metric) noexcept {
  switch (metric) {
    case Metric::latency:
    case Metric::train_latency:
    case Metric::forward_latency:
    case Metric::loss_latency:
    case Metric::backward_latency:
    case Metric::optimizer_latency:
      return Metric::latency;
    case Metric::memory:
    case Metric::train_memory:
    case Metric::reserved_memory:
    case Metric::process_memory:
      return Metric::memory;
    case Metric::energy:
    case Metric::train_energy:
      break;
  }
  return Metric::energy;
}

const char* to_string(Metric metric) noexcept {
  switch (metric) {
    case Metric::latency:
      return "latency";
    case Metric::memory:
      return "memory";
    case Metric::energy:
      return "energy";
    case Metric::train_latency:
      return "train_latency";
    case Metric::forward_latency:
      return "forward_latency";
    case Metric::loss_latency:
      return "loss_latency";
    case Metric::backward_latency:
      return "backward_latency";
    case Metric::optimizer_latency:
      return "optimizer_latency";
    case Metric::train_memory:
      return "train_memory";
    case Metric::train_energy:
      return "train_energy";
    case Metric::reserved_memory:
      return "reserved_memory";
    case Metric::process_memory:
      return "process_memory";
  }
  return "";
}

const char* unit(Metric metric) noexcept {
  switch (quantity(metric)) {
    case Metric::latency:
      return "s";
    case Metric::memory:
      return "bytes";
    default:
      return "J";
  }
}

Metric parse_metric(const std::string& name) {
  std::vector<std::string> names;
  for (const Metric metric : list_metrics()) {
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
  if (!base::is_folder(file)) return load_file(file, kept);
  // A run folder of hwprof holds YAML that is no measurement; its records are in one file.
  if (const std::string own = file + "/records.jsonl"; base::exists(own)) return load_file(own, kept);
  return record::load_folder(file, load_file, kept);
}

void save_records(const std::string& file, const std::vector<NetRecord>& records) {
  std::string text;
  for (const auto& record : records) text += record::to_line(record) + "\n";
  base::write_file(file, text);
}

}  // namespace hwprof
