// SPDX-License-Identifier: Apache-2.0
// What a board or server says of a network.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <optional>

#include "base/files.hpp"
#include "base/stats.hpp"
#include "base/text.hpp"
#include "compiler/dpu_deploy.hpp"
#include "hwprof/attribution.hpp"
#include "hwprof/device_log.hpp"
#include "hwprof/error.hpp"
#include "record/lines.hpp"

namespace hwprof::compiling {
namespace fs = std::filesystem;
namespace {

/// As the compiler numbers the kernels of a network that it cut, "_0".
bool is_piece_of(const std::string& name, const std::string& kernel) {
  if (!base::starts_with(name, kernel)) return false;
  const std::string rest = name.substr(kernel.size());
  return rest.empty() ||
         (rest.size() > 1 && rest[0] == '_' && rest.find_first_not_of("0123456789", 1) == std::string::npos);
}

/// Whether a record is of the network's kernel, in our words, in ssprofile's, in those of whoever compiled it
/// elsewhere.
bool is_of(const NetRecord& record, const DpuJob& job) {
  const std::string id = record::safe_id(job.id);
  if (record.net_id == id || is_piece_of(record.net_id, kernel_name(job.id, "debug")) ||
      is_piece_of(record.net_id, id + "SSPROFILE"))
    return true;
  const std::string folder = (fs::path(job.dir) / compiled_folder("debug")).string();
  if (!base::is_folder(folder)) return false;
  for (const auto& name : base::list_folder(folder)) {
    if (!base::ends_with(name, ".elf")) continue;
    try {
      for (const auto& kernel : load_dpu_elf((fs::path(folder) / name).string()))
        if (record::safe_id(kernel.name) == record.net_id) return true;
    } catch (const Error&) {
      continue;  // damaged: it names no kernel
    }
  }
  return false;
}

/// DNNDK's tables alone say of which kernel they are; other records are called after their files.
bool names_kernel(const NetRecord& record) {
  return record.from.compiler == "dnndk" && record.net_id != record::nameless_kernel;
}

/// What ssprofile reads of an answer, where there is no more in it: rows "All", whose fourth word is milliseconds.
std::optional<NetRecord> totals_in(const std::string& file) {
  constexpr std::uint64_t largest = std::uint64_t{1} << 26;
  constexpr double ms = 1e-3;
  std::vector<double> runs;
  std::vector<std::string_view> words;
  for (const auto& line : base::split(base::read_file(file, largest), '\n')) {
    record::split_words(line, words);
    if (words.empty()) continue;
    const bool is_node = words[0].find_first_not_of("0123456789") == std::string::npos;
    if (is_node || line.find("DPU Kernel") != std::string::npos) return {};
    if (words[0] != "All") continue;
    const auto value = words.size() > 3 ? base::to_double(words[3]) : std::nullopt;
    if (!value || !std::isfinite(*value) || !(*value > 0)) return {};
    runs.push_back(*value * ms);
  }
  if (runs.empty()) return {};
  NetRecord record;
  record.net_id = record::nameless_kernel;
  record.from.device = "dpu";
  record.from.compiler = "dnndk";
  record.from.mode = "inference";
  record.overall[Metric::latency] =
      Measured{base::median(runs), base::median_half_width(runs), static_cast<std::int64_t>(runs.size()), 0};
  return record;
}

std::vector<NetRecord> records_in(const std::string& file, Notes* notes) {
  try {
    return load_records(file, notes);
  } catch (const Error&) {
    const auto totals = totals_in(file);
    if (!totals) throw;
    return {*totals};
  }
}

}  // namespace

std::vector<double> parse_normal_runs(std::string_view text, const std::string& source) {
  constexpr std::string_view run_mark = "hwprof-run: run ";
  constexpr std::string_view done_mark = "hwprof-run: done ";
  constexpr double longest_us = 1e12;
  std::vector<double> seconds;
  std::size_t begin = 0;
  std::size_t number = 0;
  while (begin < text.size()) {
    const auto end = std::min(text.find('\n', begin), text.size());
    const auto line = base::trim(text.substr(begin, end - begin));
    begin = end + 1;
    ++number;
    const auto fail = [&](const std::string& what) {
      throw Error(Fault::input,
                  source + ":" + std::to_string(number) + ": " + what + ", found " + base::in_quotes(line));
    };
    if (base::starts_with(line, run_mark)) {
      const auto words = base::split(line.substr(run_mark.size()), ' ');
      const auto us = words.size() == 3 && words[2] == "us" ? base::to_double(words[1]) : std::nullopt;
      if (!us || !(*us > 0 && *us < longest_us)) fail("a number and microseconds above 0 are expected");
      seconds.push_back(*us * 1e-6);
    } else if (base::starts_with(line, done_mark)) {
      const auto runs = base::to_int(line.substr(done_mark.size()));
      if (!runs || *runs < 1 || static_cast<std::size_t>(*runs) != seconds.size())
        fail("the end of " + std::to_string(seconds.size()) + " runs is expected");
      return seconds;
    }
  }
  throw Error(Fault::input, source + ": the runs were not finished (there is no line \"hwprof-run: done\")");
}

NetRecord load_result(const std::string& file, const DpuJob& job, Notes* notes) {
  auto records = records_in(file, notes);
  if (records.empty()) throw Error(Fault::input, file + ": holds no times");
  auto wanted = records.begin();
  if (records.size() > 1) {
    wanted = std::find_if(records.begin(), records.end(), [&job](const NetRecord& one) { return is_of(one, job); });
    if (wanted == records.end())
      throw Error(Fault::input, file + ": holds times of " + std::to_string(records.size()) +
                                    " kernels, none of which is " + base::in_quotes(kernel_name(job.id, "debug")));
  } else if (names_kernel(*wanted) && !is_of(*wanted, job)) {
    throw Error(Fault::input, file + ": holds times of the kernel " + base::in_quotes(wanted->net_id) +
                                  ", which is another network's; " + base::in_quotes(kernel_name(job.id, "debug")) +
                                  " is expected");
  }
  const auto latency = wanted->overall.find(Metric::latency);
  if (latency == wanted->overall.end() || !(latency->second.value > 0))
    throw Error(Fault::input, file + ": holds no latency");
  return std::move(*wanted);
}

void give_layers(const Net& net, NetRecord& record, Notes* notes) {
  const OpMap map = op_map(net);
  record.net_id = net.id;
  if (!record.nodes.empty() && knows_nodes(map, record)) {
    AttributionSummary summary;
    record = attribute(std::move(record), map, &summary, notes);
    record.from.environment["fused_depthwise"] = std::to_string(summary.fused_depthwise);
    return;
  }
  if (!record.nodes.empty() && notes != nullptr)
    notes->push_back("the device's nodes, " + base::in_quotes(record.nodes[0].name) +
                     " the first, are none of the network's ops: the time of the whole alone counts");
  record.prims.clear();
  record.overhead = record.overall;
  for (const auto& layer : net.layers) record.prims.push_back({layer.prim, {}, layer.glue});
}

void take_result(const DpuJob& job, const std::string& mode, const std::string& text) {
  const fs::path dir(job.dir);
  const std::string part = (dir / (result_file(job.id, mode) + ".part")).string();
  base::write_file(part, text);
  try {
    if (mode == "normal")
      (void)parse_normal_runs(text, part);
    else
      (void)load_result(part, job, nullptr);
  } catch (const Error& error) {
    const fs::path refused = dir / ("raw/" + job.id + ".refused.txt");
    fs::rename(part, refused);
    throw Error(Fault::device, "what was answered holds no times (kept as " + refused.string() + "): " + error.what());
  }
  fs::rename(part, dir / result_file(job.id, mode));
}

}  // namespace hwprof::compiling
