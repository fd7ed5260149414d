// SPDX-License-Identifier: Apache-2.0
// What a board or server says of a network.
#include <algorithm>
#include <filesystem>

#include "base/files.hpp"
#include "base/text.hpp"
#include "compiler/dpu_deploy.hpp"
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
  auto records = load_records(file, notes);
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
