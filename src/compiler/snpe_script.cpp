// SPDX-License-Identifier: Apache-2.0
// The bench as a script, for a machine that has the SDK and the phone but not hwprof.
#include "base/files.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "compiler/job_script.hpp"
#include "compiler/snpe_dlc.hpp"
#include "compiler/snpe_session.hpp"
#include "hwprof/error.hpp"

namespace hwprof::compiling {
namespace {

constexpr const char* about =
    "# Written by hwprof: benches networks with the SNPE SDK. Copy this file's folder to the machine with the SDK "
    "and\n"
    "# the phone, run it there, bring the folder back, and give hwprof the same command again (profile: --resume).\n";

std::string steps_of(const SnpeJob& job, const SnpeOptions& options, const Tools& tools) {
  const auto groups = groups_of(options);
  const auto& shape = job.input_shape;
  if (job.input.empty() || shape[0] < 1)
    throw Error(Fault::usage, job.id + ": the script form needs the input's shape");
  const std::vector<DlcInput> inputs{{job.input, {shape[0], shape[2], shape[3], shape[1]}}};
  const std::string list = write_inputs(job.dir, inputs, options);
  const std::string part = "raw/part.dlc";
  const auto failed = [](const Group& group) { return "echo failed > " + failure_path(group) + "; "; };
  std::string body = "bad=\n";
  std::string unconverted;
  for (const auto& group : groups) {
    const std::string results = results_path(group);
    body += "[ ! -e " + failure_path(group) + " ] || rm -f " + failure_path(group) + " " + results + " " +
            dlc_path(false) + " " + dlc_path(true) + "\n";
    unconverted += "[ -s " + results + " ] || " + failed(group);
  }
  body += "[ -s " + dlc_path(false) + " ] || { " +
          script_line(tools, "snpe-onnx-to-dlc", {"--input_network", model_name, "--output_path", part}) + " && mv " +
          part + " " + dlc_path(false) + "; } || { " + unconverted + "exit 1; }\n";
  for (const auto& group : groups) {
    base::save_json(job.dir + "/" + config_path(group),
                    bench_config(job.id, dlc_path(group.quantized), list, results_folder(group), group.runtimes,
                                 options.phones, options));
    const std::string results = results_path(group);
    std::string steps;
    if (group.quantized)
      steps = "{ [ -s " + dlc_path(true) + " ] || " +
              script_line(tools, "snpe-dlc-quantize",
                          {"--input_dlc", dlc_path(false), "--input_list",
                           quantize_list(job.dir, inputs, options, list), "--output_dlc", dlc_path(true)}) +
              "; } && ";
    steps += "rm -rf " + results_folder(group) + " && " +
             script_line(tools, "snpe_bench.py", {"-json", "-c", config_path(group)}) + " && cp " +
             results_folder(group) + "/latest_results/*.json " + results + ".part && mv " + results + ".part " +
             results;
    // One that fails does not cost the others their turn.
    body += "[ -s " + results + " ] || { " + steps + "; } || { " + failed(group) + "bad=1; }\n";
  }
  return body + "[ -z \"$bad\" ]\n";
}

}  // namespace

void write_script(const std::vector<SnpeJob>& jobs, const std::vector<SnpeJob>& again, const SnpeOptions& options,
                  const Tools& tools) {
  if (options.phones.empty())
    throw Error(Fault::usage, "snpe: a script needs the phone's serial number: --device-option phone=SERIAL");
  if (options.phones.size() > 1)
    throw Error(Fault::usage, "snpe: a script benches on one phone, and " + base::join(options.phones, ", ") +
                                  " are named; for more, give each a run of its own");
  if (!options.container.empty())
    throw Error(Fault::usage, "snpe: script and container exclude each other; run the script inside the container");
  std::vector<ScriptJob> scripts;
  for (const auto* list : {&jobs, &again})
    for (const auto& job : *list) scripts.push_back({job.id, job.dir, steps_of(job, options, tools)});
  write_job_script(options.script, about, scripts);
  for (const auto& job : jobs) {
    Session asked;
    asked.asked = true;
    asked.reason = "the results of " + options.script + " are not here";
    asked.model = print_of(job.dir);
    asked.options = options.describe();
    asked.key = options.key;
    save_session(job.dir, asked);
  }
  throw Error(Fault::unsupported, "snpe: " + std::to_string(jobs.size()) +
                                      (jobs.size() == 1 ? " network has" : " networks have") + " no results yet; run " +
                                      options.script +
                                      " on a machine with the SNPE SDK and the phone (copy its folder there and back), "
                                      "then give the same command again (profile, ssprofile: with --resume)");
}

}  // namespace hwprof::compiling
