// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <iterator>
#include <tuple>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/net.hpp"
#include "net/glue.hpp"
#include "net/prim_map.hpp"

namespace hwprof {
namespace {

using net::Place;
using net::PrimMap;

/// Primitives of the space that may be walked once more to get to a place without glue.
constexpr std::size_t max_repeats = 2;

std::string net_id(std::size_t index) {
  char text[32];
  std::snprintf(text, sizeof text, "prof-%03zu", index);
  return text;
}

/// Walks the map, one network after the other, until every way has been walked.
class Assembler {
 public:
  Assembler(PrimMap map, const AssembleOptions& options) : map_(std::move(map)), options_(options) {}

  std::vector<Net> run() {
    std::vector<Net> nets;
    while (!map_.done()) {
      net_ = {};
      net_.id = net_id(nets.size());
      net_.purpose = "coverage";
      net_.image_channels = options_.image_channels;
      counted_ = 0;
      start();
      while (counted_ < limit() && advance()) {
      }
      nets.push_back(std::move(net_));
    }
    return nets;
  }

 private:
  [[nodiscard]] std::size_t limit() const { return static_cast<std::size_t>(options_.max_layers); }

  void arrive(Place place) {
    at_ = place;
    loops_left_ = map_.loop_quota(place);
  }

  void walk(std::size_t index) {
    const auto& way = map_.way(index);
    const bool is_stem = net_.layers.empty() && way.from.C == options_.image_channels;
    net_.layers.push_back({map_.prims()[index], false, {}});
    map_.walk(index);
    if (!is_stem) ++counted_;
    pooled_ = way.to.size == 1 && way.from.size > 1;
    if (way.to == way.from)
      loops_left_ -= std::min<std::size_t>(loops_left_, 1);
    else
      arrive(way.to);
  }

  void glue(const std::vector<Prim>& prims, Place to) {
    for (const auto& prim : prims) net_.layers.push_back({prim, true, {}});
    pooled_ = false;
    arrive(to);
  }

  /// Image places, which a network may start at without any glue.
  void start() {
    const auto images = map_.places_with(options_.image_channels);
    for (const auto& image : images) {
      if (!map_.next(image, 1)) continue;
      net_.image_size = image.size;
      arrive(image);
      return;
    }
    const auto& open = map_.open();
    const bool any =
        std::none_of(open.begin(), open.end(), [this](const auto& entry) { return map_.lacks_visits(entry.first); });
    const std::size_t hops = 1 + std::min(max_repeats, limit() - 1);
    if (const auto path = map_.path_to_open(images, hops, any)) {
      net_.image_size = map_.way(path->front()).from.size;
      for (const auto index : *path) walk(index);
      return;
    }
    start_with_glue(images);
  }

  /// The largest place that lacks visits, or the largest of all where none does.
  [[nodiscard]] Place hardest_to_reach() const {
    std::optional<Place> best;
    for (auto at = map_.open().rbegin(); at != map_.open().rend(); ++at) {
      if (best && at->first.size < best->size) break;
      if (map_.lacks_visits(at->first)) best = at->first;
    }
    return best ? *best : map_.open().rbegin()->first;
  }

  void start_with_glue(const std::vector<Place>& images) {
    const Place to = hardest_to_reach();
    std::optional<std::size_t> stem;
    std::tuple<std::size_t, double> least;
    for (const auto& image : images) {
      for (const auto& [landing, index] : map_.neighbours(image)) {
        if (landing.size < to.size) continue;
        const auto way_on = net::bridge_cost(landing, to);
        const std::tuple cost{way_on.layers, map_.way(index).macs + way_on.macs};
        if (stem && least <= cost) continue;
        stem = index;
        least = cost;
      }
    }
    if (stem) {
      net_.image_size = map_.way(*stem).from.size;
      walk(*stem);
      glue(net::bridge(at_, to), to);
    } else {
      net_.image_size = options_.image_size;
      glue(net::glue_stem({options_.image_size, options_.image_channels}, to), to);
    }
  }

  /// One more primitive, or the way to one; false where the network ends.
  bool advance() {
    if (const auto index = map_.next(at_, loops_left_)) {
      walk(*index);
      return true;
    }
    if (map_.can_wait(at_)) return false;
    if (const auto index = map_.next(at_, 1)) {
      walk(*index);
      return true;
    }
    const std::size_t hops = std::min(max_repeats, limit() - counted_ - 1);
    if (const auto path = map_.path_to_open({at_}, hops, false)) {
      for (const auto index : *path) walk(index);
      return true;
    }
    return !pooled_ && glue_on();
  }

  /// Glue in the middle of a network must not cost more than what it leads to; a new network starts cheaply.
  bool glue_on() {
    std::optional<Place> target;
    std::tuple<std::size_t, double> least;
    const auto& open = map_.open();
    // Large sizes first: what is passed by cannot be reached again.
    for (auto at = std::make_reverse_iterator(open.lower_bound({at_.size + 1, 0})); at != open.rend(); ++at) {
      const Place place = at->first;
      if (target && place.size < target->size) break;
      if (!map_.lacks_visits(place)) continue;
      const auto way_on = net::bridge_cost(at_, place);
      if (way_on.macs > std::max(map_.heaviest_open(place), map_.mean_macs())) continue;
      const std::tuple cost{way_on.layers, way_on.macs};
      if (target && least <= cost) continue;
      target = place;
      least = cost;
    }
    if (!target) return false;
    glue(net::bridge(at_, *target), *target);
    return true;
  }

  PrimMap map_;
  const AssembleOptions& options_;
  Net net_;
  Place at_;
  std::size_t counted_ = 0, loops_left_ = 0;
  bool pooled_ = false;  ///< the last primitive ended in one pixel: a head, after which no glue goes
};

void check(const std::vector<Prim>& prims, const AssembleOptions& options) {
  const auto check_least = [](const char* name, int value) {
    if (value < 1)
      throw Error(Fault::usage,
                  std::string("assemble: ") + name + " must be at least 1, found " + std::to_string(value));
  };
  check_least("image_size", options.image_size);
  check_least("image_channels", options.image_channels);
  check_least("max_layers", options.max_layers);
  for (const auto& prim : prims)
    if (prim.spatial_size > options.image_size)
      throw Error(Fault::input, "primitive " + base::in_quotes(to_string(prim)) + " is larger than the image (" +
                                    std::to_string(prim.spatial_size) + " > " + std::to_string(options.image_size) +
                                    " px), so no network can hold it");
}

}  // namespace

std::vector<Net> assemble(const std::vector<Prim>& prims, const AssembleOptions& options, AssembleSummary* summary) {
  check(prims, options);
  PrimMap map(prims);
  const std::size_t count = map.prims().size();
  auto nets = Assembler(std::move(map), options).run();
  if (summary != nullptr) {
    *summary = {};
    summary->nets = nets.size();
    summary->prims = count;
    for (const auto& net : nets) {
      for (const auto& layer : net.layers) {
        const double macs = count_work(layer.prim).macs;
        (layer.glue ? summary->glue_macs : summary->prim_macs) += macs;
        if (layer.glue) ++summary->glue_layers;
      }
    }
  }
  return nets;
}

}  // namespace hwprof
