// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "hwprof/prim.hpp"
#include "net/glue.hpp"

namespace hwprof::net {

/// The primitives as ways between places. Keeps account of which ones are still to be walked.
class PrimMap {
 public:
  struct Way {
    Place from, to;
    double macs = 0;
  };
  using Ways = std::set<std::size_t>;  ///< indices into prims()

  /// @throws Error(Fault::input) naming a primitive that cannot be built.
  explicit PrimMap(std::vector<Prim> prims);

  [[nodiscard]] const std::vector<Prim>& prims() const noexcept { return prims_; }
  [[nodiscard]] const Way& way(std::size_t index) const { return ways_[index]; }
  [[nodiscard]] double mean_macs() const noexcept { return mean_macs_; }

  /// The ways still to be walked from a place.
  struct Open {
    Ways loops;  ///< back to the same place
    std::map<Place, Ways> exits;
    [[nodiscard]] std::size_t count_exits() const;
  };

  [[nodiscard]] bool done() const noexcept { return open_.empty(); }
  void walk(std::size_t index);  ///< no longer to be walked

  [[nodiscard]] const std::map<Place, Open>& open() const noexcept { return open_; }
  [[nodiscard]] double heaviest_open(Place place) const;

  /// What to walk next from a place, if anything: a loop (a way back to the same place) while some are left to
  /// take on this visit, then the way with the most still to be walked behind it.
  [[nodiscard]] std::optional<std::size_t> next(Place place, std::size_t loops_left) const;
  /// Loops to take on this visit: they are spread over the visits that are sure to come, so that the networks
  /// get similar lengths.
  [[nodiscard]] std::size_t loop_quota(Place place) const;
  /// Whether fewer ways still to be walked lead to this open place than leave it, so that a network must be
  /// brought here by other means.
  [[nodiscard]] bool lacks_visits(Place place) const;
  /// Whether what still leaves this place is sure to be walked on a later visit.
  [[nodiscard]] bool can_wait(Place place) const;

  /// The shortest sequence of ways, walked or not, from one of the places to one that lacks visits, or to
  /// any open one; the largest such place counts where several are equally near.
  [[nodiscard]] std::optional<std::vector<std::size_t>> path_to_open(const std::vector<Place>& from,
                                                                     std::size_t max_hops, bool any) const;
  /// Places with ways out that have this many channels, the largest first.
  [[nodiscard]] std::vector<Place> places_with(int channels) const;
  /// The cheapest way to each place that can be reached directly.
  [[nodiscard]] const std::map<Place, std::size_t>& neighbours(Place place) const;

 private:
  std::vector<Prim> prims_;
  std::vector<Way> ways_;
  std::map<Place, std::map<Place, std::size_t>> cheapest_;
  std::map<Place, Open> open_;
  std::map<Place, std::size_t> arrivals_;  ///< ways still to be walked that end here and began elsewhere
  double mean_macs_ = 0;
};

}  // namespace hwprof::net
