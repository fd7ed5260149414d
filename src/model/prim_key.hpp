// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "hwprof/prim.hpp"

namespace hwprof::model {

/// A primitive as words, for look-ups: equal primitives have equal words, others do not. Written in one walk through
/// the attributes, together with a digest. The names of the attributes do not enter the digest, because hardly any two
/// primitives differ in nothing else.
class PrimKey {
 public:
  PrimKey() = default;  // NOLINT: empty until set
  void set(const Prim& prim) noexcept;

  [[nodiscard]] std::uint64_t digest() const noexcept { return digest_; }
  [[nodiscard]] const std::uint64_t* begin() const noexcept { return words_.data(); }
  [[nodiscard]] const std::uint64_t* end() const noexcept { return words_.data() + size_; }
  /// Number of words; 0 where a text is too long or the attributes are too many for a key.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  static constexpr std::size_t max_attrs = 8, head_words = 7, attr_words = 5;
  [[nodiscard]] bool write(const Prim& prim) noexcept;

  std::array<std::uint64_t, head_words + max_attrs * attr_words> words_;  // those from size_ on are not written
  std::size_t size_ = 0;
  std::uint64_t digest_ = 0;
};

}  // namespace hwprof::model
