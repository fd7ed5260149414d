// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "run/folder.hpp"
#include "run/plan.hpp"

namespace hwprof::run {

/// The options that decide what generate() writes, as run.json holds them.
[[nodiscard]] base::Json describe(const GenerateOptions& options, const std::vector<std::string>& compilers);

/// Writes and compiles the plan into a folder that was begun; what is there already stays.
GenerateSummary write_plan(Folder& folder, const Plan& plan, const GenerateOptions& options,
                           const std::vector<std::string>& compilers);

/// Compiles one network into a folder relative to the run's, and lists what the compiler added to it; files that were
/// there stay unlisted. net.yaml and artifact.json are listed by the caller, before.
void compile(Folder& folder, BaseHardwareCompiler& compiler, const Net& net, const std::string& relative,
             std::shared_ptr<const Trained> trained = nullptr);

/// measure() without the lock; folder lists what is written, and may be null for a folder on its own. left_out: ids of
/// networks that are not measured.
MeasureSummary measure_artifacts(Folder* folder, const std::string& compiler_dir, const MeasureOptions& options,
                                 const std::set<std::string>& left_out = {});

/// Numbered artifact folders of a compiler folder, opened.
[[nodiscard]] std::vector<Artifact> open_artifacts(const std::string& compiler_dir);

/// "cuda:0" of ".../hardwares/1-cuda:0". @throws Error(Fault::usage) for a folder not named like that.
[[nodiscard]] std::string compiler_of(const std::string& compiler_dir);

}  // namespace hwprof::run
