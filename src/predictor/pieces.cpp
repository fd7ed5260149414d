// SPDX-License-Identifier: Apache-2.0
#include "predictor/pieces.hpp"

#include <algorithm>
#include <random>

#include "base/random.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::predictor {
namespace {

using Sequence = std::vector<std::uint32_t>;

constexpr std::size_t max_ids = std::size_t{1} << 25;

class Finder {
 public:
  Finder(const MixinProfilingSearchSpace& space, const std::vector<std::size_t>& options, PrimNumbers& prims)
      : space_(space), options_(options), prims_(prims), scopes_(scopes_of(space, options)) {}

  Pieces find() {
    (void)advance({});  // what all have in common
    // Factors usually come in execution order; cells that repeat go round.
    for (std::size_t at = 0, tried = 0; tried < scopes_.size(); at = (at + 1) % scopes_.size())
      tried = advance(scopes_[at]) ? 0 : tried + 1;
    verify();
    return std::move(out_);
  }

 private:
  [[nodiscard]] Sequence sequence(const Arch& arch) {
    Sequence ids;
    for (const auto& prim : space_.primitives(arch)) ids.push_back(prims_.insert(prim));
    if (ids.size() > max_sequence)
      throw Error(Fault::unsupported, "architecture " + to_string(arch) + " has " + std::to_string(ids.size()) +
                                          " primitives, and a model that goes by their order takes at most " +
                                          std::to_string(max_sequence));
    return ids;
  }

  [[nodiscard]] std::size_t covered(const Arch& arch) const {
    std::size_t sum = 0;
    for (const auto& piece : out_.pieces) {
      const std::size_t at = Pieces::combination(piece, arch.data());
      sum += piece.begin[at + 1] - piece.begin[at];
    }
    return sum;
  }

  /// What follows the pieces so far in every architecture with these options: of all of them, some tens looked at.
  [[nodiscard]] Sequence common(const std::vector<std::size_t>& scope, const Arch& fixed) {
    constexpr int variations = 32;
    std::mt19937_64 rng(1);
    Sequence shared;
    for (int v = 0; v < variations; ++v) {
      Arch arch = fixed;
      if (v > 0)
        for (std::size_t d = 0; d < arch.size(); ++d)
          if (!std::binary_search(scope.begin(), scope.end(), d))
            arch[d] = static_cast<std::uint16_t>(base::draw_below(rng, options_[d]));
      const Sequence all = sequence(arch);
      const auto rest = all.begin() + static_cast<std::ptrdiff_t>(std::min(covered(arch), all.size()));
      if (v == 0) {
        shared.assign(rest, all.end());
        if (scope.size() == open_decisions()) break;
      } else {
        shared.erase(std::mismatch(shared.begin(), shared.end(), rest, all.end()).first, shared.end());
      }
      if (shared.empty()) break;
    }
    return shared;
  }

  [[nodiscard]] std::size_t open_decisions() const {
    return static_cast<std::size_t>(std::count_if(options_.begin(), options_.end(), [](auto n) { return n > 1; }));
  }

  /// Adds what scope settles next; false when that is nothing.
  bool advance(const std::vector<std::size_t>& scope) {
    Piece piece{scope, {}, {static_cast<std::uint32_t>(out_.ids.size())}};
    std::size_t stride = 1;
    for (const std::size_t decision : scope) {
      piece.stride.push_back(stride);
      stride *= options_[decision];
    }
    const std::size_t before = out_.ids.size();
    Arch arch(options_.size(), 0);
    for (std::size_t index = 0; index < stride; ++index) {
      set_combination(scope, options_, index, arch);
      const Sequence next = common(scope, arch);
      out_.ids.insert(out_.ids.end(), next.begin(), next.end());
      if (out_.ids.size() > max_ids)
        throw Error(Fault::unsupported, "the sequences of primitives need tables of more than " +
                                            std::to_string(max_ids) +
                                            " entries; the space must say how its "
                                            "decisions fall into smaller groups (MixinProfilingSearchSpace::factors)");
      piece.begin.push_back(static_cast<std::uint32_t>(out_.ids.size()));
    }
    if (out_.ids.size() == before) return false;
    out_.pieces.push_back(std::move(piece));
    return true;
  }

  void verify() {
    constexpr int trials = 256;
    std::mt19937_64 rng(2);
    for (int trial = 0; trial < trials; ++trial) {
      const Arch arch = space_.sample(rng);
      check_arch(space_, arch);
      Sequence found;
      for (const auto& piece : out_.pieces) {
        const std::size_t at = Pieces::combination(piece, arch.data());
        found.insert(found.end(), out_.ids.begin() + piece.begin[at], out_.ids.begin() + piece.begin[at + 1]);
      }
      const Sequence exact = sequence(arch);
      if (found == exact) continue;
      const auto differ = std::mismatch(found.begin(), found.end(), exact.begin(), exact.end()).first - found.begin();
      throw Error(Fault::unsupported,
                  "primitive " + std::to_string(differ + 1) + " of architecture " + to_string(arch) +
                      " is not settled by one factor of the space after those before it, as a model needs that goes "
                      "by the order of primitives (MixinProfilingSearchSpace::factors)");
    }
  }

  const MixinProfilingSearchSpace& space_;
  const std::vector<std::size_t>& options_;
  PrimNumbers& prims_;
  std::vector<std::vector<std::size_t>> scopes_;
  Pieces out_;
};

}  // namespace

Pieces find_pieces(const MixinProfilingSearchSpace& space, const std::vector<std::size_t>& options,
                   PrimNumbers& prims) {
  return Finder(space, options, prims).find();
}

}  // namespace hwprof::predictor
