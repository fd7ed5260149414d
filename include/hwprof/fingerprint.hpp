// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hwprof/graph.hpp"
#include "hwprof/record.hpp"

// What training and inference of whole networks cost on a device, in memory, time and energy, at any batch size, from
// what the networks are made of. docs/fingerprint.md says what is learned and how.
namespace hwprof {

enum class Stage { inference, training };
[[nodiscard]] const char* to_string(Stage stage) noexcept;
/// "inference", "training", "train". @throws Error(Fault::usage) for another name.
[[nodiscard]] Stage parse_stage(const std::string& name);

/// A network as costs are predicted of it. One part for a network that is known as a whole, one a layer where only a
/// list of layers is known; what sums goes over all parts.
struct CostedNet {
  struct Part {
    Graph graph;
    Shape input{};  ///< of one image; N is not read
  };
  std::string id;                    ///< what records call it
  std::vector<std::string> aliases;  ///< other names for it
  std::string family;                ///< what networks share that differ by pruning: see family_of()
  std::optional<double> level;       ///< pruned by so much [%], if its name says so
  std::vector<Part> parts;
};

/// The name without a level, a way of pruning, a repeat and the like at its end: resnet18 of resnet18_l1-norm_30 and of
/// resnet18_random_2_45. Words behind the first '_', '-' or '/' that are numbers, l1, l1-norm, random, r2, s3, b8,
/// train, …
[[nodiscard]] std::string family_of(const std::string& id);

/// A space of one architecture (kind: listed), a network as in prof_nets, an ONNX file, or a list of primitives. A
/// listed network whose layers do not follow from each other is taken as a list of layers, if each has spatial_size and
/// C. The id is the file's stem (that of a file net.yaml stands in it). @throws Error(Fault::input) with file:line.
[[nodiscard]] CostedNet load_costed_net(const std::string& file);

/// Names of the features of a network, perf4sight's first ("gemm.im2col_forward"), then our own ("own.macs").
[[nodiscard]] std::vector<std::string> list_fingerprint_features(Stage stage);
/// Their values for a batch; those of perf4sight count values and operations, ours say their unit in
/// docs/fingerprint.md. Some microseconds an op. @throws as infer_shapes; Error(Fault::usage) for a batch outside 1 to
/// 2^20.
[[nodiscard]] std::vector<double> fingerprint_of(const CostedNet& net, int batch, Stage stage);
/// The same by op, for the batch of the input: those features that are sums over ops, which come first.
[[nodiscard]] std::vector<std::vector<double>> fingerprint_ops(const Graph& graph, const Shape& input, Stage stage);

/// A measurement of a network: latency [s], memory [bytes] or energy [J].
struct CostSample {
  std::size_t net = 0;  ///< in CostData::nets
  int batch = 1;
  Stage stage = Stage::inference;
  Metric quantity = Metric::latency;
  double value = 0;
};
struct CostData {
  std::vector<CostedNet> nets;
  std::vector<CostSample> samples;
  std::size_t failed = 0;    ///< records without a number: out of memory and the like
  std::size_t unpaired = 0;  ///< records of networks that are not there
  Notes notes;               ///< these by name
  Provenance from;
};

/// Finds the network of every record by name, never by order: net_id or arch, then what a log of perf4sight says (the
/// stem of `model`, net_name with the level, the log's name, in a log of several networks only of its level, net_name
/// alone at level 0). Letters' case, the kind of separator and what kind of log a name says at its end do not count. A
/// record's metrics train_… are of training, others of its mode.
/// @throws Error(Fault::usage) for two networks of one id and records of several devices, Error(Fault::missing) when no
/// record has both a network and a number.
[[nodiscard]] CostData pair_costs(const std::vector<NetRecord>& records, std::vector<CostedNet> nets);

struct FingerprintOptions {
  std::string kind = "auto";  ///< or one of list_fingerprint_kinds()
  int trees = 300;            ///< of forests
  std::uint64_t seed = 0;
  bool by_level = false;  ///< auto decides by the error on pruning levels that were not seen for all networks; else by
                          ///< that for families fitted on, by the error on networks for others
  std::vector<double> train_levels;  ///< fit on these alone [%]; the others are the levels that were not seen
  bool assess = true;                ///< hold out networks and levels; needed for "auto"
};

/// "tree", "forest", "simple", "physical", "ratio", "residual", "blend", from the simple to the complex.
[[nodiscard]] std::vector<std::string> list_fingerprint_kinds();

struct KindError {
  std::string kind;
  double mean = 0, most = 0;  ///< of |predicted / measured - 1| over what was held out; 0.05 is 5 %
  bool chosen = false;
};
struct FewRows {
  std::size_t rows = 0;  ///< of the held-out network, drawn; the error is of its others
  double mean = 0, most = 0;
  double without = 0;  ///< mean error on the same rows before the update
};
/// How the fit of one cost went.
struct FingerprintFit {
  Stage stage = Stage::inference;
  Metric quantity = Metric::latency;
  std::string kind;
  std::string known_kind;  ///< of auto, for families fitted on; empty where kind predicts these as well
  std::size_t rows = 0, nets = 0, families = 0;  ///< that are fitted on, those for calibration left aside
  std::size_t calibration = 0;  ///< rows of the family "calibration": fitted on always, held out and judged by
                                ///< never; 0 where they are judged by: see fit_fingerprint()
  double fit_error = 0;         ///< mean, in-sample, of the kind that predicts these
  std::string held_out;         ///< "network", "level", "batch" or "row": what by_network went by
  std::vector<KindError>
      by_network;                   ///< one family held out at a time; where there is but one: its levels, else batches
  std::vector<KindError> by_level;  ///< levels that were not seen, of networks that were; may be empty
  std::map<std::string, double> families_error;  ///< mean error by family of the chosen kind, held out
  std::vector<FewRows> few;                      ///< after an update with so many rows of the held-out network
  std::optional<double> repeatability;  ///< mean relative difference of measurements of one network, batch and kind
  /// Rise of the mean error when the feature is shuffled among the rows; the largest first.
  std::vector<std::pair<std::string, double>> importance;
};

struct CostPrediction {
  double value = 0;           ///< s, bytes or J; never below 0, and by an update never 0
  double standard_error = 0;  ///< from errors on held-out networks
  int outside = 0;            ///< features outside the range of what was measured
  bool updated = false;       ///< by rows of the network's own family
};

/// Fitted costs of one device. Cheap to copy; safe to use from any thread.
class FingerprintModel {
 public:
  [[nodiscard]] const std::vector<FingerprintFit>& fits() const noexcept;
  [[nodiscard]] const Provenance& from() const noexcept;
  [[nodiscard]] bool has(Stage stage, Metric quantity) const noexcept;
  /// @throws Error(Fault::missing) for a cost that was not fitted, with those that were; otherwise as fingerprint_of().
  [[nodiscard]] CostPrediction predict(const CostedNet& net, int batch, Stage stage, Metric quantity) const;

  class Impl;
  explicit FingerprintModel(std::shared_ptr<const Impl> impl);
  [[nodiscard]] const Impl& impl() const noexcept { return *impl_; }

 private:
  std::shared_ptr<const Impl> impl_;
};

/// A model for every stage and quantity that has samples; notes get those that have fewer than 8 and are left out,
/// those judged by networks for calibration too (fewer than 8 other rows), and those without levels for by_level.
/// Seconds to a minute for a thousand rows.
/// @throws Error(Fault::missing) for fewer than 8 rows of each cost, Error(Fault::usage) for an unknown kind, and for
/// by_level with kind "auto" where no cost has levels that were not seen.
[[nodiscard]] FingerprintModel fit_fingerprint(const CostData& data, const FingerprintOptions& options = {},
                                               Notes* notes = nullptr);

/// The model with what few rows (3 to 10, say) of a new network tell: every coefficient gets a factor, by Bayesian
/// linear regression towards a common scale, which itself is drawn towards 1. Holds for the family of these rows.
/// @throws Error(Fault::missing) when no row is of a cost that the model has; Error(Fault::usage) for another device.
[[nodiscard]] FingerprintModel update_fingerprint(const FingerprintModel& model, const CostData& few);

struct BatchLimits {
  std::optional<double> memory_bytes, latency_s, energy_j;
  int most = 4096;  ///< the largest that is asked for
};
/// The largest batch that keeps the limits, as all smaller ones do; 0 when one image does not.
/// @throws Error(Fault::usage) without limits and for most below 1; otherwise as predict.
[[nodiscard]] int largest_batch(const FingerprintModel& model, const CostedNet& net, Stage stage,
                                const BatchLimits& limits);

/// Versioned JSON ("hwprof.fingerprint/1"): units, device, fit statistics inside. Old versions load for ever.
/// @throws Error(Fault::input) with the place.
[[nodiscard]] FingerprintModel load_fingerprint(const std::string& file);
void save_fingerprint(const std::string& file, const FingerprintModel& model);

}  // namespace hwprof
