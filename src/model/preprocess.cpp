// SPDX-License-Identifier: Apache-2.0
#include "model/preprocess.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "base/stats.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "model/words.hpp"

namespace hwprof::model {
namespace {

using base::in_quotes;

constexpr double cut = 5;          ///< robust deviations
constexpr double tolerance = 0.1;  ///< of the median; aw_nas' own limit, around the mean
constexpr std::size_t fewest_runs = 3;

constexpr const char* block_sum_name = "block_sum";
constexpr const char* anomaly_name = "remove_anomaly";
constexpr const char* flatten_name = "flatten";

/// Names in the only order that makes sense; the last three are alternatives.
const std::vector<std::string>& names_in_order() {
  static const std::vector<std::string> names{block_sum_name,         anomaly_name, flatten_name,
                                              "extract_sum_features", "padding",    "extract_lstm_features"};
  return names;
}

struct Taken {
  const char* kind;
  std::vector<Features> features;  ///< the first is the kind's own choice
};
const std::vector<Taken>& taken() {
  static const std::vector<Taken> all{{"table", {Features::none}},
                                      {"linear", {Features::sum}},
                                      {"calibrated", {Features::none}},
                                      {"kernel", {Features::none}},
                                      {"mlp", {Features::padding, Features::sum}},
                                      {"lstm", {Features::blocks, Features::padding}}};
  return all;
}

Features features_of(const std::string& name) {
  for (const Features features : {Features::sum, Features::padding, Features::blocks})
    if (name == to_string(features)) return features;
  return Features::none;
}

std::string describe(const std::vector<Features>& features) {
  std::vector<std::string> names;
  for (const Features one : features)
    names.push_back(one == Features::none ? "no features" : in_quotes(to_string(one)));
  return base::join(names, " or ");
}

/// Checks the names among themselves.
Pipeline read_names(const std::vector<std::string>& names) {
  const auto refuse = [](const std::string& what) { throw Error(Fault::usage, "preprocessors: " + what); };
  const auto& known = names_in_order();
  std::vector<std::size_t> ranks;
  Pipeline out;
  out.remove_anomaly = false;
  for (const auto& written : names) {
    // aw_nas' own pages and examples spell it so.
    const std::string name = written == "extrace_lstm_features" ? "extract_lstm_features" : written;
    const auto found = std::find(known.begin(), known.end(), name);
    if (found == known.end()) refuse("unknown name " + in_quotes(written) + base::suggest(written, known));
    const auto rank = static_cast<std::size_t>(found - known.begin());
    if (std::find(ranks.begin(), ranks.end(), rank) != ranks.end()) refuse(in_quotes(written) + " stands twice");
    if (!ranks.empty() && ranks.back() >= 3 && rank >= 3)
      refuse(in_quotes(written) + " and " + in_quotes(known[ranks.back()]) + " are alternatives");
    if (!ranks.empty() && rank < ranks.back())
      refuse(in_quotes(written) + " must come before " + in_quotes(known[ranks.back()]));
    ranks.push_back(rank);
    if (name == anomaly_name) out.remove_anomaly = true;
    if (rank >= 3) out.features = features_of(name);
  }
  const auto has = [&](std::size_t rank) { return std::find(ranks.begin(), ranks.end(), rank) != ranks.end(); };
  if (!has(2)) refuse("'flatten' is missing: fits work on runs, whatever network they are of");
  for (const std::size_t user : {std::size_t{1}, std::size_t{3}})
    if (has(user) && !has(0)) refuse(in_quotes(known[user]) + " needs 'block_sum' before it");
  return out;
}

}  // namespace

const char* to_string(Features features) noexcept {
  switch (features) {
    case Features::none:
      break;
    case Features::sum:
      return "extract_sum_features";
    case Features::padding:
      return "padding";
    case Features::blocks:
      return "extract_lstm_features";
  }
  return "";
}

Pipeline make_pipeline(const std::vector<std::string>& names, const std::string& kind) {
  const auto found =
      std::find_if(taken().begin(), taken().end(), [&kind](const Taken& one) { return one.kind == kind; });
  if (names.empty()) return {true, found == taken().end() ? Features::none : found->features.front()};
  const Pipeline out = read_names(names);
  if (found == taken().end())
    throw Error(Fault::usage, "preprocessors: kind " + in_quotes(kind) + " takes none; they belong to " +
                                  "table, linear, calibrated, mlp and lstm");
  if (std::find(found->features.begin(), found->features.end(), out.features) == found->features.end())
    throw Error(Fault::usage, "preprocessors: kind " + in_quotes(kind) + " takes " + describe(found->features) +
                                  ", not " + describe({out.features}));
  return out;
}

void remove_anomaly(FitData& data) {
  std::vector<double> block_sums(data.nets.size(), 0.0);
  for (const auto& samples : data.samples)
    for (const auto& sample : samples) block_sums[sample.net] += sample.value;
  std::map<std::vector<std::uint32_t>, NetList> runs;
  for (std::size_t i = 0; i < data.nets.size(); ++i)
    if (data.nets[i].measured > 0) runs[data.nets[i].prims].push_back(i);
  std::vector<bool> marked(data.nets.size(), false);
  std::vector<std::string> dropped;
  for (const auto& [prims, nets] : runs) {
    if (nets.size() < fewest_runs) continue;
    std::vector<double> sums;
    for (const std::size_t i : nets) sums.push_back(block_sums[i]);
    const double middle = base::median(sums);
    const double limit = std::max(cut * base::robust_deviation(sums, middle), tolerance * middle);
    for (const std::size_t i : nets) {
      if (!(std::abs(block_sums[i] - middle) > limit)) continue;
      marked[i] = true;
      dropped.push_back(data.nets[i].record->net_id);
    }
  }
  if (dropped.empty()) return;
  remove_nets(data, marked);
  auto& summary = data.info.summary;
  summary.nets_dropped += dropped.size();
  summary.notes.push_back(counted(dropped.size(), "run") +
                          " left out, whose block sum is far from that of other runs of "
                          "the same network: " +
                          some_of(dropped));
}

}  // namespace hwprof::model
