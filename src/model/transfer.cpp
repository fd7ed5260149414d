// SPDX-License-Identifier: Apache-2.0
#include "model/transfer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "record/jsonl.hpp"

namespace hwprof::model {
namespace {

constexpr double largest = 1e18;

[[noreturn]] void refuse_prims() {
  throw Error(Fault::unsupported,
              "a transfer model knows the architectures of its space, not primitives; give it an architecture");
}

std::size_t combinations(const ArchTable& table, const std::vector<std::size_t>& options) {
  std::size_t product = 1;
  for (const std::size_t decision : table.decisions) product *= options[decision];
  return product;
}

const double* row_of(const ArchTable& table, const std::vector<std::size_t>& options, std::size_t width,
                     const std::uint16_t* arch) noexcept {
  std::size_t index = 0;
  for (std::size_t i = table.decisions.size(); i-- > 0;)
    index = index * options[table.decisions[i]] + arch[table.decisions[i]];
  return &table.rows[index * width];
}

/// Numbers joined by blanks: a hundred thousand of them, one a line, would be all there is to see in a file.
std::string pack(const std::vector<double>& numbers) {
  std::string text;
  for (const double number : numbers) {
    if (!text.empty()) text += ' ';
    text += base::format_number(number);
  }
  return text;
}

std::vector<double> unpack(const base::JsonReader& json, std::size_t count) {
  const std::string text = json.text();
  std::vector<double> numbers;
  numbers.reserve(std::min(count, text.size()));
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string_view word = std::string_view(text).substr(begin, end - begin);
    const auto number = base::to_double(word);
    if (!number || !(std::abs(*number) <= largest))
      json.fail("number " + std::to_string(numbers.size()) + " is " + base::in_quotes(word) +
                ", and one within -1e18 to 1e18 is expected");
    if (numbers.size() == count) json.fail("more than the " + std::to_string(count) + " numbers expected");
    numbers.push_back(*number);
    begin = end + 1;
  }
  if (numbers.size() != count)
    json.fail(std::to_string(count) + " numbers are expected, found " + std::to_string(numbers.size()));
  return numbers;
}

double share(const base::JsonReader& json) {
  const double value = json.number();
  if (!(std::abs(value) <= largest)) json.fail("a number within -1e18 to 1e18 is expected");
  return value;
}

}  // namespace

std::vector<std::uint16_t> arch_of(const std::string& text, const std::vector<std::size_t>& options) {
  std::vector<std::uint16_t> arch;
  arch.reserve(options.size());
  const char* at = text.data();
  const char* const end = at + text.size();
  for (const std::size_t count : options) {
    std::size_t number = 0;
    const char* const begin = at;
    for (; at != end && *at >= '0' && *at <= '9'; ++at) {
      number = number * 10 + static_cast<std::size_t>(*at - '0');
      if (number >= count) return {};
    }
    if (at == begin) return {};
    arch.push_back(static_cast<std::uint16_t>(number));
    if (arch.size() < options.size() && (at == end || *at++ != '.')) return {};
  }
  if (at != end) arch.clear();
  return arch;
}

double rounded(double value) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.8g", value);
  return std::strtod(text.data(), nullptr);
}

Transfer::Transfer(Info info, TransferParts parts) : Impl(std::move(info)), parts_(std::move(parts)) {
  for (double& value : parts_.constant) value = rounded(value);
  for (auto& table : parts_.tables)
    for (double& value : table.rows) value = rounded(value);
  for (double* value : {&parts_.least, &parts_.noise, &parts_.centre}) *value = rounded(*value);
}

double Transfer::predict(const std::vector<Prim>&) const {
  refuse_prims();
}

Prediction Transfer::predict_with_error(const std::vector<Prim>&) const {
  refuse_prims();
}

void Transfer::predict_arch(const std::uint16_t* archs, std::size_t n, double* out) const noexcept {
  const std::size_t width = parts_.constant.size();
  for (std::size_t i = 0; i < n; ++i, archs += parts_.options.size()) {
    double sum = parts_.constant[0];
    for (const auto& table : parts_.tables) sum += *row_of(table, parts_.options, width, archs);
    out[i] = sum < parts_.least ? parts_.least : sum;
  }
}

Prediction Transfer::predict_arch_with_error(const std::uint16_t* arch) const {
  std::array<double, most_width> z{};
  const std::size_t width = parts_.constant.size();
  std::copy(parts_.constant.begin(), parts_.constant.end(), z.begin());
  for (const auto& table : parts_.tables) {
    const double* const row = row_of(table, parts_.options, width, arch);
    for (std::size_t j = 0; j < width; ++j) z[j] += row[j];
  }
  Prediction out;
  out.value = std::max(z[0], parts_.least);
  double variance = parts_.noise;
  for (std::size_t j = 1; j < width; ++j) variance += z[j] * z[j];
  out.standard_error = std::sqrt(variance) * (parts_.relative ? out.value / parts_.centre : 1);
  return out;
}

void Transfer::write(base::Json& json) const {
  auto& space = json["space"] = base::Json::object();
  space["name"] = parts_.space;
  space["fingerprint"] = parts_.fingerprint;
  space["options"] = parts_.options;
  auto& error = json["error"] = base::Json::object();
  error["noise"] = parts_.noise;
  error["relative"] = parts_.relative;
  error["centre"] = parts_.centre;
  json["least"] = parts_.least;
  json["constant"] = parts_.constant;
  auto& tables = json["tables"] = base::Json::array();
  for (const auto& table : parts_.tables)
    tables.push_back(base::Json{{"decisions", table.decisions}, {"rows", pack(table.rows)}});
}

std::shared_ptr<const Model::Impl> Transfer::read(Info info, const base::JsonReader& json) {
  constexpr std::int64_t most_decisions = 10000, most_options = 65535;
  TransferParts parts;
  const auto space = json["space"];
  space.only({"name", "fingerprint", "options"});
  parts.space = space["name"].text();
  parts.fingerprint = space["fingerprint"].text();
  for (const auto& options : space["options"].list()) {
    if (parts.options.size() == most_decisions) space["options"].fail("too many decisions");
    parts.options.push_back(static_cast<std::size_t>(options.integer(1, most_options)));
  }
  const auto error = json["error"];
  error.only({"noise", "relative", "centre"});
  parts.noise = error["noise"].number();  // a square
  if (!(parts.noise >= 0 && parts.noise <= largest * largest))
    error["noise"].fail("a number from 0 to 1e36 is expected");
  parts.relative = error["relative"].boolean();
  parts.centre = record::cost_from_json(error["centre"]);
  if (!(parts.centre > 0)) error["centre"].fail("a number above 0 is expected");
  parts.least = record::cost_from_json(json["least"]);
  const auto constant = json["constant"].list();
  if (constant.empty() || constant.size() > most_width)
    json["constant"].fail("1 to " + std::to_string(most_width) + " numbers are expected, found " +
                          std::to_string(constant.size()));
  for (const auto& value : constant) parts.constant.push_back(share(value));
  std::size_t entries = 0;
  for (const auto& row : json["tables"].list()) {
    row.only({"decisions", "rows"});
    ArchTable table;
    const auto decisions = row["decisions"];
    const auto last = static_cast<std::int64_t>(parts.options.size()) - 1;
    std::size_t size = 1;
    for (const auto& decision : decisions.list()) {
      const auto number = static_cast<std::size_t>(decision.integer(0, std::max<std::int64_t>(last, 0)));
      if (last < 0 || (!table.decisions.empty() && number <= table.decisions.back()))
        decision.fail("ascending numbers of decisions are expected");
      table.decisions.push_back(number);
      size *= parts.options[number];
      if (size > most_entries) decisions.fail("these decisions have too many combinations");
    }
    entries += size;
    if (entries > most_entries) row.fail("the tables are too large");
    table.rows = unpack(row["rows"], combinations(table, parts.options) * parts.constant.size());
    parts.tables.push_back(std::move(table));
  }
  return std::make_shared<Transfer>(std::move(info), std::move(parts));
}

}  // namespace hwprof::model
