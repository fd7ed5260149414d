// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "hwprof/compiler.hpp"
#include "hwprof/format.hpp"
#include "hwprof/model.hpp"

namespace hwprof_cli {

/// The command line: what all verbs share, and what the chosen verb will do.
struct Cli {
  CLI::App app{"Profiles network search spaces on hardware and predicts the cost of their networks.", "hwprof-cli"};
  bool json = false;   ///< one JSON document on standard output
  bool quiet = false;  ///< nothing for people but errors
  std::vector<std::string> plugins;
  std::function<void()> action;
};

/// A verb; action runs after the whole command line was read.
CLI::App* add_verb(Cli& cli, const std::string& name, const std::string& description, std::function<void()> action);

void add_output_options(CLI::App* verb, Cli& cli);                         ///< --json, --quiet
void add_plugin_option(CLI::App* verb, Cli& cli);                          ///< --plugin
void add_device_options(CLI::App* verb, hwprof::MeasureOptions& options);  ///< --device-option and short forms
void add_measure_options(CLI::App* verb, hwprof::MeasureOptions& options);
void add_training_options(CLI::App* verb, hwprof::MeasureOptions& options);
void add_fit_options(CLI::App* verb, hwprof::FitOptions& options);

/// An option that takes one value each time it is given.
CLI::Option* add_repeatable(CLI::App* verb, const std::string& name, std::vector<std::string>& values,
                            const std::string& description);

/// Checks of numeric options, with messages that say no more than the bound.
[[nodiscard]] CLI::Validator positive_number();
[[nodiscard]] CLI::Validator number_from_zero();

/// Loads the plug-ins and registers the compilers of this build. Only verbs that need a compiler call it.
void prepare_compilers(const Cli& cli);

/// Registers what this build can train models with. Verbs that fit call it.
void prepare_models();

/// Registers what this build can train networks with.
void prepare_training();

/// @throws Error(Fault::unsupported) for a device that libtorch would give, in a build or on a machine without.
void check_device(const std::string& device);

/// Whether this build has the libtorch compilers.
[[nodiscard]] bool has_torch() noexcept;

/// What --device takes on this machine; call prepare_compilers() before.
[[nodiscard]] std::vector<std::string> devices();

/// hwprof::read_torchscript and hwprof::output_difference; Error(Fault::unsupported) in a build without libtorch.
[[nodiscard]] hwprof::OnnxNet read_script(const std::string& file, const hwprof::Shape& input);
[[nodiscard]] double difference(const hwprof::Graph& a, const hwprof::Graph& b, const hwprof::Shape& input);

/// @throws Error(Fault::usage) when file is there and force is not set.
void check_new_file(const std::string& file, bool force);

// One per source file.
void add_profile(Cli& cli);
void add_genprof(Cli& cli);
void add_jobs(Cli& cli);
void add_measure(Cli& cli);
void add_quantize(Cli& cli);
void add_compile(Cli& cli);
void add_deploy(Cli& cli);
void add_net2primitive(Cli& cli);
void add_bench(Cli& cli);
void add_table(Cli& cli);
void add_genmodel(Cli& cli);
void add_predict(Cli& cli);
void add_evaluate(Cli& cli);
void add_export(Cli& cli);
void add_clean_prototxt(Cli& cli);
void add_sample(Cli& cli);
void add_check(Cli& cli);
void add_choose(Cli& cli);
void add_search(Cli& cli);
void add_pareto(Cli& cli);
void add_count(Cli& cli);
void add_fingerprint(Cli& cli);
void add_fusion(Cli& cli);
void add_accuracy(Cli& cli);
void add_ssprofile(Cli& cli);
void add_list(Cli& cli);
void add_completion(Cli& cli);
void add_help(Cli& cli);

}  // namespace hwprof_cli
