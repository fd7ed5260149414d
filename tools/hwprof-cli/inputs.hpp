// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "hwprof/run.hpp"

namespace hwprof_cli {

/// Where a verb takes its search space from.
struct SpaceChoice {
  std::string file, hardware;
  int image_size = 0;
};
void add_space_options(CLI::App* verb, SpaceChoice& choice);  ///< --space, --hardware, --image-size

/// --model: a model file or a run folder. Next to a model file may lie the run that it came from.
struct ModelChoice {
  explicit ModelChoice(const std::string& path);
  std::string file;  ///< the model file
  std::string run;   ///< the run folder, empty when there is none
};

/// The space that was named, else that of the model's run.
[[nodiscard]] std::optional<hwprof::SpaceFile> open_space(const SpaceChoice& choice, const ModelChoice& model);

/// @throws Error(Fault::usage) when a model of architectures is of another space.
void check_space(const hwprof::MixinProfilingSearchSpace& space, const hwprof::Model& model);

}  // namespace hwprof_cli
