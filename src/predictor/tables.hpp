// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "hwprof/predictor.hpp"
#include "predictor/learned.hpp"

namespace hwprof::predictor {

class PrimNumbers;

/// Where the bits of one decision stand in the index of a slot's table.
struct Field {
  std::size_t decision;
  std::uint32_t mask;
  int shift;
};

/// Up to eight neighbouring bytes of a row whose masked bits, packed, are a part of an index.
struct Window {
  std::size_t begin;   ///< first byte
  std::uint64_t mask;  ///< bits to take, lowest byte first
  int shift;           ///< of the packed bits in the index
};

/// Some factors merged into one table: its entries begin at offset; indexed by its fields, or by its
/// windows, which say the same.
struct Slot {
  std::size_t first_field, last_field, first_window, last_window, offset;
};

/// Eight slots side by side in a 64-byte register, eight bytes each: how a row of at most 64 bytes becomes
/// their indices. Bytes are brought to their places and cut to the bits of their fields; then pairs of
/// bytes, of their sums, and of the sums of those are added, each multiplied by what it counts in the index.
struct Octet {
  std::array<std::uint8_t, 64> from, mask;  ///< byte of the row; bits to keep, 0 for places not used
  std::array<std::int8_t, 64> byte_weight;
  std::array<std::int16_t, 32> pair_weight;
  std::array<std::uint64_t, 8> shift, offset;  ///< 32 less the bits of the first four fields; of the slot's table
};

/// Tables with 2^bits entries per slot. What stands for no option of the space is NaN.
struct Slots {
  std::vector<Slot> slots;
  std::vector<Field> fields;
  std::vector<Window> windows;  ///< none for rows below eight bytes
  std::vector<Octet> octets;    ///< none where a row or a slot does not fit
  std::vector<double> exact;
  std::vector<float> single;
};

/// Joins factors that share decisions while their table stays small, so that fewer entries are read.
[[nodiscard]] Slots merge(const std::vector<Predictor::Factor>& factors, const std::vector<std::size_t>& options);

constexpr std::size_t max_octet_slots = 64;

/// The octets of slots; none where a row or a slot does not fit.
[[nodiscard]] std::vector<Octet> make_octets(const Slots& slots, std::size_t width);

/// Adds the tables for n rows of width bytes.
using PredictBatch = void(const Slots& slots, float constant, std::size_t width, const std::uint8_t* rows,
                          std::size_t n, float* out);

/// What this processor and these slots allow, the fastest first; the last is plain C++, for any.
[[nodiscard]] std::vector<PredictBatch*> batch_ways(const Slots& slots);

}  // namespace hwprof::predictor

namespace hwprof {

struct Predictor::Tables {
  std::vector<std::size_t> options;
  std::vector<std::size_t> first_option;  ///< where the options of a decision begin in a list of all
  bool fits_bytes = true;
  double constant = 0;
  std::vector<Factor> factors;
  predictor::Slots slots;
  predictor::PredictBatch* predict_batch = nullptr;   ///< the fastest way here
  std::unique_ptr<const predictor::Learned> learned;  ///< instead of constant, factors and slots

  explicit Tables(const MixinProfilingSearchSpace& space);
  void add(const MixinProfilingSearchSpace& space, predictor::PrimNumbers costs, double bias);
  void compile();  ///< once the factors are there
  [[nodiscard]] bool fits(const std::uint16_t* arch) const noexcept;
  [[nodiscard]] double predict_learned(const std::uint16_t* arch) const noexcept;
  void predict_learned(const std::uint8_t* archs, std::size_t n, float* out) const noexcept;
  void refuse_learned(const char* why) const;  ///< @throws Error(Fault::unsupported) where there is no sum
};

}  // namespace hwprof
