// SPDX-License-Identifier: Apache-2.0
#include "ssprofile_job.hpp"

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "hwprof/error.hpp"
#include "output.hpp"
#include "terminal.hpp"

namespace hwprof_cli {
namespace {

bool is_on(const char* variable) {
  const char* value = std::getenv(variable);
  const std::string text = value == nullptr ? "" : value;
  return !text.empty() && text != "0";
}

}  // namespace

void add_ssprofile_options(CLI::App* verb, SsprofileCall& call) {
  auto& job = call.job;
  verb->add_option("CONFIG", job.config, "Configuration of ssprofile or aw_nas, or a space of kind ssbn")->required();
  verb->add_option("--profile-dir", job.dir, "Profile folder")->required();
  verb->add_option("--data", job.data, "fashion-mnist[:DIR], idx:DIR, cifar10:DIR or folder:DIR");
  verb->add_option("--gpu", call.gpu, "Number of the GPU to train on; the CPU without")->check(number_from_zero());
  verb->add_option("--jobs", job.jobs, "Networks trained at once on the CPU")->check(positive_number());
  verb->add_option("--seed", job.seed, "Seed of everything that is drawn")->check(number_from_zero());
  verb->add_flag("--dry-run-accuracy", job.dry_accuracy, "Random accuracies, to try the rest");
  verb->add_flag("--resume", job.resume, "Go on with a run that was stopped");
}

void settle_dry_run(SsprofileCall& call) {
  auto& job = call.job;
  const bool debug = is_on("DEBUG") || call.dry_run;
  const bool trains = job.objective == "accuracy";
  if (trains && (debug || is_on("DEBUG_ACC"))) job.dry_accuracy = true;
  if (debug || is_on("DEBUG_LAT")) job.dry_latency = true;
}

hwprof::SsprofileSummary run_ssprofile(const Cli& cli, SsprofileCall& call) {
  prepare_training();
  auto& job = call.job;
  if (call.gpu >= 0) job.train_device = "cuda:" + std::to_string(call.gpu);
  catch_signals();
  job.stop = stop_requested;
  ProgressBar bar(!cli.quiet);
  job.progress = [&bar](const hwprof::Progress& progress) { bar.show(progress); };
  try {
    return hwprof::ssprofile(job);
  } catch (const hwprof::Error& error) {
    if (error.fault() != hwprof::Fault::interrupted) throw;
    throw hwprof::Error(error.fault(), std::string(error.what()) + "; the same command with --resume goes on");
  }
}

void print_accuracies(const hwprof::SsprofileSummary& summary) {
  std::string text;
  std::size_t reused = 0;
  const auto share = [](std::size_t right, std::size_t images) {
    char number[32];
    std::snprintf(number, sizeof number, "%.2f %%",
                  100 * static_cast<double>(right) / static_cast<double>(images == 0 ? 1 : images));
    return std::string(number);
  };
  for (const auto& row : summary.accuracies) {
    reused += row.reused ? 1 : 0;
    text += (text.empty() ? "" : "\n") + row.id + "  ";
    if (!row.failure.empty()) {
      text += "failed: " + row.failure;
      continue;
    }
    text += share(row.right, row.images);
    if (row.test_images > 0) text += "  (test set " + share(row.test_right, row.test_images) + ")";
  }
  for (const auto& what : summary.dry_run)
    print_row("dry run", what == "accuracy" ? "accuracies are random numbers" : "latencies are random numbers");
  print_row("accuracy", text);
  if (reused > 0) print_row("kept", count(reused, "network") + " of an earlier call");
}

}  // namespace hwprof_cli
