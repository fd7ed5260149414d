// SPDX-License-Identifier: Apache-2.0
// The hot loop: an index per slot from the bytes of a row, one table entry each, added up.
#include <algorithm>
#include <cstring>

#include "predictor/tables.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#define HWPROF_X86_64 1
#endif

namespace hwprof::predictor {
namespace {

#ifdef HWPROF_X86_64

inline std::uint64_t load8(const std::uint8_t* bytes) {
  std::uint64_t value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// A block of rows, slot by slot: the windows of a slot stay in registers while the rows go by.
__attribute__((target("bmi2"))) void predict_batch_pext(const Slots& slots, float constant, std::size_t width,
                                                        const std::uint8_t* rows, std::size_t n, float* out) {
  constexpr std::size_t block = 128;
  for (std::size_t begin = 0; begin < n; begin += block) {
    const std::size_t count = std::min(block, n - begin);
    const std::uint8_t* const first = rows + begin * width;
    float* const sums = out + begin;
    std::fill(sums, sums + count, constant);
    for (const auto& slot : slots.slots) {
      const float* const table = slots.single.data() + slot.offset;
      const Window* const windows = slots.windows.data() + slot.first_window;
      const std::size_t parts = slot.last_window - slot.first_window;
      const std::uint8_t* row = first;
      if (parts == 1) {
        const Window a = windows[0];
        for (std::size_t i = 0; i < count; ++i, row += width) sums[i] += table[_pext_u64(load8(row + a.begin), a.mask)];
      } else if (parts == 2) {
        const Window a = windows[0], b = windows[1];
        for (std::size_t i = 0; i < count; ++i, row += width)
          sums[i] +=
              table[_pext_u64(load8(row + a.begin), a.mask) | _pext_u64(load8(row + b.begin), b.mask) << b.shift];
      } else {
        for (std::size_t i = 0; i < count; ++i, row += width) {
          std::uint64_t index = 0;
          for (std::size_t w = 0; w < parts; ++w)
            index |= _pext_u64(load8(row + windows[w].begin), windows[w].mask) << windows[w].shift;
          sums[i] += table[index];
        }
      }
    }
    for (std::size_t i = 0; i < count; ++i) sums[i] = sums[i] < 0 ? 0 : sums[i];
  }
}

/// A block of rows: the indices of eight slots at a time, then their entries. The entries are added in the same
/// order as elsewhere, so that the results are the same to the last bit.
__attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi"))) void predict_batch_octets(
    const Slots& slots, float constant, std::size_t width, const std::uint8_t* rows, std::size_t n, float* out) {
  constexpr std::size_t block = 32, ahead = 4096;
  alignas(64) std::uint64_t index[block * max_octet_slots];
  const __mmask64 bytes = width == 64 ? ~__mmask64{0} : (__mmask64{1} << width) - 1;
  const float* const table = slots.single.data();
  const std::size_t count = slots.slots.size(), stride = 8 * slots.octets.size();
  for (std::size_t begin = 0; begin < n; begin += block) {
    const std::size_t end = std::min(begin + block, n);
    std::size_t o = 0;
    for (const Octet& octet : slots.octets) {
      const __m512i from = _mm512_loadu_si512(octet.from.data()), mask = _mm512_loadu_si512(octet.mask.data());
      const __m512i byte_weight = _mm512_loadu_si512(octet.byte_weight.data());
      const __m512i pair_weight = _mm512_loadu_si512(octet.pair_weight.data());
      const __m512i shift = _mm512_loadu_si512(octet.shift.data()), offset = _mm512_loadu_si512(octet.offset.data());
      const std::uint8_t* row = rows + begin * width;
      for (std::uint64_t* at = index + 8 * o++; row != rows + end * width; row += width, at += stride) {
        const __m512i placed =
            _mm512_and_si512(_mm512_permutexvar_epi8(from, _mm512_maskz_loadu_epi8(bytes, row)), mask);
        const __m512i fours = _mm512_madd_epi16(_mm512_maddubs_epi16(placed, byte_weight), pair_weight);
        const __m512i sum = _mm512_add_epi32(fours, _mm512_srlv_epi64(fours, shift));
        _mm512_store_si512(at, _mm512_add_epi32(sum, offset));
      }
    }
    const std::uint64_t* from = index;
    for (std::size_t i = begin; i < end; ++i, from += stride) {
      // Rows are read in bursts, between which the memory would idle. Past the end a prefetch does nothing.
      _mm_prefetch(reinterpret_cast<const char*>(reinterpret_cast<std::uintptr_t>(rows) + i * width + ahead),
                   _MM_HINT_T0);
      float sum = constant;
      for (std::size_t s = 0; s < count; ++s) sum += table[static_cast<std::uint32_t>(from[s])];
      out[i] = sum < 0 ? 0 : sum;
    }
  }
}

bool has_byte_permutation() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi");
}

/// AMD's first two Zen generations have the instruction in microcode, slower than shifting.
bool has_fast_pext() {
  return __builtin_cpu_supports("bmi2") && !__builtin_cpu_is("znver1") && !__builtin_cpu_is("znver2");
}

#endif

void predict_batch_portable(const Slots& slots, float constant, std::size_t width, const std::uint8_t* rows,
                            std::size_t n, float* out) {
  for (std::size_t i = 0; i < n; ++i, rows += width) {
    float sum = constant;
    for (const auto& slot : slots.slots) {
      std::size_t index = slot.offset;
      for (std::size_t f = slot.first_field; f < slot.last_field; ++f)
        index += std::size_t{rows[slots.fields[f].decision] & slots.fields[f].mask} << slots.fields[f].shift;
      sum += slots.single[index];
    }
    out[i] = sum < 0 ? 0 : sum;
  }
}

}  // namespace

std::vector<PredictBatch*> batch_ways(const Slots& slots) {
  std::vector<PredictBatch*> ways;
#ifdef HWPROF_X86_64
  if (!slots.octets.empty() && has_byte_permutation()) ways.push_back(predict_batch_octets);
  if (!slots.windows.empty() && has_fast_pext()) ways.push_back(predict_batch_pext);
#else
  (void)slots;
#endif
  ways.push_back(predict_batch_portable);
  return ways;
}

}  // namespace hwprof::predictor
