// SPDX-License-Identifier: Apache-2.0
#include "hwprof/ssprofile.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "compiler/dpu_options.hpp"
#include "compiler/dpu_state.hpp"
#include "hwprof/error.hpp"
#include "run/steps.hpp"
#include "ssprofile/job.hpp"

namespace hwprof {
namespace {

using ssprofiling::dpu;
using ssprofiling::Job;

const std::vector<std::string>& objectives() {
  static const std::vector<std::string> names{"accuracy", "macs", "params", "naswot", "grad_norm"};
  return names;
}

void check(const SsprofileOptions& options) {
  const auto refuse = [](const std::string& what) { throw Error(Fault::usage, what); };
  const auto& known = objectives();
  if (std::find(known.begin(), known.end(), options.objective) == known.end())
    refuse("unknown objective " + base::in_quotes(options.objective) + base::suggest(options.objective, known));
  if (options.jobs < 1 || options.jobs > 1024) refuse("jobs must be within 1 to 1024");
  if (options.objective != "accuracy" && (options.dry_accuracy || options.only_accuracy))
    refuse("objective " + options.objective +
           " takes the place of accuracies, which are therefore neither trained nor "
           "drawn");
}

base::Json to_json(const Schedule& schedule) {
  return {{"epochs", schedule.epochs},
          {"rate", schedule.rate},
          {"last-rate", schedule.last_rate},
          {"momentum", schedule.momentum},
          {"weight-decay", schedule.weight_decay}};
}

/// What has to be the same for a run to be gone on with: all that an accuracy depends on. The rule by which blocks are
/// chosen may change, so that nobody has to train again for it; what is measured is in measure.json.
base::Json describe(const SsprofileOptions& options, const SsprofileConfig& config) {
  const TrainSettings& train = config.train;
  return {{"objective", options.objective},           {"data", options.data.empty() ? config.data : options.data},
          {"train-device", options.train_device},     {"seed", options.seed},
          {"dry-run-accuracy", options.dry_accuracy}, {"first-train", to_json(train.first)},
          {"finetune", to_json(train.finetune)},      {"batch-size", train.batch},
          {"images-per-epoch", train.images},         {"validation-images", train.validation},
          {"shift", train.augmentation.shift},        {"flip", train.augmentation.flip},
          {"isolated-table", config.isolated}};
}

/// What the configuration says of the tool chain of a DPU, unless the caller says otherwise.
void take_dpu_options(const SsprofileConfig& config, SsprofileOptions& options, std::vector<std::string>& notes) {
  auto& given = options.measure.device_options;
  const bool other_board = given.count("host") != 0 || given.count("board") != 0;
  for (const auto& [name, value] : config.dpu_options) {
    if (options.device != dpu)
      notes.push_back("ss_profiler_cfg: " +
                      std::string(name == "arch"     ? "arch_file"
                                  : name == "server" ? "dpu_url"
                                                     : "calib_data") +
                      " is for the device dpu alone");
    else if (!(name == "server" && other_board))
      given.emplace(name, value);
  }
}

/// Of the networks and all that they are made of.
std::string fingerprint(const std::vector<Net>& nets) {
  std::string all;
  for (const auto& net : nets) {
    all += net.id + " " + std::to_string(net.image_channels) + "x" + std::to_string(net.image_size);
    for (const auto& layer : net.layers) all += " " + to_string(layer.prim);
    all += ";";
  }
  std::array<char, 20> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(ssprofiling::mixed(0, all)));
  return text.data();
}

/// Whether a network was measured in the folder, on any device.
bool has_results(const run::Folder& folder) {
  for (const auto& dir : compiler_dirs(folder.path(""))) try {
      const auto compiler = make_compiler(run::compiler_of(dir));
      for (const auto& name : base::list_folder(dir)) {
        const std::string artifact = dir + "/" + name;
        if (!base::exists(artifact + "/artifact.json")) continue;  // not compiled to its end
        if (!compiler->hwobj_net_to_primitive(BaseHardwareCompiler::open(artifact)).overall.empty()) return true;
      }
    } catch (const Error&) {
      return true;  // of a device that this build lacks, or damaged: whose they are, they are there
    }
  return false;
}

/// What was measured on another device or with other settings than an earlier call did is another run; it is compared
/// here, because measuring may begin in a folder in which only accuracies were found. Words that led to no result bind
/// nobody.
void check_measuring(const Job& job) {
  const std::string file = job.folder.path("measure.json");
  const auto& measure = job.options.measure;
  const auto lasting =
      job.options.device == dpu ? compiling::lasting_dpu_options(measure.device_options) : measure.device_options;
  const base::Json json{{"schema", "hwprof.ssprofile_measure/1"},
                        {"device", job.options.device},
                        {"dry_run", job.options.dry_latency},
                        {"batch", measure.batch},
                        {"threads", measure.threads},
                        {"channels_last", measure.channels_last},
                        {"device_options", lasting}};
  if (base::exists(file)) {
    const auto before = base::JsonReader::load(file);
    const bool binds = before["dry_run"].boolean() || has_results(job.folder);
    for (const auto& [key, value] : json.items())
      if (binds && before[key].raw() != value)
        throw Error(Fault::usage, file + ": the folder was measured with " + key + " " + before[key].raw().dump() +
                                      ", now it is " + value.dump() + "; choose another folder");
    if (binds) return;
  }
  base::save_json(file, json);
}

/// Wrong words for the device, and a DPU that takes none of the networks, are refused now, not after hours of training.
void check_device(const SsprofileOptions& options, const std::vector<Net>& nets) {
  make_compiler(options.device)->check_options(options.measure);
  if (options.device != dpu || options.resume) return;
  const auto dpu_options = compiling::read_dpu_options(options.measure);
  std::string why;
  for (const Net& net : nets) {
    why = compiling::broken_rules(net, dpu_options);
    if (why.empty()) return;
  }
  throw Error(Fault::unsupported,
              "none of the networks can go to the DPU; the last one, " + nets.back().id + ", " + why);
}

/// What a run writes, file by file: what somebody carries into its folders is not its own.
std::vector<std::string> files_of(const std::vector<SsbnNet>& nets) {
  std::vector<std::string> files{ssprofiling::data_file};
  for (const auto& net : nets) {
    files.push_back(std::string(ssprofiling::accuracy_folder) + "/" + net.id + ".json");
    for (const char* ending : {".state_dict.pth", ".partial", ".repr.txt"})
      files.push_back(std::string(ssprofiling::checkpoint_folder) + "/" + net.id + ending);
  }
  return files;
}

/// What the rule asks for must be there to be had; refused now, not after hours.
void check_rule(const SelectOptions& select, const std::vector<SsbnNet>& nets) {
  if (select.rule != "ssprofile") return;
  std::map<std::string, std::size_t> counts;
  std::size_t most = 0;
  for (const auto& net : nets) most = std::max(most, ++counts[net.family]);
  if (most < select.networks)
    throw Error(Fault::missing, "no family has the " + std::to_string(select.networks) +
                                    " networks that select_ss_threshold asks for; the largest has " +
                                    std::to_string(most));
}

/// The rule needs networks to choose from; without one the reasons are all that is left to say.
void check_any(const SsprofileSummary& summary) {
  if (!summary.results.empty()) return;
  constexpr std::size_t most = 5;
  std::vector<std::string> reasons;
  for (const auto& note : summary.notes)
    if (base::starts_with(note, "network ")) reasons.push_back(note);
  const std::size_t all = reasons.size();
  if (all > most) {
    reasons.resize(most);
    reasons.push_back("and " + std::to_string(all - most) + " more");
  }
  throw Error(Fault::missing, "there are no networks to choose from: " + base::join(reasons, "; "));
}

void pair_results(const Job& job, const std::vector<NetRecord>& records, SsprofileSummary& summary) {
  std::map<std::string, const NetRecord*> by_id;
  for (const auto& record : records) by_id.emplace(record.net_id, &record);
  const bool ranked = job.options.objective != "accuracy";
  std::vector<double> ranks;
  if (ranked) ranks = ssprofiling::proxy_ranks(summary.accuracies, job.options.objective);
  for (std::size_t i = 0; i < job.nets.size(); ++i) {
    const auto& row = summary.accuracies[i];
    const auto leave_out = [&](const std::string& why) {
      summary.notes.push_back("network " + row.id + " is left out: " + why);
    };
    if (!row.failure.empty()) {
      leave_out(row.failure);
      continue;
    }
    if (ranked && !std::isfinite(ranks[i])) {
      leave_out("its " + job.options.objective + " is no number");
      continue;
    }
    const auto found = by_id.find(row.id);
    const NetRecord* record = found == by_id.end() ? nullptr : found->second;
    const bool good = record != nullptr &&
                      (record->state == RunState::measured || record->state == RunState::unsteady) &&
                      record->overall.count(Metric::latency) != 0;
    if (!good) {
      leave_out(record == nullptr ? "it was not measured" : record->reason);
      continue;
    }
    const Measured accuracy = ranked ? Measured{ranks[i], 0, 0, 0} : ssprofiling::share(row.right, row.images);
    summary.results.push_back({job.nets[i], accuracy, record->overall.at(Metric::latency)});
  }
}

void note_unknown(const BlockLut& lut, SsprofileSummary& summary) {
  if (lut.not_positive == 0) return;
  summary.notes.push_back("table of latencies by layer, " + lut.origin + ": " + std::to_string(lut.not_positive) +
                          (lut.not_positive == 1 ? " entry" : " entries") +
                          " came out at 0 or below and stay unknown; measure longer");
}

/// Blocks that could not be measured alone, with one of the reasons.
void note_not_isolated(const std::vector<NetRecord>& records, SsprofileSummary& summary) {
  std::size_t failed = 0;
  std::string reason;
  for (const auto& record : records) {
    const bool alone = base::starts_with(record.net_id, ssprofiling::isolated_prefix);
    if (!alone || record.overall.count(Metric::latency) != 0) continue;
    ++failed;
    reason = record.reason;
  }
  if (failed > 0)
    summary.notes.push_back("not measured alone: " + std::to_string(failed) + (failed == 1 ? " block" : " blocks") +
                            "; the last one: " + reason);
}

void make_tables(const Job& job, const std::vector<NetRecord>& records, SsprofileSummary& summary) {
  try {
    summary.in_context = in_context_lut(job.config.space, records, &summary.notes);
    note_unknown(summary.in_context, summary);
    summary.conflicts = check_lut(job.config.space, summary.in_context);
  } catch (const Error& error) {
    if (error.fault() != Fault::missing) throw;
    summary.notes.push_back(std::string("there is no table of latencies by layer: ") + error.what());
  }
  if (!job.config.isolated) return;
  summary.isolated = isolated_lut(job.config.space, records);
  note_unknown(summary.isolated, summary);
  note_not_isolated(records, summary);
  if (!summary.in_context.layers.empty())
    summary.isolated_over_in_context = compare_luts(summary.in_context, summary.isolated);
}

}  // namespace

SsprofileSummary ssprofile(const SsprofileOptions& asked) {
  const auto begin = std::chrono::steady_clock::now();
  check(asked);
  const SsprofileConfig config = load_ssprofile_config(asked.config);
  SsprofileSummary summary;
  summary.notes = config.notes;
  SsprofileOptions options = asked;
  take_dpu_options(config, options, summary.notes);
  options.measure.seed = options.seed;
  options.measure.progress = options.progress;
  options.measure.stop = options.stop;
  if (!(options.measure.budget_s > 0)) options.measure.budget_s = config.budget_s;
  const auto nets = list_ssbn(config.space);
  std::vector<Net> networks;
  for (const auto& net : nets) {
    networks.push_back(ssbn_network(config.space, net));
    (void)lower(networks.back());  // refused now, not after hours
  }
  if (!options.only_accuracy) check_rule(config.select, nets);
  if (!options.dry_latency && !options.only_accuracy) check_device(options, networks);
  const bool trains = options.objective == "accuracy" && !options.dry_accuracy;
  std::optional<DataSet> data;  // looked at before a folder is begun with it
  if (trains) {
    (void)make_network_trainer(options.train_device);
    data = ssprofiling::load_images(options, config);
  }

  run::Folder folder(options.dir);
  folder.begin(describe(options, config), fingerprint(networks),
               options.resume ? run::Earlier::go_on : run::Earlier::refuse, false);
  std::vector<std::string> files{"input.yaml",          "accuracy_table.yaml", "proxy_table.csv", "records.jsonl",
                                 "networks.csv",        "latency_table.yaml",  "speed.txt",       "speed.json",
                                 "speed_isolated.json", "ssprofile.json",      "ssprofile.svg",   "output.yaml",
                                 "measure.json"};
  folder.note(files);
  folder.note(files_of(nets));
  base::write_file(folder.path("input.yaml"), base::read_file(options.config));

  const Job job{options, config, folder, nets, data ? &*data : nullptr};
  if (!options.only_accuracy) check_measuring(job);
  if (options.dry_accuracy) summary.dry_run.emplace_back("accuracy");
  if (options.dry_latency && !options.only_accuracy) summary.dry_run.emplace_back("latency");
  summary.accuracies =
      options.objective == "accuracy" ? ssprofiling::find_accuracies(job) : ssprofiling::find_proxies(job);
  ssprofiling::save_accuracy_tables(job, summary);
  if (!options.only_accuracy) {
    ssprofiling::check_stop(job);
    const auto records = ssprofiling::find_latencies(job);
    save_records(folder.path(run::records_file), records);
    try {
      pair_results(job, records, summary);
      check_any(summary);
      make_tables(job, records, summary);
      summary.selection = select_blocks(summary.results, config.select);
    } catch (const Error&) {
      ssprofiling::remove_choice(job);
      throw;
    }
    summary.notes.insert(summary.notes.end(), summary.selection.notes.begin(), summary.selection.notes.end());
    ssprofiling::save_results(job, records, summary);
  }
  for (const auto& file : files)
    if (base::exists(folder.path(file))) summary.files.push_back(folder.path(file));
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return summary;
}

}  // namespace hwprof
