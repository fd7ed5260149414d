// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "base/text.hpp"
#include "fingerprint/impl.hpp"
#include "fingerprint/names.hpp"
#include "hwprof/error.hpp"
#include "hwprof/limit.hpp"

namespace hwprof {
namespace {

using fingerprint::Rows;

constexpr double range_tolerance = 0.01;

std::string name_of(Stage stage, Metric quantity) {
  return std::string(to_string(stage)) + " " + to_string(quantity);
}

/// The samples by cost, with their networks' features.
std::map<std::pair<Stage, Metric>, Rows> rows_of(const CostData& data) {
  std::map<std::pair<Stage, Metric>, Rows> out;
  std::map<std::tuple<std::size_t, int, Stage>, std::vector<double>> known;
  for (const auto& sample : data.samples) {
    auto& rows = out[{sample.stage, sample.quantity}];
    rows.stage = sample.stage;
    rows.quantity = sample.quantity;
    auto& features = known[{sample.net, sample.batch, sample.stage}];
    if (features.empty()) features = fingerprint_of(data.nets.at(sample.net), sample.batch, sample.stage);
    rows.features.push_back(features);
    rows.y.push_back(sample.value);
    rows.net.push_back(sample.net);
    rows.batch.push_back(sample.batch);
  }
  for (auto& [cost, rows] : out) {
    std::map<std::string, std::size_t> families;
    std::set<std::size_t> drawn;
    for (const std::size_t net : rows.net) {
      const bool is_drawn = fingerprint::is_for_calibration(data.nets[net]);
      if (is_drawn) drawn.insert(net);
      rows.family.push_back(is_drawn ? fingerprint::no_family
                                     : families.emplace(data.nets[net].family, families.size()).first->second);
    }
    rows.drawn = drawn.size();
  }
  return out;
}

}  // namespace

bool fingerprint::Target::is_known(const std::string& family) const {
  return families.count(plain_name(family)) != 0;
}

const std::string& fingerprint::Target::kind_of(const std::string& family) const {
  return is_known(family) ? fit.known_kind : fit.kind;
}

fingerprint::UpdateRule fingerprint::Target::rule_of(const std::string& family) const {
  return is_known(family) ? UpdateRule{"scale", rule.deviation, rule.noise} : rule;
}

bool fingerprint::Target::is_beyond(const std::vector<double>& features, std::size_t feature) const {
  const auto at = std::find(known.begin(), known.end(), feature);
  return at != known.end() && features[feature] > most[static_cast<std::size_t>(at - known.begin())];
}

CostPrediction fingerprint::Target::predict(const std::vector<double>& features, const std::string& family) const {
  CostPrediction out;
  for (std::size_t i = 0; i < known.size(); ++i) {
    const double value = features[known[i]];
    if (value < least[i] * (1 - range_tolerance) || value > most[i] * (1 + range_tolerance)) ++out.outside;
  }
  std::string kind = kind_of(family);
  out.value = std::max(0.0, parts.predict(kind, features));
  // Trees say no more than the most that was measured.
  if ((kind == "tree" || kind == "forest" || kind == "blend") && is_beyond(features, parts.physical.batch) &&
      parts.physical.at(features) > out.value) {
    kind = "physical";
    out.value = parts.physical.at(features);
  }
  const double base = out.value;
  double share = is_known(family) ? known_error : error, apart = 0;
  for (const auto& update : updates) {
    if (plain_name(update.family) != plain_name(family)) continue;
    const auto own = rule_of(family);
    const auto corrected = updated(update, own, update_columns(parts, kind, own, features), base);
    out.value = corrected.value;
    apart = corrected.apart;
    out.updated = true;
    if (is_known(family)) continue;
    for (const auto& few : fit.few)                          // sorted by rows
      if (few.rows <= update.rows) share = 1.25 * few.mean;  // of a mean absolute error, were errors normal
  }
  out.standard_error = std::max(share * out.value, apart);
  return out;
}

const std::vector<FingerprintFit>& FingerprintModel::fits() const noexcept {
  return impl_->fits;
}

const Provenance& FingerprintModel::from() const noexcept {
  return impl_->from;
}

bool FingerprintModel::has(Stage stage, Metric quantity) const noexcept {
  return impl_->find(stage, quantity) != nullptr;
}

FingerprintModel::FingerprintModel(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

CostPrediction FingerprintModel::predict(const CostedNet& net, int batch, Stage stage, Metric quantity) const {
  const auto* target = impl_->find(stage, quantity);
  if (target == nullptr) {
    std::vector<std::string> known;
    for (const auto& fit : impl_->fits) known.push_back(name_of(fit.stage, fit.quantity));
    throw Error(Fault::missing, "the model has no " + name_of(stage, quantity) + "; it has " + base::join(known, ", "));
  }
  return target->predict(fingerprint_of(net, batch, stage), net.family);
}

FingerprintModel fit_fingerprint(const CostData& data, const FingerprintOptions& options, Notes* notes) {
  const auto kinds = list_fingerprint_kinds();
  if (options.kind != "auto" && std::find(kinds.begin(), kinds.end(), options.kind) == kinds.end())
    throw Error(Fault::usage, "unknown kind " + base::in_quotes(options.kind) + base::suggest(options.kind, kinds));
  if (options.kind == "auto" && !options.assess)
    throw Error(Fault::usage, "auto needs networks to be held out; name a kind, or assess");
  auto impl = std::make_shared<FingerprintModel::Impl>();
  Notes lacking, told;
  for (const auto& [cost, rows] : rows_of(data)) {
    try {
      impl->targets.push_back(fingerprint::fit_target(data, rows, options));
      impl->fits.push_back(impl->targets.back().fit);
      told.insert(told.end(), impl->targets.back().notes.begin(), impl->targets.back().notes.end());
    } catch (const Error& error) {
      if (error.fault() != Fault::missing) throw;
      lacking.emplace_back(error.what());
    }
  }
  if (impl->targets.empty())
    throw Error(Fault::missing, lacking.empty() ? "there are no samples to fit on" : base::join(lacking, "; "));
  if (options.by_level && options.kind == "auto" &&
      std::all_of(impl->fits.begin(), impl->fits.end(), [](const auto& fit) { return fit.by_level.empty(); }))
    throw Error(Fault::usage, "there are no pruning levels that were not seen to choose by");
  if (notes != nullptr)
    for (const auto* list : {&lacking, &told}) notes->insert(notes->end(), list->begin(), list->end());
  impl->from = data.from;
  return FingerprintModel(impl);
}

FingerprintModel update_fingerprint(const FingerprintModel& model, const CostData& few) {
  for (const auto part : {&Provenance::device, &Provenance::compiler})
    if (!(model.from().*part).empty() && !(few.from.*part).empty() && model.from().*part != few.from.*part)
      throw Error(Fault::usage, "the model is of " + base::in_quotes(model.from().*part) + ", the rows of " +
                                    base::in_quotes(few.from.*part));
  auto impl = std::make_shared<FingerprintModel::Impl>(model.impl());
  bool any = false;
  for (const auto& [cost, rows] : rows_of(few))
    for (auto& target : impl->targets) {
      if (target.fit.stage != rows.stage || target.fit.quantity != rows.quantity) continue;
      std::map<std::string, fingerprint::Picks> families;
      for (std::size_t row = 0; row < rows.size(); ++row) families[few.nets[rows.net[row]].family].push_back(row);
      for (const auto& [family, picks] : families) {
        auto update =
            fingerprint::learn_update(target.parts, target.kind_of(family), target.rule_of(family), rows, picks);
        update.family = family;
        auto& updates = target.updates;
        updates.erase(std::remove_if(updates.begin(), updates.end(),
                                     [&name = family](const auto& one) { return one.family == name; }),
                      updates.end());
        updates.push_back(std::move(update));
        any = true;
      }
    }
  if (!any) throw Error(Fault::missing, "no row is of a cost that the model has");
  return FingerprintModel(impl);
}

int largest_batch(const FingerprintModel& model, const CostedNet& net, Stage stage, const BatchLimits& limits) {
  const std::pair<Metric, std::optional<double>> all[] = {
      {Metric::memory, limits.memory_bytes}, {Metric::latency, limits.latency_s}, {Metric::energy, limits.energy_j}};
  if (std::none_of(std::begin(all), std::end(all), [](const auto& one) { return one.second.has_value(); }))
    throw Error(Fault::usage, "a limit of memory, latency or energy is expected");
  if (limits.most < 1)
    throw Error(Fault::usage,
                "the largest batch that is asked for must be 1 or more, found " + std::to_string(limits.most));
  for (int batch = 1; batch <= limits.most; ++batch)
    for (const auto& [quantity, limit] : all)
      if (limit && !keeps_limit(model.predict(net, batch, stage, quantity).value, *limit)) return batch - 1;
  return limits.most;
}

}  // namespace hwprof
