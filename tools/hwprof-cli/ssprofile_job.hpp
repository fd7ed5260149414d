// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli.hpp"
#include "hwprof/ssprofile.hpp"

namespace hwprof_cli {

/// What accuracy and ssprofile share.
struct SsprofileCall {
  hwprof::SsprofileOptions job;
  int gpu = -1;
  bool dry_run = false;
};

/// CONFIG, --profile-dir, --data, --gpu, --jobs, --seed, --resume, --dry-run-accuracy
void add_ssprofile_options(CLI::App* verb, SsprofileCall& call);

/// What is drawn at random instead, by the options and by ssprofile's environment variables: DEBUG, DEBUG_ACC and
/// DEBUG_LAT ask for it, unless they are empty or "0".
void settle_dry_run(SsprofileCall& call);

/// Runs the job with a progress bar and signals caught.
[[nodiscard]] hwprof::SsprofileSummary run_ssprofile(const Cli& cli, SsprofileCall& call);

/// "Res_1_1  91.2 % ± 0.8 %" and the like, a line a network.
void print_accuracies(const hwprof::SsprofileSummary& summary);

}  // namespace hwprof_cli
