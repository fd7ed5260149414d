// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <iostream>
#include <memory>

#include "cli.hpp"
#include "hwprof/run.hpp"
#include "hwprof/version.hpp"
#include "output.hpp"
#include "terminal.hpp"

namespace hwprof_cli {
namespace {

struct Options {
  hwprof::ProfileOptions profile;
  std::uint64_t seed = 0;
};

void print_report(const hwprof::ProfileSummary& summary, const std::string& dir) {
  print_generated(summary.generated);
  print_measured(summary.measured);
  print_model(summary.model);
  print_evaluation(summary.validation, true);
  for (const auto& note : summary.notes) print_row("note", note);
  print_row("took", seconds_text(summary.seconds));
  const std::filesystem::path run(dir);
  std::string files = (run / "records.jsonl").string() + "  measurements\n" + (run / "model.json").string() + "  model";
  if (summary.validation.n > 0) files += "\n" + (run / "validation.json").string() + "  held-out error";
  print_row("files", files);
  print_row("next", "hwprof-cli predict --model " + dir + " --sample 5");
}

Json report(const hwprof::ProfileSummary& summary, const std::string& dir) {
  const std::filesystem::path run(dir);
  Json validation = nullptr;
  Json files{{"records", (run / "records.jsonl").string()}, {"model", (run / "model.json").string()}};
  if (summary.validation.n > 0) {
    validation = Json::parse(hwprof::to_json(summary.validation, summary.model));
    files["validation"] = (run / "validation.json").string();
  }
  return {{"schema", "hwprof.profile/1"},
          {"version", hwprof::version},
          {"out", dir},
          {"generated", to_json(summary.generated)},
          {"measured", to_json(summary.measured)},
          {"model", to_json(summary.model)},
          {"validation", validation},
          {"notes", summary.notes},
          {"files", files},
          {"seconds", summary.seconds}};
}

void profile(const Cli& cli, Options& options) {
  prepare_models();
  prepare_compilers(cli);
  auto& job = options.profile;
  check_device(job.device);
  job.generate.seed = job.measure.seed = job.fit.seed = options.seed;
  catch_signals();
  job.measure.stop = stop_requested;
  const auto summary = [&cli, &job] {
    ProgressBar bar(!cli.quiet);
    job.measure.progress = [&bar](const hwprof::Progress& progress) { bar.show(progress); };
    try {
      return hwprof::profile(job);
    } catch (const hwprof::Error& error) {
      if (error.fault() != hwprof::Fault::interrupted) throw;
      throw hwprof::Error(error.fault(), std::string(error.what()) + "; the same command with --resume goes on");
    }
  }();
  if (cli.json)
    print_json(report(summary, job.generate.dir));
  else if (!cli.quiet)
    print_report(summary, job.generate.dir);
}

}  // namespace

void add_profile(Cli& cli) {
  auto options = std::make_shared<Options>();
  auto& job = options->profile;
  job.generate.calibration_nets = 40;
  job.generate.validation_nets = 32;
  job.measure.budget_s = 100;
  CLI::App* verb = add_verb(cli, "profile", "Measure a search space on a device and fit a cost model",
                            [&cli, options] { profile(cli, *options); });
  verb->add_option("SPACE", job.generate.space_file, "Search space: a YAML file or a built-in name")->required();
  verb->add_option("--out", job.generate.dir, "Run folder")->required();
  verb->add_option("--device", job.device, "Device, e.g. cpu or cuda:0");
  verb->add_option("--hardware", job.generate.hardware_file, "aw_nas' second file");
  verb->add_option("--image-size", job.generate.image_size, "Height and width of the input")->check(positive_number());
  verb->add_option("--max-layers", job.generate.max_layers, "Primitives in a packed network")->check(positive_number());
  verb->add_flag("--isolated", job.generate.isolated, "A network for each primitive alone");
  verb->add_option("--calibration", job.generate.calibration_nets, "Sampled architectures to fit on");
  verb->add_option("--validation", job.generate.validation_nets, "Sampled architectures kept out of the fit");
  add_measure_options(verb, job.measure);
  add_training_options(verb, job.measure);
  verb->add_option("--seed", options->seed, "Seed of everything that is drawn")->check(number_from_zero());
  verb->add_option("--model", job.fit.kind, "Kind of the model");
  add_fit_options(verb, job.fit);
  add_plugin_option(verb, cli);
  verb->add_flag("--resume", job.resume, "Go on with a run that was stopped");
  verb->add_flag("--force", job.generate.force, "Replace an earlier run");
  add_output_options(verb, cli);
}

}  // namespace hwprof_cli
