// SPDX-License-Identifier: Apache-2.0
#include "model/prim_key.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

namespace hwprof::model {
namespace {

template <typename Word>
std::uint64_t load(const char* from) noexcept {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

constexpr std::size_t max_text = 16, max_type = 32;

struct Pair {
  std::uint64_t first, last;
};

/// Two words that, with its size, are the text; of at most 16 bytes.
Pair text_words(const char* text, std::size_t size) noexcept {
  if (size >= 8) return {load<std::uint64_t>(text), load<std::uint64_t>(text + size - 8)};
  if (size >= 4) return {load<std::uint32_t>(text), load<std::uint32_t>(text + size - 4)};
  if (size == 0) return {0, 0};
  return {
      load<std::uint8_t>(text) | load<std::uint8_t>(text + size / 2) << 8 | load<std::uint8_t>(text + size - 1) << 16,
      0};
}

enum Kind : std::uint64_t { whole = 0, real = 1, text = 2 };

constexpr int kind_shift = 8, size_shift = 16, name_shift = 32;

/// A value, the same for those that are equal.
struct Value {
  Pair words;
  std::uint64_t kind_and_size;
};

constexpr double two_to_63 = 9223372036854775808.0;

Value real_value(double number) noexcept {
  if (number >= -two_to_63 && number < two_to_63) {
    const auto near = static_cast<std::int64_t>(number);
    if (static_cast<double>(near) == number) return {{static_cast<std::uint64_t>(near), 0}, whole};
  }
  const double same = std::isnan(number) ? std::nan("") : number;
  std::uint64_t bits = 0;
  std::memcpy(&bits, &same, sizeof bits);
  return {{bits, 0}, real << kind_shift};
}

/// For texts of at most 16 bytes.
Value value_of(const Attr& value) noexcept {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return {{static_cast<std::uint64_t>(*number), 0}, whole};
  if (const auto* flag = std::get_if<bool>(&value)) return {{*flag ? std::uint64_t{1} : 0, 0}, whole};
  if (const auto* word = std::get_if<std::string>(&value))
    return {text_words(word->data(), word->size()), text << kind_shift | word->size() << size_shift};
  return real_value(*std::get_if<double>(&value));
}

bool is_long(const Attr& value) noexcept {
  const auto* word = std::get_if<std::string>(&value);
  return word != nullptr && word->size() > max_text;
}

std::uint64_t pair(int low, int high) noexcept {
  return std::uint64_t{static_cast<std::uint32_t>(low)} | std::uint64_t{static_cast<std::uint32_t>(high)} << 32;
}

/// Odd numbers that have nothing to do with each other (splitmix64).
constexpr std::uint64_t odd(std::uint64_t i) noexcept {
  std::uint64_t z = (i + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return (z ^ z >> 31) | 1;
}

template <std::size_t... i>
constexpr std::array<std::uint64_t, sizeof...(i)> odd_numbers(std::index_sequence<i...> /*count*/) noexcept {
  return {odd(i)...};
}

constexpr std::size_t numbers_per_attr = 2;
constexpr auto factors = odd_numbers(std::make_index_sequence<64>());

}  // namespace

bool PrimKey::write(const Prim& prim) noexcept {
  const std::string& type = prim.prim_type;
  const std::size_t type_size = type.size(), attrs = prim.attrs.size();
  if (type_size > max_type || attrs > max_attrs) return false;
  // Of a long type the first and the last 16 bytes, which may overlap.
  const Pair head = text_words(type.data(), std::min(type_size, max_text));
  const Pair tail = type_size > max_text ? text_words(type.data() + type_size - max_text, max_text) : Pair{0, 0};
  const std::uint64_t place = pair(prim.spatial_size, prim.C), step = pair(prim.C_out, prim.stride);
  const std::uint64_t counts = type_size << 8 | attrs << 1 | (prim.affine ? 1U : 0U);
  words_[0] = head.first;
  words_[1] = head.last;
  words_[2] = tail.first;
  words_[3] = tail.last;
  words_[4] = place;
  words_[5] = step;
  words_[6] = counts;
  // Products that do not depend on each other, so that the processor overlaps them.
  std::uint64_t sum = head.first * factors[0] + head.last * factors[1] + tail.first * factors[2];
  sum += tail.last * factors[3] + place * factors[4] + step * factors[5] + counts * factors[6];
  const std::uint64_t* factor = &factors[head_words];
  std::uint64_t* at = words_.data() + head_words;
  for (const auto& [name, attr] : prim.attrs) {
    if (name.size() > max_text || is_long(attr)) return false;
    const Pair letters = text_words(name.data(), name.size());
    const Value value = value_of(attr);
    *at++ = letters.first;
    *at++ = letters.last;
    *at++ = value.words.first;
    *at++ = value.words.last;
    *at++ = name.size() << name_shift | value.kind_and_size;
    sum += (value.words.first ^ value.words.first >> 32) * factor[0];
    sum += (value.words.last + value.kind_and_size) * factor[1];
    factor += numbers_per_attr;
  }
  size_ = static_cast<std::size_t>(at - words_.data());
  digest_ = (sum ^ sum >> 32) * factors[0];
  digest_ ^= digest_ >> 32;
  return true;
}

void PrimKey::set(const Prim& prim) noexcept {
  if (write(prim)) return;
  size_ = 0;
  digest_ = hash(prim);
}

}  // namespace hwprof::model
