// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "predictor/compile.hpp"

namespace hwprof::predictor {

/// A part of the sequence of primitives that a few decisions settle: combination i of its decisions stands for
/// the primitives ids[begin[i]] to ids[begin[i + 1]].
struct Piece {
  std::vector<std::size_t> decisions;  ///< ascending
  std::vector<std::size_t> stride;     ///< of each decision in the number of the combination
  std::vector<std::uint32_t> begin;
};

/// The primitives of any architecture in execution order: the pieces, one after the other.
struct Pieces {
  std::vector<Piece> pieces;
  std::vector<std::uint32_t> ids;

  static std::size_t combination(const Piece& piece, const std::uint16_t* arch) noexcept {
    std::size_t index = 0;
    for (std::size_t i = 0; i < piece.decisions.size(); ++i) index += arch[piece.decisions[i]] * piece.stride[i];
    return index;
  }
};

/// Finds the pieces by looking at the space: what a factor settles is what all architectures have in common that
/// agree in its decisions, after the primitives that earlier pieces account for. The result is compared with the
/// space on sampled architectures. Numbers the primitives in prims.
/// @throws Error(Fault::unsupported) for a space whose factors do not settle the order of its primitives.
[[nodiscard]] Pieces find_pieces(const MixinProfilingSearchSpace& space, const std::vector<std::size_t>& options,
                                 PrimNumbers& prims);

constexpr std::size_t max_sequence = 1024;

}  // namespace hwprof::predictor
