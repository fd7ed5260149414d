// SPDX-License-Identifier: Apache-2.0
#include "torch/measuring.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <c10/core/InferenceMode.h>
#include <torch/torch.h>

#include <algorithm>
#include <filesystem>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "torch/net_subject.hpp"
#include "torch/setup.hpp"

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

}  // namespace

RawFiles raw_files(const Artifact& artifact) {
  const fs::path raw = fs::path(artifact.dir) / "raw";
  return {(raw / measuring::journal_name).string(), (raw / measuring::outcome_name).string()};
}

Measuring::Measuring(const std::vector<Artifact>& artifacts, const MeasureOptions& options, torch::Device device)
    : artifacts_(artifacts), options_(options), device_(device), pool_(options.seed, device, options.channels_last) {}

measuring::JournalHead Measuring::head_of(const Artifact& artifact) const {
  measuring::JournalHead head;
  head.subject = artifact.net.id;
  head.parts = artifact.net.layers.size();
  head.settings["device"] = device_.str();
  head.settings["batch"] = std::to_string(options_.batch);
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
  if (is_finished()) return;
  const TorchSetup setup(options_.threads, device_);
  auto environment = setup.environment();
  environment["layout"] = options_.channels_last ? "channels_last" : "contiguous";
  environment["batch"] = std::to_string(options_.batch);
  environment["seed"] = std::to_string(options_.seed);
  const auto outcomes = measuring::conclude(entries_, options_.max_rel_ci);
  const bool open = std::any_of(artifacts_.begin(), artifacts_.end(), [&](const Artifact& artifact) {
    const auto i = static_cast<std::size_t>(&artifact - artifacts_.data());
    return outcomes[i].state != "measured" && entries_[i].journal->content().failures.empty();
  });
  if (open && measuring::spent_seconds(entries_) < options_.budget_s) {
    build_subjects();
    sample();
  }
  for (const auto& journal : journals_) journal->sync();
  save_outcomes(environment);
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

/// Whether an earlier call already drew its conclusions from all that the journals hold, and this call
/// would add nothing.
bool Measuring::is_finished() const {
  const auto outcomes = measuring::conclude(entries_, options_.max_rel_ci);
  const bool spent = measuring::spent_seconds(entries_) >= options_.budget_s;
  for (std::size_t i = 0; i < artifacts_.size(); ++i) {
    const bool wants_more = outcomes[i].state != "measured" && entries_[i].journal->content().failures.empty();
    if (wants_more && !spent) return false;
    const auto old = measuring::find_outcome(raw_files(artifacts_[i]).outcome);
    if (!old || old->visits != outcomes[i].visits || old->state != outcomes[i].state ||
        old->session.rounds != outcomes[i].session.rounds)
      return false;
  }
  return true;
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
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    measuring::Entry& entry = entries_[i];
    if (!entry.journal->content().failures.empty()) continue;
    const auto failures = measuring::failure_of([&] {
      std::vector<int> layers;
      Graph graph = entry.reference ? reference_graph() : lower(artifacts_[i].net, &layers);
      Shape shape = reference_input;
      if (entry.reference) {
        layers.assign(graph.ops.size(), -1);
      } else {
        const Net& net = artifacts_[i].net;
        shape = {options_.batch, net.image_channels, net.image_size, net.image_size};
      }
      subjects_.push_back(std::make_unique<NetSubject>(std::move(graph), std::move(layers), input_of(shape), pool_));
      entry.subject = subjects_.back().get();
    });
    if (!failures.empty()) entry.journal->append(failures.front());
    if (options_.stop && options_.stop()) throw Error(Fault::interrupted, "measuring was stopped on request");
  }
}

void Measuring::sample() {
  const c10::InferenceMode no_gradients;
  measuring::SamplerOptions sampling;
  sampling.threads = options_.threads;
  sampling.max_rel_ci = options_.max_rel_ci;
  sampling.budget_s = options_.budget_s;
  sampling.seed = options_.seed;
  sampling.fewest = fewest;
  sampling.stop = options_.stop;
  if (options_.progress)
    sampling.progress = [this](double done_s, std::size_t round, std::size_t steady) {
      options_.progress({done_s, options_.budget_s, std::max(0.0, options_.budget_s - done_s),
                         "round " + std::to_string(round + 1) + ", " + std::to_string(steady) + " of " +
                             std::to_string(artifacts_.size()) + " networks steady"});
    };
  measuring::ThisHost host(options_.threads);
  measuring::sample(entries_, host, sampling);
}

void Measuring::save_outcomes(const std::map<std::string, std::string>& environment) const {
  auto outcomes = measuring::conclude(entries_, options_.max_rel_ci);
  for (std::size_t i = 0; i < artifacts_.size(); ++i) {
    outcomes[i].environment = environment;
    measuring::save_outcome(raw_files(artifacts_[i]).outcome, outcomes[i]);
  }
}

}  // namespace hwprof
