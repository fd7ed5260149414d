// SPDX-License-Identifier: Apache-2.0
#include "model/choose.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "model/fit_steps.hpp"
#include "model/kinds.hpp"
#include "model/words.hpp"

namespace hwprof::model {
namespace {

constexpr std::size_t folds = 5;

FitOptions options_for(const Kind& kind, const FitOptions& all) {
  FitOptions options = all;
  options.kind = kind.name;
  if (kind.name == "linear") return options;
  const FitOptions none;
  options.num_blocks = none.num_blocks;
  options.ridge = none.ridge;
  options.huber = none.huber;
  options.nonnegative = none.nonnegative;
  options.per_class = none.per_class;
  return options;
}

/// The data as the fit of a kind wants them.
FitData data_for(const Kind& kind, FitData data, bool assess) {
  data.info.summary.kind = kind.name;
  data.assess = assess;
  return data;
}

/// Fits the kind to a fold. Whole networks that are not in train are unknown to it. prims: those of the data, which
/// outlive the fold.
std::optional<NetPredictor> fit_fold(const Kind& kind, const FitOptions& options, const FitData& part,
                                     const NetList& train, const std::vector<Prim>& prims) {
  FitData data = data_for(kind, part, false);
  std::vector<bool> trained(data.nets.size(), false);
  for (const std::size_t i : train) trained[i] = true;
  for (std::size_t i = 0; i < data.nets.size(); ++i)
    if (!trained[i]) data.nets[i].measured = 0;
  const auto model = kind.fit(std::move(data), options);
  return [model, &prims](const FitNet& net) {
    std::vector<Prim> made_of;
    made_of.reserve(net.prims.size());
    for (const std::uint32_t prim : net.prims) made_of.push_back(prims[prim]);
    return model->predict(made_of);
  };
}

Compared compare(const Kind& kind, const FitOptions& options, const FitData& data, const NetList& nets,
                 std::vector<std::string>& notes) {
  Compared out;
  out.kind = kind.name;
  const NetFitter fit = [&](const FitData& part, const NetList& train) -> std::optional<NetPredictor> {
    try {
      return fit_fold(kind, options, part, train, data.index.prims());
    } catch (const Error& error) {
      if (error.fault() == Fault::internal || error.fault() == Fault::interrupted) throw;
      out.reason = error.what();
      return {};
    }
  };
  try {
    const CrossValidation result = cross_validate(data, nets, options.seed, fit, notes, folds);
    if (result.failed > 0 || result.errors.empty()) return out;
    out.reason.clear();
    out.cv_mape = result.mean();
    out.cv_error = result.standard_error();
  } catch (const Error& error) {
    if (error.fault() == Fault::internal || error.fault() == Fault::interrupted) throw;
    out.reason = error.what();
  }
  return out;
}

}  // namespace

std::shared_ptr<const Model::Impl> choose(const FitData& data, const FitOptions& options) {
  FitData common = data;
  const auto costs = make_table(common);
  NetList nets = comparable(common, costs);
  drop_outliers(common, costs, nets, false);
  const std::size_t found = count_networks(common, nets);
  if (found < 2)
    throw Error(Fault::missing, "kind 'auto' needs at least 2 networks with an overall " +
                                    std::string(to_string(data.info.metric)) + " and known primitives, found " +
                                    std::to_string(found) + "; kind 'table' needs none");
  std::vector<Compared> compared;
  std::vector<std::vector<std::string>> notes;  // by kind
  for (const Kind& kind : kinds()) {
    std::vector<std::string> own;
    compared.push_back(compare(kind, options_for(kind, options), data, nets, own));
    notes.push_back(std::move(own));
  }
  const auto fitted = [](const Compared& one) { return one.reason.empty(); };
  const Compared* best = nullptr;
  for (const auto& one : compared)
    if (fitted(one) && (best == nullptr || one.cv_mape < best->cv_mape)) best = &one;
  if (best == nullptr) {
    std::vector<std::string> reasons;
    for (const auto& one : compared) reasons.push_back(one.kind + ": " + one.reason);
    throw Error(Fault::missing, "no kind of model can be fitted: " + base::join(reasons, "; "));
  }
  const double limit = best->cv_mape + best->cv_error;
  auto& chosen = *std::find_if(compared.begin(), compared.end(),
                               [&](const auto& one) { return fitted(one) && one.cv_mape <= limit; });
  chosen.chosen = true;
  chosen.reason = &chosen == best ? "the least error of " + counted(found, "held-out network") +
                                        ", and nothing simpler is within a standard error of it"
                                  : "simpler than " + best->kind + ", and within a standard error of it";
  const Kind& kind = *find_kind(chosen.kind);
  FitData whole = data_for(kind, data, true);
  whole.info.summary.compared = compared;
  // What a kind that cannot be fitted lacks is its reason.
  const auto& notes_of_chosen = notes[static_cast<std::size_t>(&chosen - compared.data())];
  for (const auto& note : notes_of_chosen) whole.info.summary.notes.push_back("comparison of kinds: " + note);
  for (std::size_t k = 0; k < compared.size(); ++k) {
    if (&compared[k] == &chosen || !compared[k].reason.empty()) continue;
    for (const auto& note : notes[k])
      if (std::find(notes_of_chosen.begin(), notes_of_chosen.end(), note) == notes_of_chosen.end())
        whole.info.summary.notes.push_back("comparison of kinds, " + compared[k].kind + ": " + note);
  }
  return kind.fit(std::move(whole), options_for(kind, options));
}

}  // namespace hwprof::model
