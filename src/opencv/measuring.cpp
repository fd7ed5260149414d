// SPDX-License-Identifier: Apache-2.0
#include "opencv/measuring.hpp"

#include <algorithm>
#include <filesystem>

#include "base/files.hpp"
#include "base/text.hpp"
#include "compiler/sampled.hpp"
#include "hwprof/caffe.hpp"
#include "hwprof/error.hpp"
#include "measure/settings.hpp"
#include "opencv/runtime.hpp"

namespace hwprof::opencv {
namespace fs = std::filesystem;
namespace {

/// Fewer networks than this in a round do not show what is the machine's and what the network's.
constexpr std::size_t fewest = 8;

/// What the reference runs: each kind of work that networks are made of, in a millisecond or so.
Graph reference_graph() {
  constexpr std::int64_t channels = 64;
  GraphBuilder builder("reference");
  int at = builder.conv(builder.input(), channels, 1);
  at = builder.activation(builder.batch_norm(at), "relu");
  at = builder.conv(at, channels, 3, 1, channels);
  return std::move(builder).finish(builder.conv(at, channels, 3));
}
constexpr Shape reference_input = {1, 32, 56, 56};

class NetSubject : public measuring::Subject {
 public:
  NetSubject(const Files& files, const std::vector<std::string>& layers, const Shape& input, std::uint64_t seed)
      : network_(files.prototxt, files.caffemodel, layers, input, seed), layers_(layers.size()) {}

  /// OpenCV times its layers by the wall clock alone.
  void forward(double* seconds, bool) override {
    seconds[0] = network_.forward(seconds + 1);
    double rest = seconds[0];
    for (std::size_t i = 0; i < layers_; ++i) rest -= seconds[1 + i];
    seconds[1 + layers_] = std::max(rest, 0.0);
  }

 private:
  Network network_;
  std::size_t layers_;
};

}  // namespace

Files::Files(const std::string& dir) {
  const fs::path root(dir);
  stem = (root / "net").string();
  prototxt = stem + ".prototxt";
  caffemodel = stem + ".caffemodel";
  layers = (root / "layers.json").string();
  journal = (root / "raw" / measuring::journal_name).string();
  outcome = (root / "raw" / measuring::outcome_name).string();
}

Measuring::Measuring(const std::vector<Artifact>& artifacts, const MeasureOptions& options)
    : artifacts_(artifacts), options_(options) {}

measuring::JournalHead Measuring::head_of(const std::string& subject, std::size_t layers) const {
  const auto host = measuring::describe_host();
  const auto cpu = host.find("cpu");
  measuring::JournalHead head;
  head.subject = subject;
  head.parts = layers + 1;
  head.settings = {{"device", "opencv"},
                   {"batch", std::to_string(options_.batch)},
                   {"threads", std::to_string(options_.threads)},
                   {"opencv", describe().at("opencv")},
                   {"cpu", cpu == host.end() ? "unknown" : cpu->second}};
  return head;
}

void Measuring::open_journals() {
  for (const Artifact& artifact : artifacts_) {
    const Files files(artifact.dir);
    layers_.push_back(load_layers(files.layers));
    journals_.push_back(
        std::make_unique<measuring::Journal>(files.journal, head_of(artifact.net.id, layers_.back().size())));
    entries_.push_back({artifact.net.id, nullptr, journals_.back().get(), false});
  }
}

void Measuring::open_references() {
  if (artifacts_.size() >= fewest) return;
  const fs::path raw = fs::path(artifacts_.front().dir) / "raw";
  const std::string stem = (raw / "reference").string();
  const CaffeText text = to_caffe(reference_graph(), reference_input);
  base::write_file(stem + ".prototxt", text.deploy);
  base::write_file(stem + ".caffemodel", text.weights);
  for (std::size_t i = artifacts_.size(); i < fewest; ++i) {
    const std::string name = "reference-" + std::to_string(i - artifacts_.size());
    layers_.emplace_back();
    journals_.push_back(std::make_unique<measuring::Journal>((raw / (name + ".jsonl")).string(), head_of(name, 0)));
    entries_.push_back({name, nullptr, journals_.back().get(), true});
  }
}

void Measuring::run() {
  open_journals();
  open_references();
  if (measuring::is_concluded(entries_, outcome_files(), options_.max_rel_ci, options_.budget_s)) return;
  auto environment = measuring::describe_host();
  environment["allocator"] = measuring::keep_freed_memory();
  const measuring::Affinity affinity(options_.threads);
  const Setup setup(options_.threads);
  environment["affinity"] = affinity.text();
  environment["threads"] = std::to_string(options_.threads);
  environment["batch"] = std::to_string(options_.batch);
  environment["seed"] = std::to_string(options_.seed);
  for (const auto& [key, value] : describe()) environment[key] = value;
  const auto outcomes = measuring::conclude(entries_, options_.max_rel_ci);
  bool open = false;
  for (std::size_t i = 0; i < artifacts_.size(); ++i) open = open || measuring::wants_visits(outcomes[i], entries_[i]);
  if (open && measuring::spent_seconds(entries_) < options_.budget_s) {
    build_subjects();
    sample();
  }
  for (const auto& journal : journals_) journal->sync();
  save_outcomes(environment);
}

/// Of the networks, in their order.
std::vector<std::string> Measuring::outcome_files() const {
  std::vector<std::string> files;
  for (const Artifact& artifact : artifacts_) files.push_back(Files(artifact.dir).outcome);
  return files;
}

void Measuring::build_subjects() {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    measuring::Entry& entry = entries_[i];
    if (!entry.journal->content().failures.empty()) continue;
    const auto failures = measuring::failure_of([&] {
      Files files(entry.reference ? artifacts_.front().dir : artifacts_[i].dir);
      Shape shape = reference_input;
      if (entry.reference) {
        const fs::path raw = fs::path(artifacts_.front().dir) / "raw";
        files.prototxt = (raw / "reference.prototxt").string();
        files.caffemodel = (raw / "reference.caffemodel").string();
      } else {
        const Net& net = artifacts_[i].net;
        shape = {options_.batch, net.image_channels, net.image_size, net.image_size};
      }
      subjects_.push_back(std::make_unique<NetSubject>(files, layers_[i], shape, options_.seed));
      entry.subject = subjects_.back().get();
    });
    if (!failures.empty()) entry.journal->append(failures.front());
    if (options_.stop && options_.stop()) throw Error(Fault::interrupted, "measuring was stopped on request");
  }
}

void Measuring::sample() {
  auto sampling = compiling::sampler_options(options_, artifacts_.size());
  sampling.fewest = fewest;
  measuring::ThisHost host(options_.threads);
  measuring::sample(entries_, host, sampling);
}

void Measuring::save_outcomes(const std::map<std::string, std::string>& environment) const {
  auto outcomes = measuring::conclude(entries_, options_.max_rel_ci);
  for (std::size_t i = 0; i < artifacts_.size(); ++i) {
    outcomes[i].environment = environment;
    measuring::save_outcome(Files(artifacts_[i].dir).outcome, outcomes[i]);
  }
}

}  // namespace hwprof::opencv
