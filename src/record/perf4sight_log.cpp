// SPDX-License-Identifier: Apache-2.0
// perf4sight's logs of memory and latency.
#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "base/byte_order_mark.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "base/yaml.hpp"
#include "hwprof/error.hpp"
#include "record/cost.hpp"
#include "record/latency_text.hpp"
#include "record/lines.hpp"
#include "record/perf4sight.hpp"

namespace hwprof {
namespace {

using base::in_quotes;
using Row = std::map<std::string, std::string>;  ///< cells by column, in lower case

constexpr std::uint64_t most_log_bytes = std::uint64_t{1} << 30;
constexpr double mb = 1 << 20, ms = 1e-3;
constexpr int most_batch = 1000000;
constexpr std::array memory_columns{"mem_used", "mem_reserved", "mem_alloc"};
constexpr std::array level_columns{"level", "pruning_level", "pruning_perc"};
constexpr std::array memory_header{"passed",    "mem_alloc", "mem_reserved", "mem_used",
                                   "mem_avail", "free",      "capacity",     "params"};
constexpr std::array latency_header{"passed", "latency", "params"};

struct Header {
  char separator = '|';
  std::vector<std::string> names;
  std::optional<std::string> memory;  ///< the column that is taken
  bool latency = false;

  [[nodiscard]] bool has(const std::string& name) const {
    return std::find(names.begin(), names.end(), name) != names.end();
  }
};

/// Nothing when the line is not the header of such a log.
std::optional<Header> header_of(std::string_view& text, const std::string& source, std::size_t& number) {
  text = base::drop_byte_order_mark(text);
  const std::string_view line = text.substr(0, text.find('\n'));
  Header header;
  std::ptrdiff_t most = 0;
  for (const char separator : {'|', ',', ';', '\t'}) {
    const auto count = std::count(line.begin(), line.end(), separator);
    if (count <= most) continue;
    most = count;
    header.separator = separator;
  }
  for (const auto& cell : record::take_csv_row(text, source, number, header.separator))
    header.names.push_back(base::lower_case(base::trim(cell)));
  for (const char* name : memory_columns)
    if (!header.memory && header.has(name)) header.memory = name;
  header.latency = header.has("latency");
  if (!header.has("passed") || (!header.memory && !header.latency)) return {};
  return header;
}

/// A log's name without "-gt".
std::string log_name(const std::string& file) {
  std::string name = std::filesystem::path(file).stem().string();
  for (const char* end : {"-gt", "_gt"})
    if (base::ends_with(name, end)) name.resize(name.size() - 3);
  return name;
}

constexpr const char* name_separators = "_-";

/// What a log's name says of its rows, else the two folders that it lies in; training where none says anything.
std::string stage_of(const std::string& file) {
  std::filesystem::path path(file);
  for (int i = 0; i < 3; ++i, path = path.parent_path()) {
    std::string name = base::lower_case(path.filename().string());
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c == '_' || c == '-'; }, '.');
    for (const auto& word : base::split(name, '.')) {
      if (word == "inference" || word == "infer") return "inference";
      if (word == "training" || word == "train") return "training";
    }
  }
  return "training";
}

/// 30 of 30, p30, 30% and 0.3.
std::optional<double> level_of_word(std::string word) {
  if (base::starts_with(word, "p")) word.erase(0, 1);
  if (base::ends_with(word, "%")) word.pop_back();
  if (word.empty() || word.find_first_not_of("0123456789.") != std::string::npos) return {};
  auto level = base::to_double(word);
  if (!level) return {};
  if (word.find('.') != std::string::npos && *level < 1) *level *= 100;
  if (*level > 100) return {};
  return level;
}

/// Where what stands behind the network's name begins in a log's; npos where the log is not called by the network.
std::size_t behind(const std::string& log, const std::string& net) {
  if (net.empty()) return std::string::npos;
  const std::string text = base::lower_case(log), part = base::lower_case(net);
  for (auto at = text.rfind(part); at != std::string::npos;
       at = at == 0 ? std::string::npos : text.rfind(part, at - 1)) {
    const auto end = at + part.size();
    const auto parts = [&](std::size_t i) { return text.find_first_of(name_separators, i) == i; };
    if ((at == 0 || parts(at - 1)) && (end == text.size() || parts(end))) return end;
  }
  return std::string::npos;
}

class LogReader {
 public:
  LogReader(const std::string& source, Notes& notes)
      : source_(source), log_(log_name(source)), stage_(stage_of(source)), notes_(notes) {}

  std::vector<NetRecord> run(std::string_view text) {
    std::size_t number = 1;
    const auto header = header_of(text, source_, number);
    place_ = source_ + ":1";
    if (!header) fail("a header with passed, and mem_used or latency, is expected");
    std::set<std::string> names;
    for (const auto& name : header->names)  // an index has none
      if (!name.empty() && !names.insert(name).second) fail("two columns are called " + in_quotes(name));
    if (header->memory && *header->memory != memory_columns[0])
      notes_.push_back(place_ + ": no column mem_used; " + *header->memory + " is taken as the memory");
    std::vector<NetRecord> records;
    while (!text.empty()) {
      place_ = source_ + ":" + std::to_string(number);
      const auto cells = record::take_csv_row(text, source_, number, header->separator);
      if (cells.size() == 1 && base::trim(cells[0]).empty()) continue;
      if (cells.size() != header->names.size())
        fail(std::to_string(header->names.size()) + " cells are expected, found " + std::to_string(cells.size()));
      Row row;
      for (std::size_t i = 0; i < cells.size(); ++i) row[header->names[i]] = std::string(base::trim(cells[i]));
      unfold(row);
      if (base::lower_case(cell(row, "test_var")) == "cpu-latency")
        complaints_.add("cpu-latency is not the device's; left out", place_);
      else
        records.push_back(record_of(row, *header));
    }
    complaints_.report(notes_);
    if (records.empty()) notes_.push_back(source_ + ": a log without rows");
    return records;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw Error(Fault::input, place_ + ": " + what); }

  /// The members of params become columns of their own where there is none.
  void unfold(Row& row) const {
    const auto found = row.find("params");
    if (found == row.end() || found->second.empty()) return;
    const auto params = base::Yaml::parse(found->second, place_ + ": params");
    if (!params.is_map()) fail("params: a dictionary is expected, found " + in_quotes(found->second));
    for (const auto& [key, value] : params.items())
      if (!value.is_map() && !value.is_list() && !value.is_null()) row.emplace(base::lower_case(key), value.text());
  }

  static std::string cell(const Row& row, const std::string& name) {
    const auto found = row.find(name);
    return found == row.end() || base::lower_case(found->second) == "none" ? std::string() : found->second;
  }

  [[nodiscard]] bool passed(const Row& row) const {
    const std::string word = base::lower_case(cell(row, "passed"));
    if (word == "true" || word == "1" || word == "1.0") return true;
    if (word == "false" || word == "0" || word == "0.0") return false;
    fail("passed: True or False is expected, found " + in_quotes(word));
  }

  /// Nothing for an empty cell and for nan.
  [[nodiscard]] std::optional<double> number(const Row& row, const std::string& name) const {
    const std::string text = cell(row, name);
    if (text.empty() || base::lower_case(text) == "nan") return {};
    const auto value = base::to_double(text);
    if (!value || !record::is_cost(*value))
      fail(name + ": a number from 0 to 1e18 is expected, found " + in_quotes(text));
    return value;
  }

  [[nodiscard]] int batch(const Row& row) const {
    std::string text = cell(row, "bs");
    if (text.empty()) text = cell(row, "batch");
    const auto value = base::to_double(text);
    if (!value || !(*value >= 1 && *value <= most_batch) || *value != static_cast<int>(*value))
      fail("bs: a batch size from 1 to " + std::to_string(most_batch) + " is expected, found " + in_quotes(text) +
           (text.empty() ? "; it is read from the columns bs, batch and params" : ""));
    return static_cast<int>(*value);
  }

  [[nodiscard]] std::optional<double> level(const Row& row, const std::string& path, const std::string& model,
                                            const std::string& net) const {
    for (const char* name : level_columns) {
      if (cell(row, name).empty()) continue;
      const auto value = number(row, name);
      if (value && *value <= 100) return *value < 1 ? *value * 100 : *value;
      fail(std::string(name) + ": a level from 0 to 100 is expected, found " + in_quotes(cell(row, name)));
    }
    if (model != net)
      if (const auto found = record::level_of_name(model)) return found;
    if (const auto found = record::level_of_log(log_, net)) return found;
    std::optional<double> found;  // pruned/resnet18/30/model.py
    for (const auto& folder : std::filesystem::path(path).parent_path())
      if (const auto one = level_of_word(folder.string())) found = one;
    return found;
  }

  NetRecord record_of(const Row& row, const Header& header) {
    NetRecord record;
    record.batch = batch(row);
    const std::string net = cell(row, "net_name"), path = cell(row, "model");
    const std::string model = record::model_stem(path);
    auto& environment = record.from.environment;
    environment["log"] = log_;
    for (const char* name : {"net_name", "model", "dataset"})
      if (const auto text = cell(row, name); !text.empty()) environment[name] = text;
    const auto pruned = level(row, path, model, net);
    if (pruned) environment["level"] = base::format_number(*pruned);
    std::string id = !model.empty() && model != net ? model : net;
    if (id.empty()) id = log_;
    if (id == net && pruned) id += "_" + base::format_number(*pruned);
    record.net_id = record::safe_id(id);
    std::string stage = base::lower_case(cell(row, "exec_stage"));
    if (stage.empty()) stage = base::lower_case(cell(row, "stage"));
    if (stage.empty()) stage = stage_;
    if (stage != "training" && stage != "train" && stage != "inference")
      fail("exec_stage: training or inference is expected, found " + in_quotes(stage));
    record.from.mode = stage == "inference" ? "inference" : "train";
    record.from.compiler = "perf4sight";
    record.from.device = cell(row, "device");
    if (!passed(row)) {
      record.state = RunState::out_of_memory;
      record.reason = "passed is False";
      return record;
    }
    const bool training = record.from.mode == "train";
    if (header.memory)
      if (const auto value = number(row, *header.memory))
        record.overall[training ? Metric::train_memory : Metric::memory].value = *value * mb;
    if (header.latency)
      if (const auto value = number(row, "latency"))
        record.overall[training ? Metric::train_latency : Metric::latency].value = *value * ms;
    if (record.overall.empty()) {
      record.state = RunState::failed;
      record.reason = "passed, but has no number";
      complaints_.add("a row that passed has no number; it counts as failed", place_);
    }
    return record;
  }

  const std::string& source_;
  std::string log_, stage_, place_;
  Notes& notes_;
  record::Complaints complaints_;
};

std::string setting(const NetRecord& record, const std::string& name, const std::string& fallback) {
  const auto found = record.from.environment.find(name);
  return found == record.from.environment.end() ? fallback : found->second;
}

/// Jobs are numbers, and their networks called by arch: network/strategy/level/repeat.
std::string name_of(const NetRecord& record) {
  return record.arch.empty() ? record.net_id : record.arch;
}

std::string model_of(const NetRecord& record) {
  std::string name = name_of(record);
  std::replace(name.begin(), name.end(), '/', '_');
  return name + ".py";
}

/// The pruning level [%], as another record had it or as an arch says it; without it, the number at the end of the
/// model's name, which is the repeat, would be read as one.
std::optional<double> level_of(const NetRecord& record) {
  if (const auto given = base::to_double(setting(record, "level", ""))) return given;
  return hwprof::record::level_of_job(record.arch);
}

/// As params have it, where a number below 1 is a share.
std::string level_text(const NetRecord& record) {
  const auto level = level_of(record);
  if (!level || !(*level >= 0 && *level <= 100)) return {};
  const double rounded = std::round(*level * 1e6) / 1e6;  // 29, not 28.999999999999996
  return ", 'level': " + base::format_number(rounded < 1 ? rounded / 100 : rounded);
}

/// A text as Python writes it.
std::string quoted(const std::string& text) {
  const char quote = text.find('\'') == std::string::npos ? '\'' : '"';
  std::string out(1, quote);
  for (const char c : text) out += (c >= 0 && c < ' ') || c == quote ? ' ' : c;
  return out + quote;
}

}  // namespace

std::string record::model_stem(const std::string& path) {
  std::filesystem::path name = std::filesystem::path(path).filename();
  for (;;) {
    const std::string end = name.extension().string();
    const bool letters = end.size() > 1 && std::all_of(end.begin() + 1, end.end(), [](char c) {
                           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
                         });
    if (!letters) return name.string();
    name = name.stem();
  }
}

std::optional<double> record::level_of_job(const std::string& arch) {
  const auto parts = base::split(arch, '/');
  if (parts.size() != 4) return {};
  const auto share = base::to_double(parts[2]);
  if (!share || !(*share >= 0 && *share < 1)) return {};
  return *share * 100;
}

bool record::is_log_word(const std::string& word) {
  static const std::set<std::string> words{"gt",        "memory", "mem",      "latency", "lat",
                                           "latencies", "train",  "training", "infer",   "inference"};
  return words.count(base::lower_case(word)) != 0;
}

std::string record::without_log_words(const std::string& name) {
  std::string out = name;
  for (;;) {
    const auto cut = out.find_last_of("_-.");
    if (cut == std::string::npos || cut == 0 || !is_log_word(out.substr(cut + 1))) return out;
    out.resize(cut);
  }
}

std::optional<double> record::level_of_name(const std::string& name) {
  if (const auto level = level_of_job(name)) return level;
  const std::string rest = without_log_words(name);
  const auto cut = rest.find_last_of(name_separators);
  if (cut == std::string::npos) return {};
  return level_of_word(rest.substr(cut + 1));
}

bool record::is_called_by(const std::string& log, const std::string& net) {
  return behind(log, net) != std::string::npos;
}

std::optional<double> record::level_of_log(const std::string& log, const std::string& net) {
  const std::string name = without_log_words(log);
  const auto from = behind(name, net);
  if (from == std::string::npos) return level_of_name(name);
  std::optional<double> level;
  for (std::size_t at = from; at < name.size();) {
    const auto end = std::min(name.find_first_of(name_separators, at + 1), name.size());
    if (const auto one = level_of_word(name.substr(at + 1, end - at - 1))) level = one;
    at = end;
  }
  return level;
}

bool record::is_perf4sight_log(std::string_view text) {
  std::string_view head = text.substr(0, 1 << 16);
  std::size_t number = 1;
  try {
    return header_of(head, "", number).has_value();
  } catch (const Error&) {
    return false;
  }
}

std::vector<NetRecord> record::parse_perf4sight_log(std::string_view text, const std::string& source, Notes& notes) {
  return LogReader(source, notes).run(text);
}

std::vector<NetRecord> load_perf4sight_log(const std::string& file, Notes* notes) {
  Notes ignored;
  return record::parse_perf4sight_log(base::read_file(file, most_log_bytes), file, notes != nullptr ? *notes : ignored);
}

void save_perf4sight_log(const std::string& file, const std::vector<NetRecord>& records, Metric metric) {
  if (metric != Metric::memory && metric != Metric::latency)
    throw Error(Fault::usage, std::string("perf4sight's logs hold memory or latency, not ") + to_string(metric));
  const bool memory = metric == Metric::memory;
  const auto line = [](const std::vector<std::string>& cells) { return base::join(cells, "|") + "\n"; };
  std::string text = memory ? line({memory_header.begin(), memory_header.end()})
                            : line({latency_header.begin(), latency_header.end()});
  const auto add = [&](const NetRecord& record, bool training, std::optional<double> value) {
    const std::string params =
        "{'test_var': " + quoted(to_string(metric)) + ", 'bs': " + std::to_string(record.batch) +
        ", 'dataset': " + quoted(setting(record, "dataset", "imagenet")) +
        ", 'net_name': " + quoted(setting(record, "net_name", base::split(name_of(record), '/').front())) +
        ", 'exec_stage': " + quoted(training ? "training" : "inference") +
        ", 'model': " + quoted(setting(record, "model", model_of(record))) + level_text(record) + "}";
    std::vector<std::string> cells(memory ? memory_header.size() : latency_header.size());
    cells.front() = value ? "True" : "False";
    if (value) cells[memory ? 3 : 1] = base::format_number(*value / (memory ? mb : ms));
    cells.back() = record::csv_cell(params, '|');
    text += line(cells);
  };
  for (const auto& record : records) {
    if (record.state == RunState::out_of_memory) {
      add(record, record.from.mode == "train", {});
      continue;
    }
    for (const bool training : {false, true}) {
      const Metric one = memory ? (training ? Metric::train_memory : Metric::memory)
                                : (training ? Metric::train_latency : Metric::latency);
      if (const auto found = record.overall.find(one); found != record.overall.end())
        add(record, training, found->second.value);
    }
  }
  base::write_file(file, text);
}

}  // namespace hwprof
