// SPDX-License-Identifier: Apache-2.0
#include "prim/value.hpp"

#include <cmath>

#include "base/text.hpp"

namespace hwprof {
namespace {

constexpr double two_to_63 = 9223372036854775808.0;

template <typename T>
int order(const T& a, const T& b) noexcept {
  return a < b ? -1 : (b < a ? 1 : 0);
}

int compare_real(double a, double b) noexcept {
  if (std::isnan(a) || std::isnan(b)) return order(std::isnan(a), std::isnan(b));
  return order(a, b);
}

/// Exact where a conversion of the integer to double would round.
int compare_mixed(std::int64_t a, double b) noexcept {
  if (std::isnan(b) || b >= two_to_63) return -1;
  if (b < -two_to_63) return 1;
  const auto whole = static_cast<std::int64_t>(b);
  return a != whole ? order(a, whole) : compare_real(0, b - std::trunc(b));
}

int compare_numbers(const Attr& a, const Attr& b) noexcept {
  const auto* real_a = std::get_if<double>(&a);
  const auto* real_b = std::get_if<double>(&b);
  const auto whole = [](const Attr& value) noexcept {
    const auto* flag = std::get_if<bool>(&value);
    return flag != nullptr ? std::int64_t{*flag} : *std::get_if<std::int64_t>(&value);
  };
  if (real_a != nullptr && real_b != nullptr) return compare_real(*real_a, *real_b);
  if (real_a != nullptr) return -compare_mixed(whole(b), *real_a);
  if (real_b != nullptr) return compare_mixed(whole(a), *real_b);
  return order(whole(a), whole(b));
}

int compare_attrs(const std::map<std::string, Attr>& a, const std::map<std::string, Attr>& b) noexcept {
  auto at_a = a.begin();
  auto at_b = b.begin();
  for (; at_a != a.end() && at_b != b.end(); ++at_a, ++at_b) {
    if (const int names = at_a->first.compare(at_b->first); names != 0) return names;
    if (const int values = prim::compare(at_a->second, at_b->second); values != 0) return values;
  }
  return order(at_a != a.end(), at_b != b.end());
}

int compare(const Prim& a, const Prim& b) noexcept {
  if (const int types = a.prim_type.compare(b.prim_type); types != 0) return types;
  if (a.spatial_size != b.spatial_size) return order(a.spatial_size, b.spatial_size);
  if (a.C != b.C) return order(a.C, b.C);
  if (a.C_out != b.C_out) return order(a.C_out, b.C_out);
  if (a.stride != b.stride) return order(a.stride, b.stride);
  if (a.affine != b.affine) return order(a.affine, b.affine);
  return compare_attrs(a.attrs, b.attrs);
}

}  // namespace

int prim::compare(const Attr& a, const Attr& b) noexcept {
  const auto* text_a = std::get_if<std::string>(&a);
  const auto* text_b = std::get_if<std::string>(&b);
  if (text_a != nullptr && text_b != nullptr) return text_a->compare(*text_b);
  if (text_a != nullptr || text_b != nullptr) return text_a != nullptr ? 1 : -1;
  return compare_numbers(a, b);
}

std::string prim::describe(const Attr& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
  if (const auto* real = std::get_if<double>(&value)) return base::format_number(*real);
  return base::in_quotes(std::get<std::string>(value));
}

bool operator==(const Prim& a, const Prim& b) {
  return compare(a, b) == 0;
}
bool operator!=(const Prim& a, const Prim& b) {
  return compare(a, b) != 0;
}
bool operator<(const Prim& a, const Prim& b) {
  return compare(a, b) < 0;
}

}  // namespace hwprof
