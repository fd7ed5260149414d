// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/text.hpp"
#include "compiler/dpu_options.hpp"
#include "hwprof/error.hpp"
#include "measure/settings.hpp"
#include "run/plan.hpp"
#include "run/steps.hpp"

namespace hwprof {
namespace {

base::Json describe(const ProfileOptions& options, const std::string& device) {
  base::Json out = run::describe(options.generate, {device});
  out["batch"] = options.measure.batch;
  out["threads"] = options.measure.threads;
  out["channels-last"] = options.measure.channels_last;
  out["ci"] = options.measure.max_rel_ci;
  out["budget"] = options.measure.budget_s;
  out["measure-seed"] = options.measure.seed;
  if (options.measure.mode != "inference") out["mode"] = options.measure.mode;
  const auto& given = options.measure.device_options;
  const auto lasting = device == "dpu" ? compiling::lasting_dpu_options(given) : given;
  if (!lasting.empty()) out["device-options"] = lasting;
  out["model"] = options.fit.kind;
  out["metric"] = to_string(options.fit.metric);
  out["fit-seed"] = options.fit.seed;
  out["num-blocks"] = options.fit.num_blocks;
  out["ridge"] = options.fit.ridge;
  out["huber"] = options.fit.huber;
  out["nonnegative"] = options.fit.nonnegative;
  if (options.fit.per_class) out["per-class"] = true;
  return out;
}

void check(const ProfileOptions& options) {
  const auto& measure = options.measure;
  const auto refuse = [](const std::string& what) { throw Error(Fault::usage, what); };
  if (measure.batch < 1 || measure.batch > 65536) refuse("batch must be within 1 to 65536");
  if (measure.threads < 1 || measure.threads > 4096) refuse("threads must be within 1 to 4096");
  if (!(measure.max_rel_ci > 0 && measure.max_rel_ci < 1)) refuse("ci must be between 0 and 1 (0.01 is 1 %)");
  if (!(measure.budget_s > 0 && measure.budget_s < 1e9)) refuse("budget must be a positive number of seconds");
  if (!(options.fit.ridge >= 0 && std::isfinite(options.fit.ridge))) refuse("ridge must be 0 or more");
  auto models = list_models();
  models.emplace_back("auto");
  if (options.fit.kind == "transfer")
    refuse("a model of kind 'transfer' needs no profile but a few architectures' costs; see hwprof-cli genmodel");
  if (std::find(models.begin(), models.end(), options.fit.kind) == models.end())
    refuse("model kind " + base::in_quotes(options.fit.kind) + " is not known" +
           base::suggest(options.fit.kind, models));
}

void check_stop(const ProfileOptions& options) {
  if (options.measure.stop && options.measure.stop())
    throw Error(Fault::interrupted, options.generate.dir + ": stopped on request; what was done is kept");
}

/// A space of a few networks may not support the kind that was asked for; the table needs one network only.
Model fit_model(const run::Plan& plan, const std::vector<NetRecord>& records, FitOptions options,
                std::vector<std::string>& notes) {
  constexpr std::size_t few = 8;
  try {
    return plan.file.space->parse_profiling_primitives(records, options);
  } catch (const Error& error) {
    if (error.fault() != Fault::missing || options.kind == "table" || plan.coverage + plan.calibration >= few) throw;
    notes.push_back(std::string(error.what()) + "; the model is a table instead");
  }
  options.kind = "table";
  return plan.file.space->parse_profiling_primitives(records, options);
}

}  // namespace

ProfileSummary profile(const ProfileOptions& asked) {
  const auto begin = std::chrono::steady_clock::now();
  ProfileOptions options = asked;
  if (options.measure.mode == "train" && options.fit.metric == Metric::latency)
    options.fit.metric = Metric::train_latency;
  check(options);
  options.device = run::device_name(options.device);
  (void)make_compiler(options.device);
  if (options.device == "cpu") measuring::check_threads(options.measure.threads);
  const run::Plan plan = run::make_plan(options.generate);
  run::Folder folder(options.generate.dir);
  const auto earlier = options.generate.force ? run::Earlier::replace
                       : options.resume       ? run::Earlier::go_on
                                              : run::Earlier::refuse;
  folder.begin(describe(options, options.device), run::fingerprint(plan), earlier);
  GenerateSummary generated = run::write_plan(folder, plan, options.generate, {options.device});
  check_stop(options);

  const std::string& dir = generated.compiler_dirs.front();
  MeasureSummary measured = run::measure_artifacts(&folder, dir, options.measure);
  const auto records = parse(dir);
  folder.note({run::records_file, run::model_file, run::validation_file});
  save_records(folder.path(run::records_file), records);

  std::vector<std::string> notes = generated.notes;
  Model model = fit_model(plan, records, options.fit, notes);
  save_model(folder.path(run::model_file), model);
  Evaluation validation;
  if (plan.validation > 0) {
    validation = evaluate(model, records);
    base::write_file(folder.path(run::validation_file), to_json(validation, model));
  } else {
    notes.emplace_back("no architecture was kept out of the fit, so the model is not validated");
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  return {std::move(generated), std::move(measured), std::move(model), validation, seconds.count(), std::move(notes)};
}

}  // namespace hwprof
