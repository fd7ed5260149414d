// SPDX-License-Identifier: Apache-2.0
// A primitive as nnabla-nas names a module: Class[field=value,…][[shape],…].
#include <algorithm>
#include <array>
#include <set>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "hwprof/prim.hpp"
#include "prim/types.hpp"

namespace hwprof {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

[[noreturn]] void fail(std::string_view text, std::size_t at, const std::string& what) {
  throw Error(Fault::input, "module " + base::in_quotes(text) + ", column " + std::to_string(at + 1) + ": " + what);
}

/// What stands between commas that no bracket encloses; none for an empty text.
std::vector<std::string> parts_of(std::string_view text) {
  std::vector<std::string> parts;
  if (text.empty()) return parts;
  parts.emplace_back();
  int depth = 0;
  for (const char c : text) {
    depth += c == '[' ? 1 : c == ']' ? -1 : 0;
    if (c == ',' && depth == 0)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

/// The inside of the bracket that opens at `at`, which moves behind its end.
std::string_view bracketed(std::string_view text, std::size_t& at) {
  if (at >= text.size() || text[at] != '[') fail(text, at, "'[' is expected");
  int depth = 0;
  for (std::size_t i = at; i < text.size(); ++i) {
    depth += text[i] == '[' ? 1 : text[i] == ']' ? -1 : 0;
    if (depth > 0) continue;
    const auto inside = text.substr(at + 1, i - at - 1);
    at = i + 1;
    return inside;
  }
  fail(text, at, "this '[' is not closed");
}

struct Module {
  std::string name;
  Fields fields;
  std::string shapes;               ///< as written, "[1,24,32,32]"
  std::vector<std::int64_t> shape;  ///< of the first input; empty when it is no list of sizes
  bool one_input = true;
};

std::vector<std::int64_t> sizes_of(std::string_view list) {
  std::vector<std::int64_t> sizes;
  if (list.size() < 2 || list.front() != '[' || list.back() != ']') return sizes;
  for (const auto& part : parts_of(list.substr(1, list.size() - 2))) {
    const auto size = base::to_int(part);
    if (!size || *size < 1 || *size > prim::max_channels) return {};
    sizes.push_back(*size);
  }
  return sizes;
}

/// Blanks mean nothing; nnabla-nas itself writes ( and ) as [ and ].
std::string tidy(std::string_view given) {
  std::string text;
  for (const char c : given) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) fail(given, text.size(), "a control character");
    if (c != ' ') text += c == '(' ? '[' : c == ')' ? ']' : c;
  }
  return text;
}

Module read(std::string_view text) {
  Module module;
  std::size_t at = std::min(text.find('['), text.size());
  module.name = std::string(text.substr(0, at));
  const auto plain = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  };
  if (module.name.empty() || !std::all_of(module.name.begin(), module.name.end(), plain))
    fail(text, 0, "the name of a class and '[' are expected");
  std::set<std::string> seen;
  for (const auto& part : parts_of(bracketed(text, at))) {
    const auto equals = part.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == part.size())
      fail(text, module.name.size() + 1, "field=value is expected, found " + base::in_quotes(part));
    module.fields.emplace_back(part.substr(0, equals), part.substr(equals + 1));
    if (!seen.insert(module.fields.back().first).second)
      fail(text, module.name.size() + 1, "field " + base::in_quotes(module.fields.back().first) + " is given twice");
  }
  const std::size_t shapes_at = at;
  module.shapes = std::string(bracketed(text, at));
  if (at != text.size()) fail(text, at, "the end is expected behind the shapes");
  const auto shapes = parts_of(module.shapes);
  if (shapes.empty()) fail(text, shapes_at, "the shape of an input is expected");
  module.one_input = shapes.size() == 1;
  module.shape = sizes_of(shapes.front());
  if (module.shape.size() < 2) fail(text, shapes_at, "a shape [batch,channels,…] of positive sizes is expected");
  return module;
}

/// Takes known fields out of a module and notices when one says what the primitive cannot.
class Taker {
 public:
  explicit Taker(const Module& module) : fields_(module.fields) {}

  std::string text(const std::string& name, const std::string& fallback) {
    const auto at = std::find_if(fields_.begin(), fields_.end(), [&name](const auto& f) { return f.first == name; });
    if (at == fields_.end()) return fallback;
    const std::string value = at->second == "None" ? fallback : at->second;
    fields_.erase(at);
    return value;
  }
  int number(const std::string& name, int fallback) {
    const auto value = base::to_int(text(name, std::to_string(fallback)));
    if (!value || *value < 0 || *value > prim::max_channels) fits = false;
    return fits ? static_cast<int>(*value) : 0;
  }
  /// "[3,3]" or "3"
  int square(const std::string& name, int fallback) {
    const std::string value = text(name, std::to_string(fallback));
    if (value.find(',') == std::string::npos) return number_of(value);
    const auto sides = parts_of(std::string_view(value).substr(1, value.size() < 2 ? 0 : value.size() - 2));
    if (value.front() != '[' || sides.size() != 2 || sides[0] != sides[1]) fits = false;
    return fits ? number_of(sides[0]) : 0;
  }
  bool flag(const std::string& name, bool fallback) {
    const std::string value = text(name, fallback ? "True" : "False");
    if (value != "True" && value != "False") fits = false;
    return value == "True";
  }
  void want(bool condition) { fits = fits && condition; }
  /// Fields that only training reads, or that change no cost.
  void ignore(std::initializer_list<const char*> names) {
    for (const char* name : names) (void)text(name, "");
  }
  [[nodiscard]] bool done() const { return fits && fields_.empty(); }

  bool fits = true;

 private:
  int number_of(const std::string& value) {
    const auto whole = base::to_int(value);
    if (!whole || *whole < 0 || *whole > 4096) fits = false;
    return fits ? static_cast<int>(*whole) : 0;
  }
  Fields fields_;
};

bool take_conv(Taker& take, Prim& prim, bool depthwise) {
  prim.prim_type = "conv";
  take.want(take.number("in_channels", prim.C) == prim.C);
  const int out = depthwise ? prim.C * take.number("multiplier", 1) : take.number("out_channels", 0);
  const int kernel = take.square("kernel", 0);
  const int pad = take.square("pad", 0);
  prim.stride = take.square("stride", 1);
  const int dilation = take.square("dilation", 1);
  const int groups = depthwise ? prim.C : take.number("group", 1);
  const bool bias = take.flag("with_bias", true);
  take.want(take.number("base_axis", 1) == 1 && !take.flag("channel_last", false));
  take.want(out > 0 && kernel > 0 && prim.stride > 0 && dilation > 0 && groups > 0);
  prim.C_out = out;
  prim.attrs = {{"kernel_size", std::int64_t{kernel}},
                {"groups", std::int64_t{groups}},
                {"dilation", std::int64_t{dilation}},
                {"padding", std::int64_t{pad == dilation * (kernel / 2) ? -1 : pad}},
                {"bias", bias}};
  return take.done();
}

bool take_pool(Taker& take, Prim& prim, bool average) {
  prim.prim_type = average ? "avg_pool" : "max_pool";
  const int kernel = take.square("kernel", 0);
  prim.stride = take.square("stride", kernel);
  prim.attrs = {{"kernel_size", std::int64_t{kernel}},
                {"padding", std::int64_t{take.square("pad", 0)}},
                {"ceil_mode", !take.flag("ignore_border", true)}};
  if (average) prim.attrs["count_include_pad"] = take.flag("including_pad", true);
  take.want(kernel > 0 && prim.stride > 0 && !take.flag("channel_last", false));
  return take.done();
}

bool take_linear(Taker& take, Prim& prim) {
  prim.prim_type = "linear";
  take.want(take.number("in_features", prim.C) == prim.C * prim.spatial_size * prim.spatial_size);
  prim.C_out = take.number("out_features", 0);
  take.want(prim.C_out > 0 && take.number("base_axis", 1) == 1);
  prim.attrs = {{"activation", std::string("identity")}, {"bias", take.flag("with_bias", true)}};
  return take.done();
}

struct PlainClass {
  const char* name;
  const char* prim_type;
};
constexpr std::array<PlainClass, 8> plain_classes{{{"ReLU", "relu"},
                                                   {"ReLU6", "relu6"},
                                                   {"LeakyReLU", "leaky_relu"},
                                                   {"Sigmoid", "sigmoid"},
                                                   {"Tanh", "tanh"},
                                                   {"Identity", "identity"},
                                                   {"GlobalAvgPool", "global_avg_pool"},
                                                   {"BatchNormalization", "batch_norm"}}};

/// As one of our own single ops, where the fields allow it.
bool take_known(const Module& module, Prim& prim) {
  const auto& shape = module.shape;
  if (!module.one_input || shape[0] != 1 || shape.size() > 4 || shape.size() == 3) return false;
  if (shape.size() == 4 && shape[2] != shape[3]) return false;
  Taker take(module);
  take.ignore({"fix_parameters"});
  if (module.name == "Conv" || module.name == "DwConv") return take_conv(take, prim, module.name == "DwConv");
  if (module.name == "AvgPool" || module.name == "MaxPool") return take_pool(take, prim, module.name == "AvgPool");
  if (module.name == "Linear") return take_linear(take, prim);
  for (const auto& plain : plain_classes) {
    if (module.name != plain.name) continue;
    prim.prim_type = plain.prim_type;
    take.ignore({"eps", "decay_rate", "inplace", "alpha"});
    take.want(take.number("n_features", prim.C) == prim.C);
    return take.done();
  }
  return false;
}

/// Anything else keeps its fields as attributes.
Attr attr_of(const std::string& value) {
  if (const auto whole = base::to_int(value); whole && std::to_string(*whole) == value) return *whole;
  const auto real = base::to_double(value);
  if (real && base::format_number(*real) == value) return *real;
  return value;
}

void take_fields(const Module& module, Prim& prim) {
  prim.prim_type = module.name;
  prim.attrs.clear();
  for (const auto& [name, value] : module.fields) {
    const auto whole = base::to_int(value);
    const bool size = whole && *whole > 0 && *whole <= prim::max_channels;
    if (name == "fix_parameters" || value == "None") continue;
    if (name == "C_out" && size)
      prim.C_out = static_cast<int>(*whole);
    else if (name == "stride" && size)
      prim.stride = static_cast<int>(*whole);
    else if (name == "affine" && (value == "True" || value == "False"))
      prim.affine = value == "True";
    else
      prim.attrs[name] = attr_of(value);
  }
  const bool square = module.shape.size() == 4 && module.shape[2] == module.shape[3] && module.shape[0] == 1;
  if (!square || !module.one_input) prim.attrs["shapes"] = "[" + module.shapes + "]";
}

std::string list(int a, int b) {
  return "[" + std::to_string(a) + "," + std::to_string(b) + "]";
}

std::string value_text(const Prim& prim, const std::string& name, const Attr& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "True" : "False";
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
  if (const auto* real = std::get_if<double>(&value)) return base::format_number(*real);
  const auto& text = std::get<std::string>(value);
  int depth = 0;
  bool plain = !text.empty() && text != "None" && tidy(text) == text;
  for (const char c : text) {
    depth += c == '[' ? 1 : c == ']' ? -1 : 0;
    plain = plain && depth >= 0 && (c != ',' || depth > 0) && c != '=';
  }
  if (!plain || depth != 0)
    throw Error(Fault::input, "primitive " + base::in_quotes(to_string(prim)) + ": attribute " + base::in_quotes(name) +
                                  " has a text that a module's name cannot hold");
  return text;
}

std::string conv_text(const Prim& prim, int kernel, int pad, int dilation, int groups, bool bias) {
  const auto pair = [](int side) { return list(side, side); };
  return "Conv[in_channels=" + std::to_string(prim.C) + ",out_channels=" + std::to_string(prim.C_out) +
         ",kernel=" + pair(kernel) + ",stride=" + pair(prim.stride) + ",pad=" + pair(pad) +
         ",dilation=" + pair(dilation) + ",base_axis=1,group=" + std::to_string(groups) +
         ",with_bias=" + (bias ? "True" : "False") + ",fix_parameters=False,channel_last=False]";
}

std::int64_t whole(const Prim& prim, const char* name) {
  const auto at = prim.attrs.find(name);
  const auto* value = at == prim.attrs.end() ? nullptr : std::get_if<std::int64_t>(&at->second);
  return value == nullptr ? 0 : *value;
}

bool truth(const Prim& prim, const char* name) {
  const auto at = prim.attrs.find(name);
  const auto* value = at == prim.attrs.end() ? nullptr : std::get_if<bool>(&at->second);
  return value != nullptr && *value;
}

/// Class and fields of what nnabla-nas has a class for; empty for anything else. prim is normalised.
std::string known_text(const Prim& prim) {
  const int kernel = static_cast<int>(whole(prim, "kernel_size"));
  const int dilation = static_cast<int>(whole(prim, "dilation"));
  const int padding = static_cast<int>(whole(prim, "padding"));
  if (prim.prim_type == "conv")
    return conv_text(prim, kernel, padding < 0 ? dilation * (kernel / 2) : padding, dilation,
                     static_cast<int>(whole(prim, "groups")), truth(prim, "bias"));
  if (prim.prim_type == "dw_conv") return conv_text(prim, kernel, dilation * (kernel / 2), dilation, prim.C, false);
  if (prim.prim_type == "conv_1x1") return conv_text(prim, 1, 0, 1, 1, true);
  if (prim.prim_type == "conv_3x3") return conv_text(prim, 3, 1, 1, 1, true);
  if (prim.prim_type == "max_pool" || prim.prim_type == "avg_pool") {
    const bool average = prim.prim_type == "avg_pool";
    return std::string(average ? "AvgPool" : "MaxPool") + "[kernel=" + list(kernel, kernel) +
           ",stride=" + list(prim.stride, prim.stride) +
           ",ignore_border=" + (truth(prim, "ceil_mode") ? "False" : "True") + ",pad=" + list(padding, padding) +
           ",channel_last=False" +
           (average ? std::string(",including_pad=") + (truth(prim, "count_include_pad") ? "True" : "False") : "") +
           "]";
  }
  if (prim.prim_type == "linear" && prim.attrs.at("activation") == Attr(std::string("identity")))
    return "Linear[in_features=" + std::to_string(std::int64_t{prim.C} * prim.spatial_size * prim.spatial_size) +
           ",out_features=" + std::to_string(prim.C_out) +
           ",base_axis=1,with_bias=" + (truth(prim, "bias") ? "True" : "False") + "]";
  for (const auto& plain : plain_classes) {
    if (prim.prim_type != plain.prim_type || (prim.prim_type == "batch_norm" && !prim.affine)) continue;
    const std::string fields = prim.prim_type == "batch_norm" ? "n_features=" + std::to_string(prim.C) +
                                                                    ",fix_parameters=False,eps=1e-05,decay_rate=0.9"
                                                              : std::string();
    return std::string(plain.name) + "[" + fields + "]";
  }
  return {};
}

}  // namespace

std::string to_module_uid(const Prim& given) {
  const auto types = list_prim_types();
  const bool declared = std::binary_search(types.begin(), types.end(), given.prim_type);
  const Prim prim = declared ? normalized(given) : given;
  std::string shapes = "[[1," + std::to_string(prim.C) + "," + std::to_string(prim.spatial_size) + "," +
                       std::to_string(prim.spatial_size) + "]]";
  std::string text = declared ? known_text(prim) : std::string();
  if (!text.empty()) return text + shapes;
  text = prim.prim_type + "[C_out=" + std::to_string(prim.C_out) + ",stride=" + std::to_string(prim.stride) +
         ",affine=" + (prim.affine ? "True" : "False");
  for (const auto& [name, value] : prim.attrs) {
    if (name == "shapes" && std::holds_alternative<std::string>(value))
      shapes = value_text(prim, name, value);
    else
      text += "," + name + "=" + value_text(prim, name, value);
  }
  return text + "]" + shapes;
}

Prim parse_module_uid(std::string_view given) {
  const std::string text = tidy(given);
  const Module module = read(text);
  Prim prim;
  prim.C = prim.C_out = static_cast<int>(module.shape[1]);
  prim.spatial_size = module.shape.size() == 2 ? 1 : static_cast<int>(std::min(module.shape[2], module.shape.back()));
  if (prim.spatial_size > prim::max_spatial_size) fail(text, text.size(), "the map is too large");
  const Prim plain = prim;
  if (take_known(module, prim)) return normalized(std::move(prim));
  prim = plain;
  take_fields(module, prim);
  const auto types = list_prim_types();
  const bool declared =
      std::binary_search(types.begin(), types.end(), prim.prim_type) && prim.attrs.count("shapes") == 0;
  return declared ? normalized(std::move(prim)) : prim;
}

}  // namespace hwprof
