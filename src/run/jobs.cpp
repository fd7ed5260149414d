// SPDX-License-Identifier: Apache-2.0
#include "hwprof/jobs.hpp"

#include <algorithm>
#include <filesystem>
#include <numeric>
#include <set>

#include "base/text.hpp"
#include "base/yaml.hpp"
#include "hwprof/error.hpp"
#include "hwprof/format.hpp"
#include "hwprof/prune.hpp"
#include "run/calibration.hpp"
#include "run/jobs.hpp"
#include "run/steps.hpp"

namespace hwprof {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t most_jobs = 100000;
constexpr int most_batch = 1 << 20;
constexpr int most_repeats = 1000;
constexpr int most_calibration = 10000;

template <typename T>
void check_list(const std::vector<T>& list, const std::string& what) {
  if (list.empty()) throw Error(Fault::usage, "jobs: no " + what + " is given");
  std::set<T> seen;
  for (const T& one : list)
    if (!seen.insert(one).second) throw Error(Fault::usage, "jobs: a " + what + " is given twice");
}

/// A name that is safe in paths and has no slash.
std::string name_of(const std::string& file) {
  std::string name = fs::path(file).stem().string();
  for (char& c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-')) c = '_';
  return name;
}

/// Also with a level behind it, which is no part of a family's name.
bool is_called_calibration(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return base::starts_with(name, run::calibration_name);
}

void check(const JobPlan& plan) {
  if (plan.calibration == 0 || plan.image_size == 0 || !plan.networks.empty()) check_list(plan.networks, "network");
  check_list(plan.levels, "level");
  check_list(plan.strategies, "strategy");
  check_list(plan.modes, "mode");
  check_list(plan.batches, "batch");
  const auto refuse = [](const std::string& what) { throw Error(Fault::usage, "jobs: " + what); };
  const auto known = list_prune_strategies();
  for (const auto& strategy : plan.strategies)
    if (std::find(known.begin(), known.end(), strategy) == known.end())
      refuse("unknown strategy " + base::in_quotes(strategy) + base::suggest(strategy, known));
  for (const auto& mode : plan.modes)
    if (mode != "inference" && mode != "train")
      refuse("mode must be inference or train, found " + base::in_quotes(mode));
  for (const int batch : plan.batches)
    if (batch < 1 || batch > most_batch)
      refuse("batch must be from 1 to " + std::to_string(most_batch) + ", found " + std::to_string(batch));
  if (plan.repeats < 1 || plan.repeats > most_repeats)
    refuse("repeats must be from 1 to " + std::to_string(most_repeats) + ", found " + std::to_string(plan.repeats));
  if (plan.calibration < 0 || plan.calibration > most_calibration)
    refuse("calibration must be from 0 to " + std::to_string(most_calibration) + ", found " +
           std::to_string(plan.calibration));
  for (const auto& file : plan.networks)
    if (is_called_calibration(name_of(file)))
      refuse(file + ": drawn networks, which a fit is never judged by, have that name; give it another");
  const double each = static_cast<double>(plan.levels.size()) * static_cast<double>(plan.strategies.size()) *
                      plan.repeats * static_cast<double>(plan.modes.size()) * static_cast<double>(plan.batches.size());
  const double drawn = static_cast<double>(plan.calibration) * static_cast<double>(plan.modes.size());
  if (each * static_cast<double>(plan.networks.size()) + drawn > static_cast<double>(most_jobs))
    refuse("the lists make more than " + std::to_string(most_jobs) + " jobs");
}

Net from_graph(Graph graph, const Shape& input, const std::string& file, int image_size) {
  if (input[2] != input[3])
    throw Error(Fault::input, file + ": its input is " + std::to_string(input[2]) + "x" + std::to_string(input[3]) +
                                  ", and a square one is expected");
  constexpr std::int64_t largest = 65536;
  if (input[2] > largest || input[1] > largest) throw Error(Fault::input, file + ": its input is too large");
  Net net;
  net.image_size = image_size > 0 ? image_size : static_cast<int>(input[2]);
  net.image_channels = static_cast<int>(input[1]);
  net.graph = std::make_shared<const Graph>(std::move(graph));
  return net;
}

Net from_space(const std::string& file, int image_size) {
  const auto space = load_space(file, {}, image_size);
  const auto decisions = space.space->decisions();
  for (const auto& decision : decisions)
    if (decision.options.size() != 1)
      throw Error(Fault::input, file + ": is a space with choices (" + decision.name +
                                    "); a single network is expected, as in 'kind: listed'");
  return space.space->network(Arch(decisions.size(), 0));
}

Shape input_of(const Net& net) {
  return {1, net.image_channels, net.image_size, net.image_size};
}

/// A seed for every random pruning; the same whatever else the plan holds.
std::uint64_t seed_of(const JobPlan& plan, const std::string& arch) {
  std::uint64_t state = 0xcbf29ce484222325U ^ plan.seed;  // FNV-1a
  for (const char c : arch) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return state;
}

/// The networks of one file at all levels.
class Pruner {
 public:
  Pruner(const JobPlan& plan, Notes& notes) : plan_(plan), notes_(notes) {}

  std::vector<Net> run(const std::string& file) {
    Net whole = load_network(file, plan_.image_size);
    const std::string name = whole.id;
    const Graph graph = lower(whole);
    std::vector<Net> nets;
    for (const double level : plan_.levels) {
      if (level == 0) {
        nets.push_back(whole);
        nets.back().arch = name;
        if (nets.back().graph) nets.back().graph = std::make_shared<const Graph>(bare(*whole.graph));
        continue;
      }
      for (const auto& strategy : plan_.strategies) {
        const int repeats = strategy == "random" ? plan_.repeats : 1;
        for (int repeat = 0; repeat < repeats; ++repeat) nets.push_back(pruned(whole, graph, strategy, level, repeat));
      }
    }
    return nets;
  }

 private:
  static Graph bare(Graph graph) {
    for (Op& op : graph.ops) op.weights.clear();
    return graph;
  }

  Net pruned(const Net& whole, const Graph& graph, const std::string& strategy, double level, int repeat) {
    Net net = whole;
    net.layers.clear();
    net.arch = whole.id + "/" + strategy + "/" + base::format_number(level) + "/" + std::to_string(repeat);
    PruneOptions options;
    options.level = level;
    options.strategy = strategy;
    options.per_layer = plan_.per_layer;
    options.seed = strategy == "random" ? seed_of(plan_, net.arch) : plan_.seed;
    PruneSummary summary;
    Graph cut = bare(prune(graph, input_of(whole), options, &summary));
    cut.name = net.arch;
    net.graph = std::make_shared<const Graph>(std::move(cut));
    for (const auto& note : summary.notes) notes_.push_back(net.arch + ": " + note);
    const double asked = level * static_cast<double>(summary.prunable);
    if (static_cast<double>(summary.removed) < 0.9 * asked)
      notes_.push_back(net.arch + ": " + std::to_string(summary.removed) + " of " + std::to_string(summary.prunable) +
                       " filters could be taken out");
    return net;
  }

  const JobPlan& plan_;
  Notes& notes_;
};

std::string list_text(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "" : ", ") + base::yaml_scalar(text);
  return "[" + out + "]";
}

template <typename T>
std::string numbers_text(const std::vector<T>& numbers) {
  std::vector<std::string> texts;
  for (const T number : numbers) texts.push_back(base::format_number(static_cast<double>(number)));
  return "[" + base::join(texts, ", ") + "]";
}

base::Json describe(const JobPlan& plan, const std::vector<std::string>& compilers) {
  std::vector<std::string> names;
  for (const auto& file : plan.networks) names.push_back(name_of(file));
  return {{"compilers", compilers},
          {"networks", names},
          {"levels", plan.levels},
          {"strategies", plan.strategies},
          {"repeats", plan.repeats},
          {"per-layer", plan.per_layer},
          {"modes", plan.modes},
          {"batches", plan.batches},
          {"image-size", plan.image_size},
          {"seed", plan.seed},
          {"calibration", plan.calibration}};
}

std::string plan_text(const JobPlan& plan) {
  std::string out = "kind: jobs\nnetworks: " + list_text(plan.networks) + "\nlevels: " + numbers_text(plan.levels) +
                    "\nstrategies: " + list_text(plan.strategies) + "\nrepeats: " + std::to_string(plan.repeats) +
                    "\nper_layer: " + (plan.per_layer ? "true" : "false") + "\nmodes: " + list_text(plan.modes) +
                    "\nbatches: " + numbers_text(plan.batches) + "\n";
  if (plan.image_size > 0) out += "image_size: " + std::to_string(plan.image_size) + "\n";
  if (plan.calibration > 0) out += "calibration: " + std::to_string(plan.calibration) + "\n";
  return out + "seed: " + std::to_string(plan.seed) + "\n" + (plan.till_first_fail ? "till_first_fail: true\n" : "");
}

}  // namespace

namespace {

JobPlan plan_of_yaml(const std::string& file) {
  const auto yaml = base::Yaml::load(file);
  yaml.only({"kind", "networks", "levels", "strategies", "repeats", "per_layer", "modes", "batches", "image_size",
             "seed", "calibration", "till_first_fail"});
  if (const auto kind = yaml.find("kind"); kind && kind->text() != "jobs")
    kind->fail("jobs is expected, found " + base::in_quotes(kind->text()));
  JobPlan plan;
  if (const auto networks = yaml.find("networks"))
    for (const auto& name : networks->texts()) {
      const fs::path path(name);
      plan.networks.push_back(path.is_absolute() ? name : (fs::path(file).parent_path() / path).string());
    }
  if (const auto levels = yaml.find("levels")) plan.levels = levels->numbers();
  if (const auto strategies = yaml.find("strategies")) plan.strategies = strategies->texts();
  if (const auto repeats = yaml.find("repeats")) plan.repeats = repeats->integer(1, most_repeats);
  if (const auto per_layer = yaml.find("per_layer")) plan.per_layer = per_layer->boolean();
  if (const auto modes = yaml.find("modes")) plan.modes = modes->texts();
  if (const auto batches = yaml.find("batches")) plan.batches = batches->integers(1, most_batch);
  if (const auto size = yaml.find("image_size")) plan.image_size = size->integer(1, 65536);
  if (const auto seed = yaml.find("seed")) {
    if (seed->integer() < 0) seed->fail("a number from 0 is expected");
    plan.seed = static_cast<std::uint64_t>(seed->integer());
  }
  if (const auto drawn = yaml.find("calibration")) plan.calibration = drawn->integer(0, most_calibration);
  if (const auto till = yaml.find("till_first_fail")) plan.till_first_fail = till->boolean();
  return plan;
}

}  // namespace

JobPlan load_job_plan(const std::string& file) {
  JobPlan plan = fs::path(file).extension() == ".ini" ? run::plan_of_config(file) : plan_of_yaml(file);
  try {
    check(plan);
  } catch (const Error& error) {
    throw Error(Fault::input, file + ": " + error.what());
  }
  return plan;
}

Net load_network(const std::string& file, int image_size) {
  if (image_size < 0 || image_size > 65536)
    throw Error(Fault::usage, "the image size must be from 1 to 65536, found " + std::to_string(image_size));
  Net net;
  if (fs::path(file).extension() == ".onnx") {
    OnnxNet read = read_onnx(file);
    net = from_graph(std::move(read.graph), read.input, file, image_size);
  } else if (base::Yaml::load(file).find("final_model_cfg")) {
    net = load_net(file);
    if (image_size > 0 && image_size != net.image_size && !net.graph)
      throw Error(Fault::input, file + ": is made of primitives for images of " + std::to_string(net.image_size) +
                                    " pixels and cannot take others");
    if (image_size > 0) net.image_size = image_size;
  } else {
    net = from_space(file, image_size);
  }
  net.id = name_of(file);
  net.purpose.clear();
  try {
    (void)infer_shapes(lower(net), input_of(net));
  } catch (const Error& error) {
    throw Error(error.fault(), file + ": " + error.what());
  }
  return net;
}

std::vector<Net> make_jobs(const JobPlan& plan, Notes* notes) {
  check(plan);
  Notes ignored;
  Pruner pruner(plan, notes != nullptr ? *notes : ignored);
  std::vector<Net> jobs;
  std::set<std::string> names;
  std::vector<int> sizes;
  for (const auto& file : plan.networks) {
    if (!names.insert(name_of(file)).second)
      throw Error(Fault::usage, "jobs: two networks are named " + base::in_quotes(name_of(file)));
    const auto nets = pruner.run(file);
    sizes.push_back(nets.front().image_size);
    for (const Net& net : nets)
      for (const auto& mode : plan.modes)
        for (const int batch : plan.batches) {
          jobs.push_back(net);
          jobs.back().mode = mode;
          jobs.back().batch = batch;
        }
  }
  if (sizes.empty()) sizes.push_back(plan.image_size);
  constexpr std::size_t kinds = run::calibration_kinds;
  // Kinds, batches and sizes take turns, each pair of them in time in all ways.
  const std::size_t both = std::lcm(plan.batches.size(), sizes.size());
  for (int i = 0; i < plan.calibration; ++i) {
    const auto turn = static_cast<std::size_t>(i);
    const std::size_t kind = turn % kinds, round = turn / kinds;
    const int size = sizes[(2 * kind + round + round / both) % sizes.size()];
    const Net net = run::draw_calibration_net(i, size, plan.seed);
    for (const auto& mode : plan.modes) {
      jobs.push_back(net);
      jobs.back().mode = mode;
      jobs.back().batch = plan.batches[(kind + round) % plan.batches.size()];
    }
  }
  std::stable_sort(jobs.begin(), jobs.end(), [](const Net& a, const Net& b) { return a.batch < b.batch; });
  for (std::size_t i = 0; i < jobs.size(); ++i) jobs[i].id = std::to_string(i);
  return jobs;
}

GenerateSummary generate_jobs(const JobPlan& plan, const GenerateOptions& asked) {
  GenerateOptions options = asked;
  for (auto& name : options.compilers) name = run::device_name(name);
  for (const auto& name : options.compilers) (void)make_compiler(name);  // an unknown one is refused at once
  run::Plan work;
  work.notes = plan.notes;
  work.nets = make_jobs(plan, &work.notes);
  if (plan.till_first_fail) work.notes.emplace_back("the plan asks for --till-first-fail; give it to measure");
  run::Folder folder(options.dir);
  folder.begin(describe(plan, options.compilers), run::fingerprint(work),
               options.force ? run::Earlier::replace : run::Earlier::go_on);
  work.config = plan_text(plan);
  return run::write_plan(folder, work, options, options.compilers);
}

}  // namespace hwprof
