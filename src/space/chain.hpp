// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hwprof/space.hpp"
#include "net/glue.hpp"

namespace hwprof::space {

// A chain of positions, the form that all kinds but nasbench201 build. In its primitives spatial_size and C
// stay 0, because they follow from what goes before; C_out 0 keeps the channels.

/// A place in the chain and what may stand there: one list of primitives per combination of its axes, the
/// last axis fastest. An empty list is a skip.
struct Position {
  std::string name;
  std::vector<Decision> axes;
  std::vector<std::vector<Prim>> candidates;
};

/// Positions of which the first `depth` are used; no depths: all are.
struct Stage {
  std::string name;
  std::vector<int> depths;
  std::vector<Position> positions;
};

/// A primitive that reads the end of a stage beside the chain, an output of its own (a detector's predictor).
struct Tap {
  std::size_t stage = 0;
  Prim prim;
};

struct Chain {
  std::vector<int> image_sizes;  ///< more than one are a decision
  int image_channels = 3;
  std::vector<Stage> stages;
  std::vector<Tap> taps;
  std::vector<Prim> extra;  ///< to be profiled besides, complete
};

/// A stage of one position without a choice.
[[nodiscard]] Stage fixed_stage(const std::string& name, std::vector<Prim> prims);

/// A position with one axis, or none where there is nothing to choose.
[[nodiscard]] Position choice(const std::string& name, std::vector<std::string> options,
                              std::vector<std::vector<Prim>> candidates);

class ChainSpace : public MixinProfilingSearchSpace {
 public:
  /// Builds every primitive once, so that nothing can fail later.
  /// @throws Error(Fault::input) naming stage, position and primitive, or what is too large.
  explicit ChainSpace(Chain chain);

  [[nodiscard]] std::vector<Decision> decisions() const override { return decisions_; }
  [[nodiscard]] std::vector<Prim> primitives(const Arch& arch) const override;
  [[nodiscard]] Net network(const Arch& arch) const override;
  [[nodiscard]] std::vector<Prim> generate_profiling_primitives() const override { return all_; }
  /// One group per position: its axes, its stage's depth where that decides whether it is there, and what
  /// decides the size and channels that come in.
  [[nodiscard]] std::vector<std::vector<std::size_t>> factors() const override;

 private:
  /// A candidate where it was entered at one place.
  struct Step {
    std::vector<Prim> prims;
    net::Place end;
  };
  using Table = std::map<net::Place, std::vector<Step>>;

  void add_decisions();
  void build();
  [[nodiscard]] Step enter(const std::vector<Prim>& prims, net::Place at) const;

  /// The chain's primitives, and for each stage how many there are at its end.
  struct Walk {
    std::vector<Prim> prims;
    std::vector<std::size_t> stage_ends;
    std::vector<net::Place> stage_places;
    net::Place image;
  };
  [[nodiscard]] Walk walk(const Arch& arch) const;

  Chain chain_;
  std::vector<Decision> decisions_;
  std::vector<Table> tables_;                          ///< of each position, counted over all stages
  std::vector<std::map<net::Place, Prim>> tap_prims_;  ///< of each tap, by place
  std::vector<Prim> all_;
};

}  // namespace hwprof::space
