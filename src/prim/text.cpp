// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "hwprof/error.hpp"
#include "hwprof/prim.hpp"

namespace hwprof {
namespace {

bool is_plain(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == '+' || c == '-';
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

/// Digits behind an optional sign: an integer, whether it fits 64 bits or not.
bool looks_whole(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

bool reads_as_number(std::string_view text) {
  return base::to_double(text).has_value() || looks_whole(text);
}

void append_encoded(std::string& out, std::string_view text, bool encode_first) {
  static constexpr char digits[] = "0123456789ABCDEF";
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_plain(text[i]) && !(encode_first && i == 0)) {
      out += text[i];
      continue;
    }
    const auto byte = static_cast<unsigned char>(text[i]);
    out += {'%', digits[byte >> 4], digits[byte & 15U]};
  }
}

/// Equal integers print the same in either kind as long as 64 bits hold them; above, a power of ten keeps the
/// text from reading as an integer that is too large.
void append_real(std::string& out, double value) {
  constexpr double limit = 9223372036854775808.0;  // 2^63
  if (std::trunc(value) == value && value >= -limit && value < limit) {
    out += std::to_string(static_cast<std::int64_t>(value));
  } else if (std::abs(value) >= limit) {
    std::array<char, 40> buffer{};
    const auto end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific).ptr;
    out.append(buffer.data(), end);
  } else {
    out += base::format_number(value);
  }
}

void append_value(std::string& out, const Attr& value) {
  if (const auto* flag = std::get_if<bool>(&value)) {
    out += *flag ? '1' : '0';
  } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    out += std::to_string(*whole);
  } else if (const auto* real = std::get_if<double>(&value)) {
    append_real(out, *real);
  } else {
    const auto& text = std::get<std::string>(value);
    append_encoded(out, text, reads_as_number(text));
  }
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Prim parse() {
    Prim prim;
    prim.prim_type = decoded(0, take_until(":"));
    if (prim.prim_type.empty()) fail(0, "the name of a primitive type is expected");
    expect(':');
    prim.spatial_size = size("the spatial size");
    expect('x');
    prim.C = size("the number of input channels");
    expect('x');
    prim.C_out = size("the number of output channels");
    expect('s');
    prim.stride = size("the stride");
    bool affine_seen = false;
    while (at_ < text_.size()) {
      expect(':');
      attribute(prim, affine_seen);
    }
    return prim;
  }

 private:
  [[noreturn]] void fail(std::size_t at, const std::string& what) const {
    throw Error(Fault::input,
                "primitive " + base::in_quotes(text_) + ", column " + std::to_string(at + 1) + ": " + what);
  }

  std::string_view take_until(std::string_view stops) {
    const std::size_t begin = at_;
    at_ = std::min(text_.find_first_of(stops, at_), text_.size());
    return text_.substr(begin, at_ - begin);
  }

  void expect(char wanted) {
    const std::string what = std::string("'") + wanted + "' is expected, found ";
    if (at_ >= text_.size()) fail(at_, what + "the end");
    if (text_[at_] != wanted) fail(at_, what + base::in_quotes(text_.substr(at_, 1)));
    ++at_;
  }

  int size(const std::string& what) {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
    const auto digits = text_.substr(begin, at_ - begin);
    if (digits.empty()) fail(begin, what + " is expected");
    const auto value = base::to_int(digits);
    if (!value || *value > std::numeric_limits<int>::max()) fail(begin, what + " is too large");
    if (*value == 0) fail(begin, what + " must be positive");
    return static_cast<int>(*value);
  }

  std::string decoded(std::size_t begin, std::string_view raw) const {
    std::string out;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      if (is_plain(raw[i])) {
        out += raw[i];
        continue;
      }
      if (raw[i] != '%') fail(begin + i, "character " + base::in_quotes(raw.substr(i, 1)) + " must be written as %XX");
      unsigned code = 0;
      const char* const first = raw.data() + i + 1;
      if (i + 2 >= raw.size() || std::from_chars(first, first + 2, code, 16).ptr != first + 2)
        fail(begin + i, "two hexadecimal digits are expected behind %");
      out += static_cast<char>(code);
      i += 2;
    }
    return out;
  }

  Attr value(std::size_t begin, std::string_view raw) const {
    if (const auto whole = base::to_int(raw)) return *whole;
    if (looks_whole(raw)) fail(begin, "the number is too large for 64 bits");
    if (const auto real = base::to_double(raw)) {
      if (!std::isfinite(*real)) fail(begin, "a finite number is expected");
      return *real;
    }
    return decoded(begin, raw);
  }

  void attribute(Prim& prim, bool& affine_seen) {
    const std::size_t name_at = at_;
    const auto raw_name = take_until("=:");
    if (raw_name.empty()) fail(name_at, "the name of an attribute is expected");
    const std::string name = decoded(name_at, raw_name);
    expect('=');
    const std::size_t value_at = at_;
    const auto raw_value = take_until(":");
    if (raw_name == "affine") {
      if (affine_seen) fail(name_at, "affine is given twice");
      if (raw_value != "0" && raw_value != "1") fail(value_at, "0 or 1 is expected");
      prim.affine = raw_value == "1";
      affine_seen = true;
    } else if (!prim.attrs.emplace(name, value(value_at, raw_value)).second) {
      fail(name_at, base::in_quotes(name) + " is given twice");
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::string to_string(const Prim& prim) {
  std::string out;
  append_encoded(out, prim.prim_type, false);
  out += ':' + std::to_string(prim.spatial_size) + 'x' + std::to_string(prim.C) + 'x' + std::to_string(prim.C_out) +
         's' + std::to_string(prim.stride);
  if (!prim.affine) out += ":affine=0";
  for (const auto& [name, value] : prim.attrs) {
    out += ':';
    append_encoded(out, name, name == "affine");  // told apart from the field
    out += '=';
    append_value(out, value);
  }
  return out;
}

Prim parse_prim(std::string_view text) {
  return Parser(text).parse();
}

}  // namespace hwprof
