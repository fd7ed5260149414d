// SPDX-License-Identifier: Apache-2.0
// What two programs print that run a whole network: xdputil benchmark and TensorRT's trtexec.
#include <cmath>
#include <filesystem>
#include <optional>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "record/cost.hpp"
#include "record/device_log.hpp"

namespace hwprof::record {
namespace {

/// The number behind a mark: "FPS= 337.061 number…" -> 337.061.
std::optional<double> number_after(std::string_view line, std::string_view mark) {
  const auto at = line.find(mark);
  if (at == std::string_view::npos) return {};
  auto rest = line.substr(at + mark.size());
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\t')) rest.remove_prefix(1);
  std::size_t end = 0;
  while (end < rest.size() && rest[end] != ' ' && rest[end] != '\t' && rest[end] != ',') ++end;
  rest = rest.substr(0, end);
  if (base::ends_with(rest, "ms")) rest.remove_suffix(2);
  return base::to_double(rest);
}

std::string stem_of(const std::string& source) {
  return safe_id(std::filesystem::path(source).stem().string());
}

}  // namespace

std::vector<NetRecord> read_xdputil_benchmark(Lines& lines, Notes& notes) {
  std::vector<NetRecord> records;
  std::size_t threads = 0;
  double by_threads = 0;
  Complaints complaints;
  std::string_view line;
  while (lines.next(line)) {
    if (line.find("thread-") != std::string_view::npos) {
      if (const auto frames = number_after(line, "processes"); frames && is_cost(*frames)) {
        ++threads;
        by_threads += *frames;
      }
      continue;
    }
    const auto frames = number_after(line, "number_of_frames=");
    if (!frames) continue;
    const auto seconds = number_after(line, "time=");
    const auto rate = number_after(line, "FPS=");
    if (!seconds || !is_cost(*seconds) || !(*frames >= 1) || *frames > 1e15) {
      complaints.add("a result without frames or time was left out", lines.place());
      continue;
    }
    if (threads == 0) {
      complaints.add("a result that does not say how many threads ran was left out", lines.place());
      continue;
    }
    if (rate && std::abs(*rate * *seconds - *frames) > 1e-3 * *frames)
      complaints.add("FPS is not frames over time; frames and time count", lines.place());
    if (std::abs(by_threads - *frames) > 0.5) complaints.add("the threads' frames do not add up", lines.place());
    if (records.size() >= 100000) throw Error(Fault::input, lines.place() + ": more than 100000 results");
    NetRecord record;
    record.from.device = "dpu";
    record.from.compiler = "vitis-ai";
    record.from.mode = "inference";
    // With n threads n frames are in flight: Little's law gives the time of one, waiting for a core included.
    record.from.environment["threads"] = std::to_string(threads);
    record.from.derived = threads > 1;
    Measured& latency = record.overall[Metric::latency];
    latency.value = static_cast<double>(threads) * *seconds / *frames;
    latency.samples = static_cast<std::int64_t>(*frames);
    records.push_back(std::move(record));
    threads = 0;
    by_threads = 0;
  }
  complaints.report(notes);
  if (records.empty()) throw Error(Fault::input, lines.source() + ": no result of xdputil benchmark");
  for (std::size_t i = 0; i < records.size(); ++i)
    records[i].net_id = stem_of(lines.source()) + (records.size() == 1 ? "" : "." + std::to_string(i));
  return records;
}

std::vector<NetRecord> read_trtexec(Lines& lines, Notes& notes) {
  Tally averages;
  std::int64_t runs = 0;
  std::optional<double> summary;
  Complaints complaints;
  std::string_view line;
  while (lines.next(line)) {
    if (line.find("Average on") != std::string_view::npos && line.find("GPU latency:") != std::string_view::npos) {
      const auto milliseconds = number_after(line, "GPU latency:");
      if (!milliseconds || !is_cost(*milliseconds)) {
        complaints.add("a GPU latency that is not a number from 0 on was left out", lines.place());
        continue;
      }
      averages.add(*milliseconds / 1e3);
      const auto count = number_after(line, "Average on");
      runs += count && *count >= 1 && *count <= 1e9 ? static_cast<std::int64_t>(*count) : 1;
    } else if (line.find("GPU Compute") != std::string_view::npos) {
      const auto median = number_after(line, "median =");
      if (median && is_cost(*median)) summary = *median / 1e3;
    }
  }
  complaints.report(notes);
  if (averages.count() == 0 && !summary)
    throw Error(Fault::input, lines.source() + ": no line of trtexec with a GPU latency");
  NetRecord record;
  record.net_id = stem_of(lines.source());
  record.from.device = "tensorrt";
  record.from.compiler = "tensorrt";
  record.from.mode = "inference";
  Measured& latency = record.overall[Metric::latency];
  if (averages.count() > 0) {
    latency = averages.median();
    latency.samples = runs;
  } else {
    latency.value = *summary;
  }
  return {record};
}

}  // namespace hwprof::record
