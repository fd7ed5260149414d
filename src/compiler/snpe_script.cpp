// SPDX-License-Identifier: Apache-2.0
// The bench as a script, for a machine that has the SDK and the phone but not hwprof.
#include <filesystem>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "compiler/snpe_dlc.hpp"
#include "compiler/snpe_session.hpp"
#include "hwprof/error.hpp"

namespace hwprof::compiling {
namespace fs = std::filesystem;
namespace {

/// One word for a POSIX shell. hwprof itself never starts one; who runs the script does.
std::string quoted(const std::string& word) {
  std::string out = "'";
  for (const char c : word) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + "'";
}

std::string line(const SnpeTools& tools, const std::string& tool, const std::vector<std::string>& arguments) {
  std::vector<std::string> words;
  for (const auto& word : tools.argv(tool, arguments, ".", "hwprof-script")) words.push_back(quoted(word));
  return base::join(words, " ");
}

std::string steps_of(const SnpeJob& job, const std::string& relative, const SnpeOptions& options,
                     const SnpeTools& tools) {
  const auto groups = groups_of(options);
  const auto& shape = job.input_shape;
  if (job.input.empty() || shape[0] < 1)
    throw Error(Fault::usage, job.id + ": the script form needs the input's shape");
  const std::vector<DlcInput> inputs{{job.input, {shape[0], shape[2], shape[3], shape[1]}}};
  const std::string list = write_inputs(job.dir, inputs, options);
  std::string text = "step " + quoted(relative) + "\n";
  std::string body = "set -e\n";
  body += "[ -s " + dlc_path(false) + " ] || " +
          line(tools, "snpe-onnx-to-dlc", {"--input_network", model_name, "--output_path", dlc_path(false)}) + "\n";
  for (std::size_t k = 0; k < groups.size(); ++k) {
    base::save_json(job.dir + "/" + config_path(k),
                    bench_config(job.id, dlc_path(groups[k].quantized), list, results_folder(k), groups[k].runtimes,
                                 options.phones, options));
    if (groups[k].quantized)
      body += "[ -s " + dlc_path(true) + " ] || " +
              line(tools, "snpe-dlc-quantize",
                   {"--input_dlc", dlc_path(false), "--input_list", quantize_list(job.dir, inputs, options, list),
                    "--output_dlc", dlc_path(true)}) +
              "\n";
    body += "if [ ! -s " + results_path(k) + " ]; then " +
            line(tools, "snpe_bench.py", {"-json", "-c", config_path(k)}) + "; cp " + results_folder(k) +
            "/latest_results/*.json " + results_path(k) + ".part; mv " + results_path(k) + ".part " + results_path(k) +
            "; fi\n";
  }
  base::write_file(job.dir + "/raw/steps.sh", body);
  return text;
}

}  // namespace

void write_script(const std::vector<SnpeJob>& jobs, const SnpeOptions& options, const SnpeTools& tools) {
  const fs::path script = fs::absolute(options.script).lexically_normal();
  if (options.phones.empty())
    throw Error(Fault::usage, "snpe: a script needs the phone's serial number: --device-option phone=SERIAL");
  if (!options.container.empty())
    throw Error(Fault::usage, "snpe: script and container exclude each other; run the script inside the container");
  const fs::path root = script.parent_path();
  std::string text =
      "#!/bin/sh\n"
      "# Written by hwprof: benches networks with the SNPE SDK. Copy this file's folder to the machine with the SDK "
      "and\n"
      "# the phone, run it there, bring the folder back, and give hwprof the same command again (profile: --resume).\n"
      "# It may be stopped and started again; a network that fails is reported and left out.\n"
      "cd \"$(dirname \"$0\")\" || exit 1\n"
      "failed=0\n"
      "step() {\n"
      "  if ! (cd \"$1\" && sh raw/steps.sh >raw/script.log 2>&1); then\n"
      "    echo \"failed: $1 (see $1/raw/script.log)\" >&2\n"
      "    failed=$((failed + 1))\n"
      "  fi\n"
      "}\n";
  for (const auto& job : jobs) {
    const std::string relative = fs::absolute(job.dir).lexically_normal().lexically_relative(root).string();
    if (relative.empty() || base::starts_with(relative, ".."))
      throw Error(Fault::usage, options.script + ": put the script into a folder around " + job.dir +
                                    ", so that it can be carried with the networks");
    text += steps_of(job, relative, options, tools);
  }
  text += "echo \"$failed failed\"\n[ \"$failed\" = 0 ]\n";
  base::write_file(script.string(), text);
  fs::permissions(script, fs::perms::owner_all | fs::perms::group_read | fs::perms::others_read);
  throw Error(Fault::unsupported, "snpe: " + std::to_string(jobs.size()) +
                                      (jobs.size() == 1 ? " network has" : " networks have") + " no results yet; run " +
                                      options.script +
                                      " on a machine with the SNPE SDK and the phone (copy its folder there and back), "
                                      "then give the same command again (profile: with --resume)");
}

}  // namespace hwprof::compiling
