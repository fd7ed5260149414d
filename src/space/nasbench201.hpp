// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <utility>
#include <vector>

#include "hwprof/space.hpp"

namespace hwprof::space {

/// The macro network of NAS-Bench-201 (Dong and Yang, ICLR 2020): a stem, three stages of equal cells with a
/// residual block of stride 2 before the second and third, batch norm, pooling and a classifier.
struct CellNetwork {
  int image_size = 32, image_channels = 3;
  int channels = 16;  ///< of the first stage; each further one has twice as many
  int cells = 5;      ///< per stage
  int num_classes = 10;
};

/// One cell of four nodes, an operation on each of its six edges. `none` edges are left out, and so is what
/// then leads nowhere; skip_connect is a wire. Sums of edges stand in glue layers of their own, so that an
/// operation's time is not mixed with that of an addition. A cell without a live path puts out zeros.
class NasBench201Space : public MixinProfilingSearchSpace {
 public:
  explicit NasBench201Space(const CellNetwork& network);

  [[nodiscard]] std::vector<Decision> decisions() const override;
  [[nodiscard]] std::vector<Prim> primitives(const Arch& arch) const override;
  [[nodiscard]] Net network(const Arch& arch) const override;
  [[nodiscard]] std::vector<Prim> generate_profiling_primitives() const override;

  static constexpr std::size_t num_edges = 6;
  /// The nodes that an edge leads from and to.
  [[nodiscard]] static std::pair<std::size_t, std::size_t> ends(std::size_t edge) noexcept;
  /// Edges on a path from the input to the output.
  [[nodiscard]] static std::array<bool, num_edges> live_edges(const Arch& arch);

 private:
  CellNetwork network_;
  std::vector<int> sizes_;  ///< of the stages' maps [px]
};

}  // namespace hwprof::space
