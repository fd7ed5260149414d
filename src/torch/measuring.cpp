// SPDX-License-Identifier: Apache-2.0
#include "torch/measuring.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/text.hpp"
#include "compiler/sampled.hpp"
#include "hwprof/error.hpp"
#include "measure/process.hpp"
#include "torch/net_subject.hpp"
#include "torch/readings.hpp"
#include "torch/setup.hpp"
#include "torch/train_subject.hpp"

namespace hwprof {
namespace fs = std::filesystem;
namespace {

/// Fewer networks than this in a round do not show what is the machine's and what the network's.
constexpr std::size_t fewest = 8;

/// What the reference runs: each kind of work that networks are made of, in a millisecond or so.
Graph reference_graph() {
  constexpr std::int64_t channels = 64;
  GraphBuilder builder("reference");
  int at = builder.conv(builder.input(), channels, 1);
  at = builder.batch_norm(at);
  at = builder.activation(at, "relu");
  at = builder.conv(at, channels, 3, 1, channels);
  at = builder.conv(at, channels, 3);
  return std::move(builder).finish(builder.activation(at, "h_swish"));
}
constexpr Shape reference_input = {1, 32, 56, 56};

/// Networks of one series differ in their batch alone.
std::string series_of(const Net& net, const MeasureOptions& options) {
  return (net.arch.empty() ? "net " + net.id : net.arch) + (is_train(net, options) ? ", train" : ", inference");
}

}  // namespace

RawFiles raw_files(const Artifact& artifact) {
  const fs::path raw = fs::path(artifact.dir) / "raw";
  return {(raw / measuring::journal_name).string(), (raw / measuring::outcome_name).string()};
}

Measuring::Measuring(const std::vector<Artifact>& artifacts, const MeasureOptions& options, torch::Device device)
    : artifacts_(artifacts),
      options_(options),
      device_(device),
      torch_(read_torch_options(device.str(), options)),
      pool_(options.seed, device, options.channels_last) {}

measuring::JournalHead Measuring::head_of(const Artifact& artifact) const {
  measuring::JournalHead head;
  head.subject = artifact.net.id;
  const bool train = is_train(artifact.net, options_);
  head.parts = artifact.net.layers.size();
  if (train) head.parts = train_parts(device_.is_cuda() ? 0 : head.parts);
  head.settings["device"] = device_.str();
  head.settings["batch"] = std::to_string(batch_of(artifact.net, options_));
  if (train) head.settings.insert({{"mode", "train"}, {"optimizer", torch_.optimizer()}});
  if (torch_.cuda_graph) head.settings["cuda_graph"] = "yes";
  head.settings["threads"] = std::to_string(options_.threads);
  head.settings["layout"] = options_.channels_last ? "channels_last" : "contiguous";
  const auto host = measuring::describe_host();
  const auto cpu = host.find("cpu");
  head.settings["cpu"] = cpu == host.end() ? "unknown" : cpu->second;
  head.settings["libtorch"] = TORCH_VERSION;
  return head;
}

void Measuring::run() {
  open_journals();
  open_references();
  if (measuring::is_concluded(entries_, outcome_files(), options_.max_rel_ci, options_.budget_s)) return;
  const TorchSetup setup(options_.threads, device_, torch_);
  set_limit();
  auto environment = setup.environment();
  environment["layout"] = options_.channels_last ? "channels_last" : "contiguous";
  environment["seed"] = std::to_string(options_.seed);
  const auto outcomes = measuring::conclude(entries_, options_.max_rel_ci);
  const bool open = std::any_of(artifacts_.begin(), artifacts_.end(), [&](const Artifact& artifact) {
    const auto i = static_cast<std::size_t>(&artifact - artifacts_.data());
    return measuring::wants_visits(outcomes[i], entries_[i]);
  });
  if (open && measuring::spent_seconds(entries_) < options_.budget_s) {
    build_subjects();
    sample();
  }
  for (const auto& journal : journals_) journal->sync();
  save_outcomes(environment);
}

/// Without a limit of its own a network gets what is free now: the system would grant more and then kill the process.
void Measuring::set_limit() {
  if (device_.is_cuda()) return;
  if (torch_.memory_limit_bytes > 0) {
    limit_text_ = base::format_number(torch_.memory_limit_bytes) + " bytes, as was asked for";
  } else if (const auto available = measuring::available_memory()) {
    constexpr double share = 0.9;
    torch_.memory_limit_bytes = share * *available;
    limit_text_ = base::format_number(std::floor(torch_.memory_limit_bytes)) + " bytes, most of what was free";
  }
}

void Measuring::open_journals() {
  for (const Artifact& artifact : artifacts_) {
    journals_.push_back(std::make_unique<measuring::Journal>(raw_files(artifact).journal, head_of(artifact)));
    entries_.push_back({artifact.net.id, nullptr, journals_.back().get(), false});
  }
}

void Measuring::open_references() {
  const fs::path raw = fs::path(artifacts_.front().dir) / "raw";
  for (std::size_t i = artifacts_.size(); i < fewest; ++i) {
    const std::string name = "reference-" + std::to_string(i - artifacts_.size());
    measuring::JournalHead head = head_of(artifacts_.front());
    head.subject = name;
    head.parts = 0;
    journals_.push_back(std::make_unique<measuring::Journal>((raw / (name + ".jsonl")).string(), head));
    entries_.push_back({name, nullptr, journals_.back().get(), true});
  }
}

/// Of the networks, in their order.
std::vector<std::string> Measuring::outcome_files() const {
  std::vector<std::string> files;
  for (const Artifact& artifact : artifacts_) files.push_back(raw_files(artifact).outcome);
  return files;
}

torch::Tensor Measuring::input_of(const Shape& shape) {
  auto& input = inputs_[shape];
  if (!input.defined()) {
    auto generator = at::detail::createCPUGenerator(options_.seed);
    input = torch::empty({shape[0], shape[1], shape[2], shape[3]}, torch::kFloat32).normal_(0, 1, generator);
    if (options_.channels_last) input = input.contiguous(at::MemoryFormat::ChannelsLast);
    input = input.to(device_);
  }
  return input;
}

void Measuring::build_subjects() {
  std::vector<std::size_t> order;  // a network's smaller batches first
  for (std::size_t i = 0; i < entries_.size(); ++i) order.push_back(i);
  const auto batch = [this](std::size_t i) {
    return entries_[i].reference ? 0 : batch_of(artifacts_[i].net, options_);
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return batch(a) < batch(b); });
  const auto counter = make_counter(device_);
  std::size_t done = 0;
  for (const std::size_t i : order) {
    measuring::Entry& entry = entries_[i];
    if (options_.progress && !entry.reference)
      options_.progress(
          {0, options_.budget_s, options_.budget_s,
           "memory of " + std::to_string(++done) + " of " + std::to_string(artifacts_.size()) + " networks"});
    if (entry.journal->content().failures.empty()) {
      const std::string why = entry.reference ? std::string() : earlier_failure(artifacts_[i].net);
      const auto failures = why.empty() ? measuring::failure_of([&] {
        build(i);
        if (!entry.reference && entry.journal->content().readings.empty()) read(i, *counter);
      })
                                        : std::vector<measuring::Failure>{{"out_of_memory", why}};
      if (!failures.empty()) note(i, failures.front());
    }
    if (!entry.reference && !entry.journal->content().failures.empty() &&
        entry.journal->content().failures.front().kind == "out_of_memory")
      failed_.emplace(series_of(artifacts_[i].net, options_), batch(i));
    if (options_.stop && options_.stop()) throw Error(Fault::interrupted, "measuring was stopped on request");
  }
}

void Measuring::build(std::size_t i) {
  measuring::Entry& entry = entries_[i];
  std::vector<int> layers;
  Graph graph = entry.reference ? reference_graph() : lower(artifacts_[i].net, &layers);
  Shape shape = reference_input;
  bool train = false;
  if (entry.reference) {
    layers.assign(graph.ops.size(), -1);
  } else {
    const Net& net = artifacts_[i].net;
    train = is_train(net, options_);
    shape = {batch_of(net, options_), net.image_channels, net.image_size, net.image_size};
  }
  TorchOptions own = torch_;
  if (entry.reference) own.memory_limit_bytes = 0;
  const torch::Tensor input = input_of(shape);
  if (train)
    subjects_.push_back(
        std::make_unique<TrainSubject>(std::move(graph), std::move(layers), input, pool_, own, options_.seed));
  else
    subjects_.push_back(std::make_unique<NetSubject>(std::move(graph), std::move(layers), input, pool_, own));
  entry.subject = subjects_.back().get();
}

void Measuring::read(std::size_t i, measuring::EnergyCounter& counter) {
  const bool train = is_train(artifacts_[i].net, options_);
  entries_[i].journal->append(take_readings(*subjects_.back(), entries_[i].journal->content().head.parts, device_,
                                            train, counter, torch_.energy_s));
}

/// Why a network need not be tried, with till_first_fail; empty otherwise.
std::string Measuring::earlier_failure(const Net& net) const {
  if (!options_.till_first_fail) return {};
  const auto before = failed_.find(series_of(net, options_));
  if (before == failed_.end() || before->second >= batch_of(net, options_)) return {};
  return "was not tried, because a batch of " + std::to_string(before->second) + " was too large already";
}

void Measuring::note(std::size_t i, measuring::Failure failure) {
  measuring::Entry& entry = entries_[i];
  if (failure.kind == "out_of_memory" && torch_.memory_limit_bytes > 0 && entry.subject != nullptr)
    failure.reason = "takes more than " + limit_text_;
  if (entry.subject != nullptr) entry.subject->rest();
  entry.subject = nullptr;
  entry.journal->append(failure);
}

void Measuring::sample() {
  auto sampling = compiling::sampler_options(options_, artifacts_.size());
  sampling.fewest = fewest;
  measuring::ThisHost host(options_.threads);
  measuring::sample(entries_, host, sampling);
}

/// What is this network's own.
std::map<std::string, std::string> Measuring::environment_of(const Net& net) const {
  std::map<std::string, std::string> own{{"batch", std::to_string(batch_of(net, options_))}};
  if (is_train(net, options_))
    own.insert({{"gradients", "on"}, {"optimizer", torch_.optimizer()}, {"loss", "cross-entropy"}});
  if (!limit_text_.empty()) own["memory_limit"] = limit_text_;
  return own;
}

void Measuring::save_outcomes(const std::map<std::string, std::string>& environment) const {
  auto outcomes = measuring::conclude(entries_, options_.max_rel_ci);
  for (std::size_t i = 0; i < artifacts_.size(); ++i) {
    outcomes[i].environment = environment;
    for (const auto& [key, value] : environment_of(artifacts_[i].net)) outcomes[i].environment[key] = value;
    measuring::save_outcome(raw_files(artifacts_[i]).outcome, outcomes[i]);
  }
}

}  // namespace hwprof
