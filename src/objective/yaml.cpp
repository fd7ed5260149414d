// SPDX-License-Identifier: Apache-2.0
// Objectives from aw_nas' YAML. Keys that only built the model there (preprocessors, prof_prims_cfg) say
// nothing here, because a model file of ours holds its own, and are passed over by name.
#include "base/yaml.hpp"

#include <algorithm>
#include <filesystem>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/exact.hpp"
#include "hwprof/objective.hpp"
#include "objective/awnas_types.hpp"

namespace hwprof {
namespace {

using base::Yaml;

/// The first of these keys that is there; they are one key's names over the generations.
std::optional<Yaml> find_any(const Yaml& node, std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (auto found = node.find(key)) return found;
  return {};
}

/// most: the greatest cost that the space has, asked for only where the file does not say.
CostForm read_form(const Yaml& node, const std::function<double()>& most) {
  const std::string type = node["type"].text();
  if (type == "hard_limit") {
    node.only({"type", "limit"});
    return hard_limit(node["limit"].number());
  }
  if (type == "mnasnet") {
    node.only({"type", "target", "alpha", "beta"});
    return mnasnet_form(node["target"].number(), objective::number_or(&node, "alpha", -0.07),
                        objective::number_or(&node, "beta", -0.07));
  }
  if (type == "bounded") {
    node.only({"type", "bound", "weight"});
    return bounded_form(node["bound"].number(), objective::number_or(&node, "weight", 0.1));
  }
  if (type == "fbnet_sum" || type == "fbnet_product") {
    node.only({"type", "alpha", "beta", "unit"});
    const double alpha = objective::number_or(&node, "alpha", 0.2), beta = objective::number_or(&node, "beta", 0.6);
    const double unit = objective::number_or(&node, "unit", 1e-3);
    return type == "fbnet_sum" ? fbnet_sum_form(alpha, beta, unit) : fbnet_product_form(alpha, beta, unit);
  }
  if (type == "inverse") {
    node.only({"type", "most", "lambda", "unit"});
    const auto given = node.find("most");
    return inverse_form(given ? given->number() : most(), objective::number_or(&node, "lambda", 0.1),
                        objective::number_or(&node, "unit", 1e-3));
  }
  if (type == "budget") {
    node.only({"type", "budget", "a", "b"});
    return budget_form(node["budget"].number(), objective::number_or(&node, "a", 0),
                       objective::number_or(&node, "b", 1));
  }
  if (type == "log_barrier") {
    node.only({"type", "limit", "weight"});
    return log_barrier_form(node["limit"].number(), node["weight"].number());
  }
  node["type"].fail("unknown form " + base::in_quotes(type) +
                    base::suggest(type, {"hard_limit", "mnasnet", "bounded", "fbnet_sum", "fbnet_product", "inverse",
                                         "budget", "log_barrier"}));
}

class Reader {
 public:
  Reader(const std::string& file, const std::shared_ptr<const MixinProfilingSearchSpace>& space,
         const std::vector<Model>& models, const std::map<std::string, std::shared_ptr<const Objective>>& others)
      : folder_(std::filesystem::path(file).parent_path()), space_(space), models_(models), others_(others) {}

  std::shared_ptr<const Objective> read(const Yaml& node) const {
    const auto type = node.find("objective_type");
    if (!type) return hardware(node);
    const auto cfg = node.find("objective_cfg");
    if (type->text() == "container") return container(cfg ? *cfg : node["objective_cfg"]);
    if (type->text() == "hardware") return hardware(cfg ? *cfg : node["objective_cfg"]);
    if (const auto other = others_.find(type->text()); other != others_.end()) return other->second;
    const Yaml* const settings = cfg ? &*cfg : nullptr;
    if (type->text() == "flops") return objective::flops(settings, space_);
    if (type->text() == "latency")
      return around_task(*type, [&] { return objective::table_latency(settings, folder_, space_); });
    if (type->text() == "classification-with-flops-reg")
      return around_task(*type, [&] { return objective::flops_budget(settings, space_); });
    throw Error(Fault::missing, type->place() + ": objective " + base::in_quotes(type->text()) +
                                    " belongs to the task; whoever loads this file has to give it");
  }

 private:
  /// Types that hold the classification's reward and loss as well.
  template <typename Make>
  std::shared_ptr<const Objective> around_task(const Yaml& type, Make cost) const {
    const auto task = others_.find("classification");
    if (task == others_.end())
      throw Error(Fault::missing, type.place() + ": objective " + base::in_quotes(type.text()) +
                                      " holds the task's reward and loss; whoever loads this file has to give them, as "
                                      "'classification'");
    return std::make_shared<ContainerObjective>(std::vector<std::shared_ptr<const Objective>>{task->second, cost()});
  }

  std::shared_ptr<const Objective> container(const Yaml& cfg) const {
    cfg.only({"sub_objectives", "losses_coef", "rewards_coef", "schedule_cfg"});
    std::vector<std::shared_ptr<const Objective>> parts;
    for (const auto& part : cfg["sub_objectives"].list()) {
      part.only({"objective_type", "objective_cfg"});
      (void)part["objective_type"];
      parts.push_back(read(part));
    }
    const auto coefs = [&](const char* key) {
      const auto found = cfg.find(key);
      if (!found) return std::vector<double>{};
      auto values = found->numbers();
      if (values.size() != parts.size())
        found->fail(std::to_string(parts.size()) + " numbers are expected, one per objective, found " +
                    std::to_string(values.size()));
      return values;
    };
    return std::make_shared<ContainerObjective>(parts, coefs("losses_coef"), coefs("rewards_coef"));
  }

  std::shared_ptr<const Objective> hardware(const Yaml& cfg) const {
    cfg.only({"hardware_perfmodel_type", "hardware_perfmodel_cfg", "hardware_model_paths", "hardware_obj_type",
              "hardware_obj_cfg", "hardware_model_path", "perf_names", "preprocessors", "prof_prims_cfg",
              "schedule_cfg", "forms"});
    std::vector<std::string> names{"latency"};
    if (const auto given = cfg.find("perf_names")) names = given->texts();
    const auto paths = find_any(cfg, {"hardware_model_paths", "hardware_model_path"});
    std::vector<Yaml> files;
    if (paths && paths->is_list())
      files = paths->list();
    else if (paths)
      files = {*paths};
    if (!files.empty() && files.size() != names.size())
      paths->fail(std::to_string(names.size()) + " models are expected, one per perf, found " +
                  std::to_string(files.size()));
    std::vector<Yaml> forms;
    if (const auto given = cfg.find("forms")) {
      forms = given->list();
      if (forms.size() != names.size())
        given->fail(std::to_string(names.size()) + " forms are expected, one per perf, found " +
                    std::to_string(forms.size()));
    }
    std::vector<HardwarePerf> perfs;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const bool from_file = !files.empty() && !files[i].is_null();
      HardwarePerf perf{names[i], from_file ? load(files[i]) : given(cfg, names[i]), {}};
      if (!forms.empty() && !forms[i].is_null()) {
        try {
          perf.form = read_form(forms[i], [&] { return most_of(forms[i], std::get<Model>(perf.model)); });
        } catch (const Error& error) {
          if (error.fault() == Fault::input) throw;
          forms[i].fail(error.what());
        }
      }
      perfs.push_back(std::move(perf));
    }
    try {
      return std::make_shared<HardwareObjective>(space_, std::move(perfs));
    } catch (const Error& error) {
      if (error.fault() != Fault::usage) throw;
      cfg.find("perf_names").value_or(cfg).fail(error.what());
    }
  }

  double most_of(const Yaml& form, const Model& model) const {
    if (!space_) throw Error(Fault::usage, "a hardware objective needs a search space");
    const Predictor cost(*space_, model);
    if (!cost.is_sum()) form.fail("the key most is expected: the costliest architecture is known of sums alone");
    return costliest(cost).cost;
  }

  Model load(const Yaml& node) const {
    const std::string name = node.text();
    if (base::ends_with(name, ".pkl") || base::ends_with(name, ".pickle"))
      throw Error(Fault::unsupported, node.place() + ": " + base::in_quotes(name) +
                                          " is a Python pickle; turn a table or a regression into JSON with "
                                          "scripts/export_awnas_pickle.py, or fit a model anew from the measurements "
                                          "(hwprof-cli genmodel), and name the JSON file here");
    return load_model((folder_ / name).string());
  }

  const Model& given(const Yaml& cfg, const std::string& name) const {
    for (const auto& model : models_)
      if (to_string(model.metric()) == name) return model;
    throw Error(Fault::missing, cfg.place() + ": no model of " + base::in_quotes(name) + " is given");
  }

  std::filesystem::path folder_;
  const std::shared_ptr<const MixinProfilingSearchSpace>& space_;
  const std::vector<Model>& models_;
  const std::map<std::string, std::shared_ptr<const Objective>>& others_;
};

}  // namespace

std::shared_ptr<const Objective> load_objective(const std::string& file,
                                                const std::shared_ptr<const MixinProfilingSearchSpace>& space,
                                                const std::vector<Model>& models,
                                                const std::map<std::string, std::shared_ptr<const Objective>>& others) {
  const Yaml yaml = Yaml::load(file);
  if (!yaml.find("objective_type") && !find_any(yaml, {"hardware_perfmodel_type", "hardware_obj_type"}))
    yaml.fail("an objective is expected: key objective_type, or hardware_perfmodel_type or hardware_obj_type");
  return Reader(file, space, models, others).read(yaml);
}

}  // namespace hwprof
