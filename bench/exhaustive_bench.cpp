// SPDX-License-Identifier: Apache-2.0
// All 1.16 billion architectures of a once-for-all space of two stages and three image sizes scored, without
// storing them: the number under a limit, and the Pareto front of latency against multiply-accumulates. Both are
// compared with the exact tools, which do not look at each.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>

#include "hwprof/exact.hpp"
#include "hwprof/graph.hpp"

namespace {

using namespace hwprof;

constexpr const char* space_yaml = R"(kind: ofa
name: two_stages
image_size_choice: [160, 192, 224]
base_channels: [16, 16, 24, 40]
strides: [1, 2, 2]
primitive_type: mobilenet_v3_block
acts: [relu, relu, h_swish]
use_ses: [false, false, true]
depth_choice: [2, 3, 4]
width_choice: [3, 4, 6]
kernel_choice: [3, 5, 7]
)";

/// A latency per primitive without a device: what a machine of 100 GMAC/s and 10 GB/s needs.
double roofline_s(const Prim& prim) {
  const Work work = count_work(prim);
  return std::max(work.macs / 1e11, (work.input_bytes + work.output_bytes + work.weight_bytes) / 1e10);
}

template <typename F>
double seconds(F&& f) {
  const auto begin = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// The points of least latency and most arithmetic among those shown to it.
class Front {
 public:
  Front(double least, double most) : least_(least), bins_per_s_(bins / (most - least)) {
    value_at_.assign(bins + 2, -std::numeric_limits<double>::infinity());
  }

  void show(double latency_s, double macs) {
    // Most are beaten by something in a bin below, which one look tells.
    const auto bin = static_cast<std::size_t>((latency_s - least_) * bins_per_s_);
    if (macs <= value_at_[bin]) return;
    const auto at = std::lower_bound(points_.begin(), points_.end(), latency_s,
                                     [](const auto& point, double latency) { return point.first < latency; });
    if (at != points_.begin() && std::prev(at)->second >= macs) return;
    if (at != points_.end() && at->first == latency_s && at->second >= macs) return;
    auto last = at;
    while (last != points_.end() && last->second <= macs) ++last;
    points_.insert(points_.erase(at, last), {latency_s, macs});
    for (std::size_t b = bin + 1; b < value_at_.size() && value_at_[b] < macs; ++b) value_at_[b] = macs;
  }

  [[nodiscard]] const std::vector<std::pair<double, double>>& points() const { return points_; }

 private:
  static constexpr std::size_t bins = 1 << 14;
  double least_, bins_per_s_;
  std::vector<double> value_at_;  ///< most arithmetic of a point in a lower bin
  std::vector<std::pair<double, double>> points_;
};

int run(int threads) {
  const auto path = std::filesystem::temp_directory_path() / "hwprof_exhaustive_bench.yaml";
  std::ofstream(path) << space_yaml;
  const auto file = load_space(path.string());
  std::filesystem::remove(path);
  const Predictor latency(*file.space, roofline_s);
  const Predictor macs(*file.space, [](const Prim& prim) { return count_work(prim).macs; });
  const double least = cheapest(latency).cost, most = costliest(latency).cost;
  const double limit = (least + most) / 2;

  std::uint64_t count = 0;
  const double count_s = seconds([&] { count = count_feasible({latency}, {limit}, threads); });
  const FeasibleSet set(latency, limit);
  const ExhaustiveScore scores({latency, macs});
  std::cout << scores.size() << " architectures, " << threads << " threads\n"
            << "count under the limit: " << count << " in " << count_s << " s (bounds " << set.at_least() << " to "
            << set.at_most() << ")\n";

  std::vector<Front> fronts(static_cast<std::size_t>(threads), Front(least, most));
  const double front_s = seconds([&] {
    scores.visit(
        [&](const ScoreBlock& block) {
          Front& mine = fronts[static_cast<std::size_t>(block.thread)];
          for (std::size_t i = 0; i < block.n; ++i) mine.show(block.costs[0][i], block.costs[1][i]);
        },
        threads);
  });
  Front all(least, most);
  for (const auto& front : fronts)
    for (const auto& [l, m] : front.points()) all.show(l, m);
  std::vector<ParetoPoint> exact;
  const double exact_s = seconds([&] { exact = pareto_front(latency, macs, Direction::maximize); });
  std::cout << "Pareto front by scoring: " << all.points().size() << " points in " << front_s
            << " s; exact tool: " << exact.size() << " points in " << exact_s << " s\n";

  // Sums in another order differ in the last bits, so that a point or two may be there twice.
  double worst = 0;
  for (const auto& point : exact) {
    double nearest = std::numeric_limits<double>::infinity();
    for (const auto& [l, m] : all.points())
      nearest = std::min(nearest, std::abs(l / point.cost - 1) + std::abs(m / point.value - 1));
    worst = std::max(worst, nearest);
  }
  std::cout << "largest distance of a point of one from the other: " << worst << '\n';
  const bool agrees =
      worst < 1e-12 && set.at_least() <= static_cast<double>(count) && static_cast<double>(count) <= set.at_most();
  return agrees ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  return run(argc > 1 ? std::max(1, std::atoi(argv[1])) : 2);
}
