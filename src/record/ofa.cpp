// SPDX-License-Identifier: Apache-2.0
#include "record/ofa.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include "base/text.hpp"
#include "base/yaml.hpp"
#include "hwprof/error.hpp"
#include "record/cost.hpp"

namespace hwprof::record {
namespace {

using base::in_quotes;
using base::Yaml;

constexpr std::array layer_types{"expanded_conv", "Conv", "Conv_1", "Conv_2", "AvgPool2D", "Logits"};
constexpr double ms_per_s = 1e3;
constexpr double interval_factor = 1.96;  ///< half a 95 % interval over the standard error
constexpr int most_size = 65536;          ///< of a primitive's map
constexpr int least_divisor = 8;          ///< of channels that the blocks keep as they are

/// A key, taken apart. Sizes are height, width, channels; Logits puts out channels alone.
struct Row {
  std::string type;
  std::vector<int> input, output;
  std::map<std::string, int> numbers;
  Measured cost;

  [[nodiscard]] bool is_v3() const { return numbers.count("hs") != 0; }
  [[nodiscard]] int size() const { return input[0]; }
  [[nodiscard]] int in_channels() const { return input.back(); }
  [[nodiscard]] int out_channels() const { return output.back(); }
};

class Reader {
 public:
  Reader(const std::string& source, Notes& notes) : source_(source), notes_(notes) {}

  NetRecord read(const Yaml& root) {
    for (const auto& [key, value] : root.items()) rows_.push_back(read_row(key, value));
    v3_ = std::any_of(rows_.begin(), rows_.end(), [](const Row& row) { return row.is_v3(); });
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (const auto prim = prim_of(rows_[i]))
        add(*prim, rows_[i].cost);
      else if (rows_[i].type != "Logits")
        notes_.push_back(source_ + ": no primitive stands for " + keys_[i] + "; it was left out");
    }
    add_heads();
    if (record_.prims.empty()) root.fail("no key of the table is one that a primitive stands for");
    record_.from.mode = "inference";
    return std::move(record_);
  }

 private:
  Row read_row(const std::string& key, const Yaml& value) {
    keys_.push_back(key);
    const auto parts = base::split(key, '-');
    Row row;
    row.type = parts.front();
    if (std::find(layer_types.begin(), layer_types.end(), row.type) == layer_types.end())
      value.fail("unknown layer " + in_quotes(row.type) +
                 base::suggest(row.type, {layer_types.begin(), layer_types.end()}));
    for (std::size_t i = 1; i < parts.size(); ++i) {
      const auto colon = parts[i].find(':');
      const std::string name = parts[i].substr(0, colon);
      const auto numbers = colon == std::string::npos ? std::vector<int>{} : sizes(parts[i].substr(colon + 1));
      if (numbers.empty()) value.fail("a key with " + in_quotes(parts[i]) + "; name:number is expected");
      if (name == "input")
        row.input = numbers;
      else if (name == "output")
        row.output = numbers;
      else if (numbers.size() == 1)
        row.numbers[name] = numbers.front();
    }
    const bool logits = row.type == "Logits";
    if (row.input.size() != 3 || (row.output.size() != 3 && !(logits && row.output.size() == 1)))
      value.fail("a key without input and output sizes, height x width x channels");
    if (row.type == "expanded_conv")
      for (const char* name : {"expand", "kernel", "stride", "idskip"})
        if (row.numbers.count(name) == 0) value.fail(std::string("a key without ") + name);
    if (row.numbers.count("hs") != row.numbers.count("se")) value.fail("a key with one of se and hs");
    row.cost = read_cost(value);
    return row;
  }

  static std::vector<int> sizes(const std::string& text) {
    std::vector<int> out;
    for (const auto& part : base::split(text, 'x')) {
      const auto number = base::to_int(part);
      if (!number || *number < 0 || *number > 1048576) return {};
      out.push_back(static_cast<int>(*number));
    }
    return out;
  }

  static double non_negative(const Yaml& yaml) {
    const double value = yaml.number();
    if (!is_cost(value)) yaml.fail(not_a_cost(value));
    return value;
  }

  static Measured read_cost(const Yaml& value) {
    value.only({"mean", "count", "var"});
    Measured cost;
    cost.value = non_negative(value["mean"]) / ms_per_s;
    if (const auto count = value.find("count")) cost.samples = static_cast<std::int64_t>(non_negative(*count));
    if (const auto variance = value.find("var"); variance && cost.samples > 0)
      cost.spread = interval_factor * std::sqrt(non_negative(*variance) / static_cast<double>(cost.samples)) / ms_per_s;
    return cost;
  }

  void add(Prim prim, const Measured& cost) {
    PrimRecord out;
    out.prim = normalized(std::move(prim));
    out.perf[Metric::latency] = cost;
    record_.prims.push_back(std::move(out));
  }

  [[nodiscard]] std::string activation() const { return v3_ ? "h_swish" : "relu6"; }

  static Prim sized(const char* type, const Row& row, int stride, std::map<std::string, Attr> attrs) {
    Prim prim;
    prim.prim_type = type;
    prim.spatial_size = row.size();
    prim.C = row.in_channels();
    prim.C_out = row.out_channels();
    prim.stride = stride;
    prim.attrs = std::move(attrs);
    return prim;
  }

  std::optional<Prim> prim_of(const Row& row) const {
    const auto has_zero = [](const std::vector<int>& v) { return std::find(v.begin(), v.end(), 0) != v.end(); };
    if (row.size() > most_size || row.size() != row.input[1] || has_zero(row.input) || has_zero(row.output)) return {};
    if (row.output.size() == 3 && row.output[0] != row.output[1]) return {};
    const auto puts_out = [&row](int size) { return row.output.size() == 3 && row.output[0] == size; };
    if (row.type == "expanded_conv") return block_of(row);
    if (row.type == "Conv" && puts_out((row.size() + 1) / 2))
      return sized("stem", row, 2, {{"kernel_size", std::int64_t{3}}, {"activation", activation()}});
    if (row.type == "Conv_1" && puts_out(row.size()))
      return sized("conv_bn_act", row, 1, {{"kernel_size", std::int64_t{1}}, {"activation", activation()}});
    if (row.type == "AvgPool2D" && puts_out(1) && row.in_channels() == row.out_channels())
      return sized("global_avg_pool", row, 1, {});
    if (row.type == "Conv_2" && row.size() == 1 && puts_out(1))
      return sized("conv_act", row, 1, {{"kernel_size", std::int64_t{1}}, {"activation", activation()}});
    if (row.type == "Logits" && row.size() == 1) return sized("linear", row, 1, {});
    return {};
  }

  static std::optional<Prim> block_of(const Row& row) {
    const int stride = row.numbers.at("stride");
    const int kernel = row.numbers.at("kernel");
    const int expand = row.numbers.at("expand");
    const int channels = row.in_channels();
    const bool residual = stride == 1 && channels == row.out_channels();
    if (stride < 1 || stride > 64 || kernel < 1 || kernel % 2 == 0 || expand < 1) return {};
    if ((row.numbers.at("idskip") != 0) != residual || row.output[0] != (row.size() - 1) / stride + 1) return {};
    const double ratio = expand < channels ? expand : static_cast<double>(expand) / channels;
    const double middle = ratio * channels;
    if (ratio != 1 && std::fmod(middle, least_divisor) != 0) return {};
    std::map<std::string, Attr> attrs{{"kernel_size", std::int64_t{kernel}}, {"expansion", ratio}};
    if (!row.is_v3()) {
      attrs["activation"] = std::string("relu6");
      return sized("mobilenet_v2_block", row, stride, std::move(attrs));
    }
    attrs["activation"] = std::string(row.numbers.at("hs") != 0 ? "h_swish" : "relu");
    attrs["use_se"] = row.numbers.at("se") != 0;
    return sized("mobilenet_v3_block", row, stride, std::move(attrs));
  }

  /// The rows of a type whose input is this.
  std::vector<const Row*> find(const std::string& type, int size, int channels) const {
    const auto found = by_input_.find({type, {size, size, channels}});
    return found == by_input_.end() ? std::vector<const Row*>{} : found->second;
  }

  /// What follows a Conv_1, where there is one way to go on: the pool, the feature layer, the classifier.
  std::vector<const Row*> rest_of_head(const Row& last) const {
    const int channels = last.out_channels();
    if (const auto whole = find("Logits", last.size(), channels); last.size() > 1 && whole.size() == 1) return whole;
    const auto pool = find("AvgPool2D", last.size(), channels);
    auto feature = find("Conv_2", 1, channels);
    if (pool.size() != 1 || feature.size() > 1) return {};
    const auto classifier = find("Logits", 1, feature.empty() ? channels : feature.front()->out_channels());
    if (classifier.size() != 1) return {};
    std::vector<const Row*> out{pool.front(), classifier.front()};
    out.insert(out.begin() + 1, feature.begin(), feature.end());
    return out;
  }

  void add_heads() {
    for (const auto& row : rows_) by_input_[{row.type, row.input}].push_back(&row);
    std::set<const Row*> used;
    for (const auto& last : rows_) {
      if (last.type != "Conv_1" || !prim_of(last)) continue;
      const auto rest = rest_of_head(last);
      if (rest.empty()) continue;
      Prim head = sized("head", last, 1, {{"activation", activation()}});
      head.attrs["last_channels"] = std::int64_t{last.out_channels()};
      head.attrs["feature_channels"] = std::int64_t{rest.size() == 3 ? rest[1]->out_channels() : 0};
      head.C_out = rest.back()->out_channels();
      Measured cost = last.cost;
      double squares = cost.spread * cost.spread;
      for (const auto* row : rest) {
        cost.value += row->cost.value;
        cost.samples = std::min(cost.samples, row->cost.samples);
        squares += row->cost.spread * row->cost.spread;
        used.insert(row);
      }
      cost.spread = std::sqrt(squares);
      add(head, cost);
      record_.from.derived = true;
      notes_.push_back(source_ + ": " + to_string(record_.prims.back().prim) +
                       " is the sum of Conv_1 and what follows it; it was not measured as one");
    }
    for (std::size_t i = 0; i < rows_.size(); ++i)
      if (rows_[i].type == "Logits" && !prim_of(rows_[i]) && used.count(&rows_[i]) == 0)
        notes_.push_back(source_ + ": no primitive stands for " + keys_[i] + "; it was left out");
  }

  const std::string& source_;
  Notes& notes_;
  std::vector<Row> rows_;
  std::vector<std::string> keys_;
  std::map<std::pair<std::string, std::vector<int>>, std::vector<const Row*>> by_input_;
  bool v3_ = false;
  NetRecord record_;
};

double number(const Prim& prim, const char* name) {
  const auto found = prim.attrs.find(name);
  if (found == prim.attrs.end()) return 0;
  return std::visit(
      [](const auto& value) {
        if constexpr (std::is_arithmetic_v<std::decay_t<decltype(value)>>) return static_cast<double>(value);
        return 0.0;
      },
      found->second);
}

std::string text(const Prim& prim, const char* name) {
  const auto found = prim.attrs.find(name);
  const auto* value = found == prim.attrs.end() ? nullptr : std::get_if<std::string>(&found->second);
  return value == nullptr ? std::string() : *value;
}

std::string shape(int size, int channels) {
  const std::string side = std::to_string(size) + "x";
  return side + side + std::to_string(channels);
}

std::string begin_key(const char* type, const Prim& prim, const std::string& output) {
  return std::string(type) + "-input:" + shape(prim.spatial_size, prim.C) + "-output:" + output;
}

std::optional<std::string> block_key(const Prim& prim, bool v3) {
  const double ratio = number(prim, "expansion");
  const double middle = ratio * prim.C;
  const std::string activation = text(prim, "activation");
  const bool v3_block = prim.prim_type == "mobilenet_v3_block";
  if (v3_block != v3 || (ratio != 1 && std::fmod(middle, least_divisor) != 0) || middle < prim.C || middle > 1048576)
    return {};
  if (v3_block ? activation != "relu" && activation != "h_swish" : activation != "relu6") return {};
  const bool as_ratio = !v3_block && std::floor(ratio) == ratio && ratio < prim.C;
  const bool residual = prim.stride == 1 && prim.C == prim.C_out;
  std::string key = begin_key("expanded_conv", prim, shape((prim.spatial_size - 1) / prim.stride + 1, prim.C_out)) +
                    "-expand:" + base::format_number(as_ratio ? ratio : middle) +
                    "-kernel:" + base::format_number(number(prim, "kernel_size")) +
                    "-stride:" + std::to_string(prim.stride) + "-idskip:" + (residual ? "1" : "0");
  if (v3_block)
    key += std::string("-se:") + (number(prim, "use_se") != 0 ? "1" : "0") +
           "-hs:" + (activation == "h_swish" ? "1" : "0");
  return key;
}

}  // namespace

bool is_ofa_table(std::string_view text) {
  text = text.substr(0, 4096);
  while (!text.empty()) {
    const auto line = base::trim(text.substr(0, text.find('\n')));
    text.remove_prefix(
        std::min(text.size(), text.find('\n') == std::string_view::npos ? text.size() : text.find('\n') + 1));
    if (line.empty() || line.front() == '#' || line == "---") continue;
    std::string_view key = line;
    while (!key.empty() && (key.front() == '{' || key.front() == '?' || key.front() == '"' || key.front() == '\'' ||
                            key.front() == ' '))
      key.remove_prefix(1);
    const auto end = key.find('-');
    return end != std::string_view::npos && base::starts_with(key.substr(end), "-input:");
  }
  return false;
}

std::vector<NetRecord> parse_ofa_table(const std::string& text, const std::string& source, Notes& notes) {
  NetRecord record = Reader(source, notes).read(Yaml::parse(text, source));
  record.net_id = std::filesystem::path(source).stem().string();
  return {std::move(record)};
}

std::optional<std::string> ofa_key(const Prim& prim, bool v3) {
  if (prim.prim_type == "mobilenet_v2_block" || prim.prim_type == "mobilenet_v3_block") return block_key(prim, v3);
  const bool active = text(prim, "activation") == (v3 ? "h_swish" : "relu6");
  const bool plain = prim.stride == 1 && prim.affine && number(prim, "groups") <= 1 && number(prim, "dilation") <= 1;
  if (prim.prim_type == "stem" && active && prim.stride == 2 && prim.affine && number(prim, "kernel_size") == 3)
    return begin_key("Conv", prim, shape((prim.spatial_size + 1) / 2, prim.C_out));
  if (prim.prim_type == "conv_bn_act" && active && plain && number(prim, "kernel_size") == 1)
    return begin_key("Conv_1", prim, shape(prim.spatial_size, prim.C_out));
  if (prim.prim_type == "global_avg_pool") return begin_key("AvgPool2D", prim, shape(1, prim.C_out));
  if (prim.prim_type == "conv_act" && active && plain && number(prim, "kernel_size") == 1 && prim.spatial_size == 1)
    return begin_key("Conv_2", prim, shape(1, prim.C_out));
  if (prim.prim_type == "linear" && prim.spatial_size == 1 && text(prim, "activation") == "identity" &&
      number(prim, "bias") != 0)
    return begin_key("Logits", prim, std::to_string(prim.C_out));
  return {};
}

}  // namespace hwprof::record
