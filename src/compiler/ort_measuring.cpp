// SPDX-License-Identifier: Apache-2.0
#include "compiler/ort_measuring.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/files.hpp"
#include "base/subprocess.hpp"
#include "base/text.hpp"
#include "compiler/ort_runner.hpp"
#include "hwprof/error.hpp"
#include "hwprof/format.hpp"
#include "measure/estimate.hpp"
#include "measure/host.hpp"

namespace hwprof::compiling {
namespace fs = std::filesystem;
namespace {

constexpr const char* launch_id = "launch";
constexpr std::int64_t launch_channels = 1;
constexpr double stall_s = 180;  // without a line from the runner

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// What a network of no work costs: the call from JavaScript, its input and its output.
Graph launch_graph() {
  GraphBuilder builder("launch");
  return std::move(builder).finish(builder.activation(builder.input(), "relu"));
}

std::string how_to_get_it() {
  return "; it takes Node and its package onnxruntime-node: scripts/install_onnxruntime.sh installs it, "
         "--device-option package=FOLDER or HWPROF_ONNXRUNTIME names the folder that it was installed into";
}

}  // namespace

OrtFiles::OrtFiles(const std::string& dir) {
  const fs::path root(dir);
  const fs::path raw = root / "raw";
  model = (root / "net.onnx").string();
  map = (root / "ops.json").string();
  journal = (raw / measuring::journal_name).string();
  outcome = (raw / measuring::outcome_name).string();
  profile = (raw / "profile.json").string();
}

OrtOptions::OrtOptions(const std::map<std::string, std::string>& given) {
  const std::vector<std::string> names{"node", "package", "runner", "optimization"};
  for (const auto& [name, value] : given) {
    if (name == "node")
      node = value;
    else if (name == "package")
      package = value;
    else if (name == "runner")
      runner = value;
    else if (name == "optimization")
      optimization = value;
    else
      throw Error(Fault::usage, "device onnxruntime: no option " + base::in_quotes(name) + base::suggest(name, names));
  }
  const std::vector<std::string> levels{"disabled", "basic", "extended", "all"};
  if (std::find(levels.begin(), levels.end(), optimization) == levels.end())
    throw Error(Fault::usage, "device onnxruntime: no optimization " + base::in_quotes(optimization) +
                                  base::suggest(optimization, levels));
}

OrtMeasuring::OrtMeasuring(const std::vector<Artifact>& artifacts, const MeasureOptions& options)
    : artifacts_(artifacts), options_(options), own_(options.device_options) {
  if (options.channels_last)
    throw Error(Fault::unsupported, "device onnxruntime: ONNX is contiguous; ONNX Runtime chooses layouts by itself");
  folder_ = (fs::path(artifacts.front().dir) / "raw" / "session").string();
  output_ = (fs::path(folder_) / "results.jsonl").string();
}

void OrtMeasuring::run() {
  open_journals();
  if (measuring::is_concluded(entries_, outcome_files(), options_.max_rel_ci, options_.budget_s,
                              [this](std::size_t i) { return lacks_profile(i); }))
    return;
  if (!base::find_program(own_.node))
    throw Error(Fault::unsupported,
                "device onnxruntime: there is no program " + base::in_quotes(own_.node) + " here" + how_to_get_it());
  write_models();
  environment_ = measuring::describe_host();
  environment_["threads"] = std::to_string(options_.threads);
  environment_["batch"] = std::to_string(options_.batch);
  environment_["seed"] = std::to_string(options_.seed);
  environment_["allocator"] = "freed memory stays (glibc tunables: mmap_max 0, trim_threshold 1 GiB, top_pad 64 MiB)";
  run_session();
  for (const auto& journal : journals_) journal->sync();
  save_outcomes();
}

void OrtMeasuring::open_journals() {
  const auto host = measuring::describe_host();
  const auto cpu = host.find("cpu");
  measuring::JournalHead head;
  head.settings = {{"device", "onnxruntime"},
                   {"batch", std::to_string(options_.batch)},
                   {"threads", std::to_string(options_.threads)},
                   {"optimization", own_.optimization},
                   {"cpu", cpu == host.end() ? "unknown" : cpu->second}};
  const auto open = [&](const std::string& subject, const std::string& file, bool reference) {
    head.subject = subject;
    journals_.push_back(std::make_unique<measuring::Journal>(file, head));
    entry_of_[std::to_string(entries_.size())] = entries_.size();
    entries_.push_back({subject, nullptr, journals_.back().get(), reference});
  };
  for (const Artifact& artifact : artifacts_) open(artifact.net.id, OrtFiles(artifact.dir).journal, false);
  open(launch_id, (fs::path(artifacts_.front().dir) / "raw" / "launch.jsonl").string(), true);
}

bool OrtMeasuring::has_profile(std::size_t entry) const {
  return entry >= artifacts_.size() || base::exists(OrtFiles(artifacts_[entry].dir).profile);
}

bool OrtMeasuring::lacks_profile(std::size_t entry) const {
  return entries_[entry].journal->content().failures.empty() && !has_profile(entry);
}

bool OrtMeasuring::wants_more(const std::vector<measuring::Outcome>& outcomes, std::size_t entry) const {
  return measuring::wants_visits(outcomes[entry], entries_[entry]) || lacks_profile(entry);
}

std::vector<std::string> OrtMeasuring::outcome_files() const {
  std::vector<std::string> files;
  for (const Artifact& artifact : artifacts_) files.push_back(OrtFiles(artifact.dir).outcome);
  return files;
}

/// The launch network, and for batches of more than one image all others once more: a file has one batch.
void OrtMeasuring::write_models() {
  base::make_folder(folder_);
  write_onnx((fs::path(folder_) / "launch.onnx").string(), launch_graph(),
             {options_.batch, launch_channels, launch_channels, launch_channels});
  if (options_.batch == 1) return;
  for (const Artifact& artifact : artifacts_) {
    const Net& net = artifact.net;
    write_onnx((fs::path(artifact.dir) / "raw" / "net.onnx").string(), lower(net),
               {options_.batch, net.image_channels, net.image_size, net.image_size});
  }
}

base::Json OrtMeasuring::job() const {
  int round = 0;
  int stretch = 0;
  for (const auto& entry : entries_)
    if (!entry.journal->content().visits.empty()) {
      round = std::max(round, entry.journal->content().visits.back().round + 1);
      stretch = std::max(stretch, entry.journal->content().visits.back().stretch + 1);
    }
  base::Json json;
  json["schema"] = "hwprof-ort-job/1";
  json["output"] = output_;
  json["folder"] = folder_;
  auto& packages = json["packages"] = base::Json::array();
  if (!own_.package.empty()) packages.push_back(own_.package);
  if (const char* named = std::getenv("HWPROF_ONNXRUNTIME"); named != nullptr && *named != '\0')
    packages.push_back(named);
  json["threads"] = options_.threads;
  json["optimization"] = own_.optimization;
  json["seed"] = (options_.seed + static_cast<std::uint64_t>(round)) & 0xFFFFFFFFU;
  json["budget_s"] = options_.budget_s;
  json["spent_s"] = measuring::spent_seconds(entries_);
  json["first_round"] = round;
  json["first_stretch"] = stretch;
  json["stretch"] = 20;
  json["forwards"] = 3;
  json["visit_s"] = 0.01;
  json["most_forwards"] = 25;
  json["profile_skip"] = profile_skip;
  json["profile_forwards"] = 12;
  auto& nets = json["nets"] = base::Json::array();
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (!entries_[i].journal->content().failures.empty()) continue;
    base::Json net;
    net["id"] = std::to_string(i);
    net["reference"] = entries_[i].reference;
    if (entries_[i].reference) {
      net["model"] = (fs::path(folder_) / "launch.onnx").string();
    } else {
      const OrtFiles files(artifacts_[i].dir);
      net["model"] = options_.batch == 1 ? files.model : (fs::path(artifacts_[i].dir) / "raw" / "net.onnx").string();
      if (!has_profile(i)) net["profile"] = files.profile;
    }
    nets.push_back(std::move(net));
  }
  return json;
}

void OrtMeasuring::run_session() {
  constexpr double patience_s = 120;
  constexpr int no_package = 3;
  std::string runner = (fs::path(folder_) / "onnxruntime.js").string();
  if (own_.runner.empty())
    base::write_file(runner, ort_runner);
  else
    runner = own_.runner;
  const std::string job_file = (fs::path(folder_) / "job.json").string();
  for (std::size_t turn = 0; turn <= entries_.size(); ++turn) {
    const auto outcomes = measuring::conclude(entries_, options_.max_rel_ci);
    bool wanted = false;
    for (std::size_t i = 0; i < artifacts_.size(); ++i) wanted = wanted || wants_more(outcomes, i);
    const double left = options_.budget_s - measuring::spent_seconds(entries_);
    if (!wanted || left <= 0) return;
    base::save_json(job_file, job());
    base::write_file(output_, "");
    read_ = lines_ = 0;
    pending_.clear();
    current_.clear();
    interrupted_ = stalled_ = steady_ = false;
    heard_s_ = checked_s_ = now_s();
    base::Command command;
    command.argv = {own_.node, "--expose-gc", runner, job_file};
    command.environment["GLIBC_TUNABLES"] =
        "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=1073741824:glibc.malloc.top_pad=67108864";
    command.timeout_s = left + patience_s + 2 * static_cast<double>(entries_.size());
    command.stop = [this] { return should_stop(); };
    // The runner inherits the processor that is the quietest; we leave it as soon as the runner is there.
    affinity_ = std::make_unique<measuring::Affinity>(options_.threads);
    environment_["affinity"] = affinity_->text();
    const auto result = base::run_command(command);
    affinity_.reset();
    take_lines();
    if (interrupted_) {
      for (const auto& journal : journals_) journal->sync();
      throw Error(Fault::interrupted, "measuring was stopped on request; what was measured is kept");
    }
    if (result.exit_status == no_package && result.signal == 0 && !result.stopped)
      throw Error(Fault::unsupported,
                  "device onnxruntime: " + std::string(base::trim(result.errors)) + how_to_get_it());
    if (result.good() || steady_) return;
    if (result.timed_out && current_.empty()) return;
    const auto at = entry_of_.find(current_);
    if (at == entry_of_.end() || entries_[at->second].reference)
      throw Error(Fault::device, "device onnxruntime: the runner " + result.describe() + ": " +
                                     std::string(base::trim(result.errors)).substr(0, 500));
    entries_[at->second].journal->append(
        measuring::Failure{"failed", stalled_ ? "ONNX Runtime did not come back for " + base::format_seconds(stall_s)
                                              : "ONNX Runtime ended: " + result.describe()});
  }
}

void OrtMeasuring::take_lines() {
  std::ifstream file(output_, std::ios::binary);
  if (!file) return;
  file.seekg(static_cast<std::streamoff>(read_));
  std::string fresh((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (fresh.empty()) return;
  read_ += fresh.size();
  pending_ += fresh;
  std::size_t begin = 0;
  for (std::size_t end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n', begin)) {
    take(base::JsonReader::parse(std::string_view(pending_).substr(begin, end - begin),
                                 output_ + ":" + std::to_string(++lines_)));
    begin = end + 1;
  }
  pending_.erase(0, begin);
  heard_s_ = now_s();
}

void OrtMeasuring::take(const base::JsonReader& line) {
  const std::string kind = line["kind"].text();
  if (kind == "environment") {
    for (const auto& [key, value] : line["values"].items()) environment_[key] = value.text();
    return;
  }
  const std::string net = line["net"].text();
  const auto at = entry_of_.find(net);
  if (at == entry_of_.end()) line.fail("there is no network " + base::in_quotes(net));
  measuring::Journal& journal = *entries_[at->second].journal;
  current_ = kind == "begin" ? net : std::string();
  if (kind == "begin" || kind == "profile" || !journal.content().failures.empty()) return;
  if (kind == "failure")
    journal.append(measuring::Failure{line["memory"].boolean() ? "out_of_memory" : "failed", line["reason"].text()});
  else if (kind == "visit")
    take_visit(line, journal);
  else
    line.fail("unknown kind " + base::in_quotes(kind));
}

void OrtMeasuring::take_visit(const base::JsonReader& line, measuring::Journal& journal) const {
  constexpr std::int64_t most = 100'000'000;
  measuring::Visit visit;
  visit.round = static_cast<int>(line["round"].integer(0, most));
  visit.stretch = static_cast<int>(line["stretch"].integer(0, most));
  visit.at_s = line["at_s"].number();
  std::vector<measuring::Sample> disturbed;
  for (const auto& sample : line["samples"].list()) {
    const auto fields = sample.list();
    if (fields.size() != 3) sample.fail("wall time, processor time and preemptions are expected");
    measuring::Usage after;
    after.wall_s = fields[0].number();
    after.cpu_s = fields[1].number();
    after.preemptions = fields[2].integer(0, most);
    if (!(after.wall_s > 0)) sample.fail("a time above 0 is expected");
    auto& list = measuring::interrupted({}, after, options_.threads) ? disturbed : visit.samples;
    list.push_back({after.wall_s});
  }
  if (visit.samples.empty())
    visit.disturbed = std::move(disturbed);
  else
    visit.dropped = static_cast<std::int64_t>(disturbed.size());
  journal.append(visit);
}

/// Asked while the runner works.
bool OrtMeasuring::should_stop() {
  constexpr double look_s = 4;
  affinity_.reset();
  take_lines();
  const double now = now_s();
  if (options_.stop && options_.stop()) interrupted_ = true;
  if (now - heard_s_ > stall_s) stalled_ = true;
  if (now - checked_s_ > look_s) {
    checked_s_ = now;
    const auto outcomes = measuring::conclude(entries_, options_.max_rel_ci);
    std::size_t open = 0;
    for (std::size_t i = 0; i < artifacts_.size(); ++i) open += wants_more(outcomes, i) ? 1 : 0;
    steady_ = open == 0;
    const double done = measuring::spent_seconds(entries_);
    if (options_.progress)
      options_.progress(
          {done, options_.budget_s, std::max(0.0, options_.budget_s - done),
           std::to_string(artifacts_.size() - open) + " of " + std::to_string(artifacts_.size()) + " networks steady"});
  }
  return interrupted_ || stalled_ || steady_;
}

void OrtMeasuring::save_outcomes() {
  auto outcomes = measuring::conclude(entries_, options_.max_rel_ci);
  const auto& launches = entries_.back().journal->content().visits;
  const auto launch = measuring::estimate(launches, 0, outcomes.back().factors);
  if (launch.visits > 0) environment_[launch_key] = base::format_number(launch.whole.value_s);
  for (std::size_t i = 0; i < artifacts_.size(); ++i) {
    const std::string file = OrtFiles(artifacts_[i].dir).outcome;
    outcomes[i].environment = environment_;
    // A call that measured nothing any more knows less of the device than the one before it.
    if (const auto old = measuring::find_outcome(file))
      outcomes[i].environment.insert(old->environment.begin(), old->environment.end());
    measuring::save_outcome(file, outcomes[i]);
  }
}

}  // namespace hwprof::compiling
