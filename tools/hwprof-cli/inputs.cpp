// SPDX-License-Identifier: Apache-2.0
#include "inputs.hpp"

#include <filesystem>

#include "cli.hpp"
#include "hwprof/error.hpp"

namespace hwprof_cli {
namespace fs = std::filesystem;

void add_space_options(CLI::App* verb, SpaceChoice& choice) {
  verb->add_option("--space", choice.file, "Search space: a YAML file or a built-in name");
  verb->add_option("--hardware", choice.hardware, "aw_nas' second file");
  verb->add_option("--image-size", choice.image_size, "Height and width of the input")->check(positive_number());
}

ModelChoice::ModelChoice(const std::string& path) : file(path) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) file = (fs::path(path) / "model.json").string();
  if (!fs::exists(file, ignored))
    throw hwprof::Error(hwprof::Fault::input, file + ": no such model; a model file or a run folder is expected");
  const fs::path folder = fs::path(file).parent_path();
  if (fs::exists(folder / "run.json", ignored)) run = folder.empty() ? "." : folder.string();
}

std::optional<hwprof::SpaceFile> open_space(const SpaceChoice& choice, const ModelChoice& model) {
  if (!choice.file.empty()) return hwprof::load_space(choice.file, choice.hardware, choice.image_size);
  if (!choice.hardware.empty() || choice.image_size > 0)
    throw hwprof::Error(hwprof::Fault::usage, "--hardware and --image-size belong to --space, which is not given");
  if (model.run.empty()) return {};
  return hwprof::open_space(model.run);
}

void check_space(const hwprof::MixinProfilingSearchSpace& space, const hwprof::Model& model) {
  std::vector<std::size_t> options;
  for (const auto& decision : space.decisions()) options.push_back(decision.options.size());
  if (options == model.arch_options()) return;
  const auto text = [](const std::vector<std::size_t>& numbers) {
    std::string out;
    for (const auto number : numbers) out += (out.empty() ? "" : ".") + std::to_string(number);
    return out;
  };
  throw hwprof::Error(hwprof::Fault::usage, "the model was fitted on a space with the options " +
                                                text(model.arch_options()) + " of its decisions, and this one has " +
                                                text(options));
}

}  // namespace hwprof_cli
