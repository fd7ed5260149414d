// SPDX-License-Identifier: Apache-2.0
#include "record/device_log.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>

#include "base/byte_order_mark.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "record/cost.hpp"

namespace hwprof::record {
namespace {

constexpr std::size_t head_bytes = std::size_t{1} << 20;

void check_costs(const Perf& perf, const std::string& source) {
  for (const auto& [metric, cost] : perf)
    if (!is_cost(cost.value) || !is_cost(cost.spread))
      throw Error(Fault::input, source + ": the numbers add up to a " + std::string(to_string(metric)) + " of " +
                                    base::format_number(cost.value) + ", which no device has");
}

}  // namespace

LogKind recognise(std::string_view head) {
  head = head.substr(0, head_bytes);
  if (base::starts_with(head,
                        "\x7f"
                        "ELF"))
    return LogKind::elf;
  head = base::drop_byte_order_mark(head);
  const auto holds = [&head](const char* text) { return head.find(text) != std::string_view::npos; };
  const auto text = base::trim(head);
  if (base::starts_with(text, "{"))
    return holds("\"DPU IP Spec\"") || holds("\"DPU Arch\"") ? LogKind::board : LogKind::none;
  if (holds("Performance profile - DPU Kernel") || (holds("NodeName") && holds("RunTime(")))
    return LogKind::node_tables;
  if (holds("[DPU IP Spec]") || holds("[DPU Core Configuration List]") || holds("[DPU Core List]"))
    return LogKind::board;
  if (holds("Kernel Name,Number Of Runs")) return LogKind::profile_summary;
  if (holds("VTF File Version")) return LogKind::vart_trace;
  if (base::starts_with(text, "DPU Throughput") || base::starts_with(text, "DDR Bandwidth")) return LogKind::throughput;
  if (holds("DPU Summary:") || (holds("SubGraph |") && holds("Bat"))) return LogKind::vaitrace;
  if (holds("number_of_frames=")) return LogKind::xdputil_benchmark;
  if (holds("GPU latency:") || holds("GPU Compute")) return LogKind::trtexec;
  return LogKind::none;
}

LogKind recognise_file(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string head(head_bytes, '\0');
  stream.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(std::max<std::streamsize>(stream.gcount(), 0)));
  return recognise(head);
}

void check_costs(const NetRecord& record, const std::string& source) {
  const auto latency = record.overall.find(Metric::latency);
  if (latency != record.overall.end() && latency->second.value == 0)
    throw Error(Fault::input, source + ": a latency of 0, which no device has");
  check_costs(record.overall, source);
  check_costs(record.overhead, source);
  for (const auto& node : record.nodes) check_costs(node.perf, source);
}

namespace {

std::vector<NetRecord> read_kind(LogKind kind, Lines& lines, Notes& notes) {
  const std::string& source = lines.source();
  const auto stem = [&source] { return safe_id(std::filesystem::path(source).stem().string()); };
  Complaints complaints;
  std::vector<NetRecord> records;
  switch (kind) {
    case LogKind::node_tables: {
      TableFold fold;
      read_tables(
          lines, [&](const NodeTable& table) { fold.add(table, source, complaints); }, complaints);
      complaints.report(notes);
      if (fold.empty()) {
        std::string why = ": no complete table of nodes";
        if (!complaints.empty()) why += "; " + notes.back();
        throw Error(Fault::input, source + why);
      }
      return fold.records(notes);
    }
    case LogKind::vaitrace:
      return read_vaitrace(lines, notes);
    case LogKind::profile_summary: {
      const auto rows = read_profile_summary(lines, complaints);
      if (rows.empty()) throw Error(Fault::input, source + ": no row of a DPU kernel");
      records.push_back(summary_record(rows, {}, source, complaints));
      records.back().net_id = stem();
      break;
    }
    case LogKind::vart_trace: {
      std::vector<SummaryRow> rows;
      for (const auto& [name, tally] : read_vart_trace(lines, complaints))
        rows.push_back({name, {}, tally.count(), tally.least(), tally.mean(), tally.most(), 0});
      if (rows.empty()) throw Error(Fault::input, source + ": no finished run of a DPU kernel");
      records.push_back(summary_record(rows, {}, source, complaints));
      records.back().net_id = stem();
      break;
    }
    case LogKind::throughput: {
      const auto profile = read_throughput(lines, complaints);
      notes.push_back(source + ": " +
                      (profile.frames_per_s.count() > 0
                           ? "a median of " + base::format_number(profile.frames_per_s.median().value) +
                                 " frames per second over " + std::to_string(profile.frames_per_s.count()) +
                                 " rows; a rate is no latency, so it gives no record"
                           : std::string("no rows of the DPU's throughput")));
      break;
    }
    case LogKind::xdputil_benchmark:
      return read_xdputil_benchmark(lines, notes);
    case LogKind::trtexec:
      return read_trtexec(lines, notes);
    case LogKind::board:
      notes.push_back(source + ": describes a board; it is no measurement");
      break;
    case LogKind::elf:
      notes.push_back(source + ": a compiled network; it is no measurement");
      break;
    case LogKind::none:
      throw Error(Fault::internal, source + ": is no device log");
  }
  complaints.report(notes);
  return records;
}

}  // namespace

std::vector<NetRecord> read_log(LogKind kind, Lines& lines, Notes& notes) {
  auto records = read_kind(kind, lines, notes);
  for (const auto& record : records) check_costs(record, lines.source());
  return records;
}

void describe_board(const DpuBoard& board, NetRecord& record) {
  if (board.cores.empty()) return;
  const DpuCore& core = board.cores.front();
  auto& environment = record.from.environment;
  environment["dpu"] = core.arch;
  environment["dpu_cores"] = std::to_string(board.cores.size());
  if (core.frequency_hz > 0) environment["dpu_mhz"] = base::format_number(core.frequency_hz / 1e6);
  if (!core.version.empty()) environment["dpu_version"] = core.version;
  if (!core.fingerprint.empty()) environment["dpu_fingerprint"] = core.fingerprint;
  for (const auto& [key, value] : board.facts)
    if (key == "IP version" || base::starts_with(key, "libvart-runner")) environment[key] = value;
}

}  // namespace hwprof::record
