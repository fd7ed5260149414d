// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "base/text.hpp"
#include "fingerprint/assess.hpp"
#include "fingerprint/names.hpp"
#include "hwprof/error.hpp"

namespace hwprof {
namespace fingerprint {
namespace {

constexpr std::size_t least_rows = 8, least_train = 4;
constexpr const char* automatic = "auto";

class Fitter {
 public:
  Fitter(const CostData& data, const Rows& rows, const FingerprintOptions& options)
      : data_(data), rows_(rows), options_(options) {
    all_.resize(rows.size());
    std::iota(all_.begin(), all_.end(), std::size_t{0});
    const auto drawn =
        std::stable_partition(all_.begin(), all_.end(), [this](std::size_t row) { return !is_drawn(row); });
    own_ = static_cast<std::size_t>(drawn - all_.begin());
    if (own_ >= least_rows) {  // else calibration is judged by as well
      calibration_.assign(drawn, all_.end());
      all_.erase(drawn, all_.end());
    }
    for (const std::size_t row : all_)
      if (options.train_levels.empty() || is_drawn(row) || contains(options.train_levels, level(row)))
        train_.push_back(row);
  }

  Target run() {
    Target target;
    auto& fit = target.fit;
    fit.stage = rows_.stage;
    fit.quantity = rows_.quantity;
    fit.rows = train_.size();
    const Picks fitted = with_calibration(train_);
    if (train_.empty() || fitted.size() < least_rows)
      throw Error(Fault::missing, name() + ": " + std::to_string(least_rows) + " rows to fit on are needed, found " +
                                      std::to_string(fitted.size()));
    std::set<std::size_t> nets;
    std::set<std::string> families;
    for (const std::size_t row : train_) {
      nets.insert(rows_.net[row]);
      families.insert(family(row));
    }
    fit.nets = nets.size();
    fit.families = families.size();
    fit.calibration = calibration_.size();
    if (own_ > 0 && own_ < all_.size() && own_ < least_rows)
      target.notes.push_back(name() + ": " + std::to_string(own_) + " rows besides calibration, fewer than " +
                             std::to_string(least_rows) + ", are too few to judge by; networks for calibration are " +
                             "held out and judged by too");
    fit.repeatability = repeatability();
    const bool choose = options_.kind == automatic;
    fit.kind = choose ? "blend" : options_.kind;
    if (options_.assess) assess(target, choose);
    if (!fit.known_kind.empty())
      for (const auto& one : families)
        if (plain_name(one) != calibration_family) target.families.insert(plain_name(one));
    target.parts = fit_parts(rows_, fitted, wanted(fit, target.rule), options_.trees, options_.seed);
    double sum = 0;
    for (const std::size_t row : train_)
      sum += std::abs(target.parts.predict(target.kind_of(family(row)), rows_.features[row]) / rows_.y[row] - 1);
    fit.fit_error = sum / static_cast<double>(train_.size());
    fit.importance = importance(rows_, train_, target.parts, fit.kind, options_.seed);
    target.known.resize(rows_.features[train_.front()].size());
    std::iota(target.known.begin(), target.known.end(), std::size_t{0});
    target.least = target.most = rows_.features[train_.front()];
    for (const std::size_t row : fitted)
      for (std::size_t f = 0; f < target.least.size(); ++f) {
        target.least[f] = std::min(target.least[f], rows_.features[row][f]);
        target.most[f] = std::max(target.most[f], rows_.features[row][f]);
      }
    return target;
  }

 private:
  static bool contains(const std::vector<double>& list, double value) {
    return std::any_of(list.begin(), list.end(), [value](double one) { return std::abs(one - value) < 1e-6; });
  }
  [[nodiscard]] const std::string& family(std::size_t row) const { return data_.nets[rows_.net[row]].family; }
  [[nodiscard]] bool is_drawn(std::size_t row) const { return is_for_calibration(data_.nets[rows_.net[row]]); }
  [[nodiscard]] std::string name() const {
    return std::string(to_string(rows_.stage)) + " " + to_string(rows_.quantity);
  }
  [[nodiscard]] double level(std::size_t row) const { return data_.nets[rows_.net[row]].level.value_or(0); }

  static std::vector<std::string> wanted(const FingerprintFit& fit, const UpdateRule& rule) {
    std::vector<std::string> kinds{fit.kind};
    if (!fit.known_kind.empty()) kinds.push_back(fit.known_kind);
    if (rule.columns == "residual") kinds.emplace_back("residual");
    return kinds;
  }

  [[nodiscard]] Picks with_calibration(Picks picks) const {
    picks.insert(picks.end(), calibration_.begin(), calibration_.end());
    return picks;
  }

  /// Rows of one value stay together; more than ten values share ten folds. Without rows for calibration at least two
  /// values are needed.
  template <typename Of>
  [[nodiscard]] std::vector<Fold> folds_by(const Picks& all, const Of& of) const {
    constexpr std::size_t most_folds = 10;
    std::map<decltype(of(std::size_t{})), std::size_t> number;
    for (const std::size_t row : all) number.emplace(of(row), 0);
    std::size_t next = 0;
    for (auto& value : number) value.second = next++ % most_folds;
    std::vector<Fold> folds;
    for (std::size_t f = 0; f < std::min(next, most_folds); ++f) {
      Fold fold;
      for (const std::size_t row : train_)
        if (number.at(of(row)) != f) fold.train.push_back(row);
      fold.train = with_calibration(std::move(fold.train));
      for (const std::size_t row : all)
        if (number.at(of(row)) == f) fold.test.push_back(row);
      if (fold.train.size() >= least_train) folds.push_back(std::move(fold));
    }
    if (folds.size() < 2 && calibration_.empty()) folds.clear();
    return folds;
  }

  void assess(Target& target, bool choose) const {
    auto& fit = target.fit;
    const auto kinds = choose ? list_fingerprint_kinds() : std::vector<std::string>{fit.kind};
    fit.held_out = "network";
    const bool only_drawn = own_ == 0;
    auto folds = folds_by(all_, [this, only_drawn](std::size_t row) {  // drawn ones are no family of one network
      return std::make_pair(family(row), is_drawn(row) && !only_drawn ? rows_.net[row] : 0);
    });
    if (folds.empty()) {
      fit.held_out = "level";
      folds = folds_by(train_, [this](std::size_t row) { return rows_.net[row]; });
    }
    if (folds.empty()) {
      fit.held_out = "batch";
      folds = folds_by(train_, [this](std::size_t row) { return rows_.batch[row]; });
    }
    if (folds.empty()) {
      fit.held_out = "row";
      folds = folds_by(train_, [](std::size_t row) { return row % 4; });
    }
    std::vector<Parts> parts;
    auto asked = kinds;
    if (std::find(asked.begin(), asked.end(), "residual") == asked.end())
      asked.emplace_back("residual");  // an update may go by its terms
    const auto held = hold_out(rows_, folds, asked, options_, &parts);
    fit.by_network = errors_of(held, kinds);

    std::vector<Fold> levels(1);
    levels.front() = level_fold();
    HeldOut held_levels;
    if (!levels.front().test.empty() && levels.front().train.size() >= least_train) {
      levels.front().train = with_calibration(std::move(levels.front().train));
      held_levels = hold_out(rows_, levels, kinds, options_);
      fit.by_level = errors_of(held_levels, kinds);
    }
    const bool by_level = options_.by_level && !fit.by_level.empty();
    if (options_.by_level && !by_level && choose)
      target.notes.push_back(name() + ": there are no pruning levels that were not seen to choose by; chosen by " +
                             fit.held_out);
    if (choose) {
      fit.kind = least_of(by_level ? fit.by_level : fit.by_network);
      if (!by_level && !fit.by_level.empty()) fit.known_kind = least_of(fit.by_level);
    }
    for (auto& one : fit.by_network) one.chosen = one.kind == fit.kind;
    for (auto& one : fit.by_level) one.chosen = one.kind == (fit.known_kind.empty() ? fit.kind : fit.known_kind);
    target.error = root_mean_square((by_level ? held_levels : held).errors.at(fit.kind));
    if (!fit.known_kind.empty()) target.known_error = root_mean_square(held_levels.errors.at(fit.known_kind));
    if (fit.held_out != "network") return;
    std::map<std::string, std::pair<double, std::size_t>> by_family;
    for (std::size_t i = 0; i < held.rows.size(); ++i) {
      auto& [sum, count] = by_family[family(held.rows[i])];
      sum += std::abs(held.errors.at(fit.kind)[i]);
      ++count;
    }
    for (const auto& [name, sum] : by_family) fit.families_error[name] = sum.first / static_cast<double>(sum.second);
    if (own_ == all_.size() || only_drawn)
      fit.few = choose_rule(rows_, folds, parts, fit.kind, options_.seed, target.rule);
  }

  static std::string least_of(const std::vector<KindError>& errors) {
    return std::min_element(errors.begin(), errors.end(), [](const auto& a, const auto& b) { return a.mean < b.mean; })
        ->kind;
  }

  static double root_mean_square(const std::vector<double>& errors) {
    double squares = 0;
    for (const double error : errors) squares += error * error;
    return std::sqrt(squares / static_cast<double>(errors.size()));
  }

  static std::vector<KindError> errors_of(const HeldOut& held, const std::vector<std::string>& kinds) {
    std::vector<KindError> out;
    for (const auto& kind : kinds) {
      KindError one;
      one.kind = kind;
      const auto& errors = held.errors.at(kind);
      for (const double error : errors) {
        one.mean += std::abs(error) / static_cast<double>(errors.size());
        one.most = std::max(one.most, std::abs(error));
      }
      out.push_back(one);
    }
    return out;
  }

  /// perf4sight's split, where its levels are there, and others: fit on 0, 30, 50, 70 and 90 %; else on every second
  /// level.
  [[nodiscard]] Fold level_fold() const {
    std::set<double> levels;
    for (const std::size_t row : all_)
      if (!is_drawn(row)) levels.insert(level(row));
    std::vector<double> seen = options_.train_levels;
    if (seen.empty())
      for (const double level : {0.0, 30.0, 50.0, 70.0, 90.0})
        if (levels.count(level) != 0) seen.push_back(level);
    if (options_.train_levels.empty() && (seen.size() < 3 || seen.size() == levels.size())) {
      seen.clear();
      std::size_t i = 0;
      for (const double level : levels)
        if (i++ % 2 == 0) seen.push_back(level);
    }
    Fold fold;
    for (const std::size_t row : all_)
      (is_drawn(row) || contains(seen, level(row)) ? fold.train : fold.test).push_back(row);
    return fold;
  }

  [[nodiscard]] std::optional<double> repeatability() const {
    std::map<std::pair<std::size_t, int>, double> last;
    double sum = 0;
    std::size_t count = 0;
    for (const std::size_t row : all_) {
      const auto [at, is_new] = last.emplace(std::make_pair(rows_.net[row], rows_.batch[row]), rows_.y[row]);
      if (is_new) continue;
      sum += std::abs(at->second - rows_.y[row]) / ((at->second + rows_.y[row]) / 2);
      ++count;
      at->second = rows_.y[row];
    }
    if (count == 0) return {};
    return sum / static_cast<double>(count);
  }

  const CostData& data_;
  const Rows& rows_;
  const FingerprintOptions& options_;
  std::size_t own_ = 0;  ///< rows that are not for calibration
  Picks all_, train_;    ///< those for calibration left aside, unless the others are too few to judge by
  Picks calibration_;    ///< in every fold's train, in none's test
};

}  // namespace

Target fit_target(const CostData& data, const Rows& rows, const FingerprintOptions& options) {
  return Fitter(data, rows, options).run();
}

}  // namespace fingerprint

std::vector<std::string> list_fingerprint_kinds() {
  return {"tree", "forest", "simple", "physical", "ratio", "residual", "blend"};
}

}  // namespace hwprof
