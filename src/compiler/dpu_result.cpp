// SPDX-License-Identifier: Apache-2.0
// What a board or server says of a network.
#include <algorithm>
#include <filesystem>

#include "base/files.hpp"
#include "base/text.hpp"
#include "compiler/dpu_deploy.hpp"
#include "hwprof/error.hpp"

namespace hwprof::compiling {
namespace fs = std::filesystem;

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

NetRecord load_result(const std::string& file, const std::string& kernel, Notes* notes) {
  auto records = load_records(file, notes);
  if (records.empty()) throw Error(Fault::input, file + ": holds no times");
  auto wanted = records.begin();
  if (records.size() > 1) {
    wanted = std::find_if(records.begin(), records.end(),
                          [&kernel](const NetRecord& record) { return record.net_id == kernel; });
    if (wanted == records.end())
      throw Error(Fault::input, file + ": holds times of " + std::to_string(records.size()) +
                                    " kernels, none of which is " + base::in_quotes(kernel));
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
      (void)load_result(part, kernel_name(job.id, mode), nullptr);
  } catch (const Error& error) {
    const fs::path refused = dir / ("raw/" + job.id + ".refused.txt");
    fs::rename(part, refused);
    throw Error(Fault::device, "what was answered holds no times (kept as " + refused.string() + "): " + error.what());
  }
  fs::rename(part, dir / result_file(job.id, mode));
}

}  // namespace hwprof::compiling
