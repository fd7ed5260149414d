// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <memory>
#include <set>

#include "base/text.hpp"
#include "base/yaml.hpp"
#include "hwprof/error.hpp"
#include "run/plan.hpp"
#include "run/steps.hpp"

namespace hwprof {
namespace fs = std::filesystem;
namespace {

/// The text of a space file; a built-in space, which has none, is named by its kind.
std::string space_text(const GenerateOptions& options, const SpaceFile& file) {
  if (base::exists(options.space_file)) return base::read_file(options.space_file);
  return "kind: " + base::yaml_scalar(file.kind) + "\n";
}

std::vector<std::string> all_compilers(const GenerateOptions& options, const SpaceFile& file) {
  std::vector<std::string> names;
  for (const auto* given : {&file.compilers, &options.compilers})
    for (const auto& one : *given)
      if (const auto name = run::device_name(one); std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(name);
  return names;
}

}  // namespace

void run::compile(Folder& folder, BaseHardwareCompiler& compiler, const Net& net, const std::string& relative,
                  std::shared_ptr<const Trained> trained) {
  const std::string dir = folder.path(relative);
  const auto before = base::list_tree(dir);
  compiler.compile(net, dir, std::move(trained));
  std::vector<std::string> added;
  for (const auto& file : base::list_tree(dir))
    if (!std::binary_search(before.begin(), before.end(), file)) added.push_back((fs::path(relative) / file).string());
  folder.manifest().add(added);
}

base::Json run::describe(const GenerateOptions& options, const std::vector<std::string>& compilers) {
  base::Json out{{"compilers", compilers},
                 {"num-sample", options.num_sample},
                 {"calibration", options.calibration_nets},
                 {"validation", options.validation_nets},
                 {"image-size", options.image_size},
                 {"max-layers", options.max_layers},
                 {"seed", options.seed}};
  if (options.isolated) out["isolated"] = true;
  return out;
}

GenerateSummary run::write_plan(Folder& folder, const Plan& plan, const GenerateOptions& options,
                                const std::vector<std::string>& compilers) {
  std::vector<std::unique_ptr<BaseHardwareCompiler>> made;
  GenerateSummary summary;
  std::vector<std::string> dirs;
  for (std::size_t k = 0; k < compilers.size(); ++k) {
    made.push_back(make_compiler(compilers[k]));
    dirs.push_back(std::string(hardwares_folder) + "/" + std::to_string(k) + "-" + compilers[k]);
    summary.compiler_dirs.push_back(folder.path(dirs.back()));
  }

  std::vector<std::string> paths{config_file, prims_file};
  if (!options.hardware_file.empty()) paths.emplace_back(hardware_config_file);
  for (const auto& net : plan.nets) paths.push_back(std::string(nets_folder) + "/" + net.id + ".yaml");
  for (const auto& dir : dirs)
    for (const auto& net : plan.nets)
      for (const char* name : {"net.yaml", "artifact.json"})  // what compile() itself writes
        paths.push_back(std::string(dir).append("/").append(net.id).append("/").append(name));
  folder.note(paths);

  base::write_file(folder.path(config_file), plan.config.empty() ? space_text(options, plan.file) : plan.config);
  if (!options.hardware_file.empty())
    base::write_file(folder.path(hardware_config_file), base::read_file(options.hardware_file));
  save_prims(folder.path(prims_file), plan.prims);
  for (const auto& net : plan.nets)
    save_net(folder.path(std::string(nets_folder) + "/" + net.id + ".yaml"), net, plan.file.base_cfg_template);
  for (std::size_t k = 0; k < made.size(); ++k)
    for (const auto& net : plan.nets) compile(folder, *made[k], net, dirs[k] + "/" + net.id);

  summary.prims = plan.prims.size();
  summary.nets = plan.nets.size();
  summary.coverage = plan.coverage;
  summary.calibration = plan.calibration;
  summary.validation = plan.validation;
  summary.packing = plan.packing;
  summary.notes = plan.notes;
  return summary;
}

GenerateSummary generate(const GenerateOptions& options) {
  const run::Plan plan = run::make_plan(options);
  const auto compilers = all_compilers(options, plan.file);
  for (const auto& name : compilers) (void)make_compiler(name);  // an unknown one is refused before anything is written
  run::Folder folder(options.dir);
  folder.begin(run::describe(options, compilers), run::fingerprint(plan),
               options.force ? run::Earlier::replace : run::Earlier::go_on);
  return run::write_plan(folder, plan, options, compilers);
}

SpaceFile open_space(const std::string& run_dir) {
  const auto options = run::read_run(run_dir)["options"];
  const auto image_size = static_cast<int>(options["image-size"].integer(0, 1 << 14));
  const std::string hardware = (fs::path(run_dir) / run::hardware_config_file).string();
  return load_space((fs::path(run_dir) / run::config_file).string(), base::exists(hardware) ? hardware : std::string(),
                    image_size);
}

}  // namespace hwprof
