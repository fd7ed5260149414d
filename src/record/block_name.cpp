// SPDX-License-Identifier: Apache-2.0
// Once-For-All blocks by the names of the folders that hold their measurements.
#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "record/vaitrace.hpp"

namespace hwprof::record {
namespace {

enum class Key { in, out, kernel, expansion, stride, activation, use_se, bias };

struct Spelling {
  const char* text;
  Key key;
};
constexpr Spelling spellings[] = {
    {"in", Key::in},
    {"input", Key::in},
    {"in_shape", Key::in},
    {"input_shape", Key::in},
    {"out", Key::out},
    {"output", Key::out},
    {"out_channels", Key::out},
    {"out_ch", Key::out},
    {"out_features", Key::out},
    {"k", Key::kernel},
    {"ks", Key::kernel},
    {"kernel", Key::kernel},
    {"kernel_size", Key::kernel},
    {"e", Key::expansion},
    {"er", Key::expansion},
    {"exp", Key::expansion},
    {"expand", Key::expansion},
    {"expand_ratio", Key::expansion},
    {"expansion", Key::expansion},
    {"s", Key::stride},
    {"stride", Key::stride},
    {"a", Key::activation},
    {"act", Key::activation},
    {"act_func", Key::activation},
    {"activation", Key::activation},
    {"se", Key::use_se},
    {"use_se", Key::use_se},
    {"usese", Key::use_se},
    {"bias", Key::bias},
    {"use_bias", Key::bias},
};

struct Field {
  std::string text;  ///< as it stands, for messages
  std::string value;
};

[[noreturn]] void fail(const std::string& what) {
  throw Error(Fault::input, what);
}

/// Whether a field of the other spelling begins here: "in-3x224x224_out-24".
bool begins_field(std::string_view text) {
  return std::any_of(std::begin(spellings), std::end(spellings), [text](const Spelling& spelling) {
    const std::string_view name = spelling.text;
    return text.size() > name.size() + 1 && base::lower_case(text.substr(0, name.size())) == name &&
           text[name.size()] == '-';
  });
}

/// Class and fields: joined by '-' with '_' before the value, or the other way round.
std::vector<std::string> parts_of(const std::string& name) {
  const auto first = name.find('_');
  if (first == std::string::npos || !begins_field(std::string_view(name).substr(first + 1)))
    return base::split(name, '-');
  std::vector<std::string> parts{name.substr(0, first)};
  for (std::size_t at = first; at < name.size();) {
    const std::size_t begin = at + 1;
    at = name.find('-', begin);
    do at = std::min(name.find('_', at + 1), name.size());
    while (at < name.size() && !begins_field(std::string_view(name).substr(at + 1)));
    std::string part = name.substr(begin, at - begin);
    part[part.find('-')] = '_';  // it begins with a key and '-'
    parts.push_back(std::move(part));
  }
  return parts;
}

/// "use_se_True" -> use_se, "True"; the longest spelling that fits counts.
std::optional<std::pair<Key, std::string>> read_field(const std::string& text) {
  const std::string lower = base::lower_case(text);
  const Spelling* best = nullptr;
  std::size_t length = 0;
  for (const auto& spelling : spellings) {
    const std::string name = spelling.text;
    if (!base::starts_with(lower, name) || name.size() <= length || lower.size() <= name.size()) continue;
    const char next = lower[name.size()];
    const bool digit = next >= '0' && next <= '9';
    if (next != '_' && next != '=' && next != ':' && !digit) continue;
    best = &spelling;
    length = name.size();
  }
  if (best == nullptr) return {};
  std::string value = text.substr(length);
  if (value.front() == '_' || value.front() == '=' || value.front() == ':') value.erase(0, 1);
  return std::make_pair(best->key, value);
}

class BlockName {
 public:
  explicit BlockName(const std::string& name) {
    const auto parts = parts_of(name);
    type_ = base::lower_case(parts.front());
    for (std::size_t i = 1; i < parts.size(); ++i) {
      if (parts[i].empty()) continue;
      auto field = read_field(parts[i]);
      if (!field) fail("unknown field " + base::in_quotes(parts[i]));
      if (!fields_.emplace(field->first, Field{parts[i], field->second}).second)
        fail("field " + base::in_quotes(parts[i]) + " stands twice");
    }
  }

  [[nodiscard]] Prim prim(double operations) const {
    Prim prim;
    read_input(prim);
    prim.C_out = integer(Key::out, "out");
    const bool linear = holds({"linear"});
    prim.stride = fields_.count(Key::stride) != 0 && !linear ? integer(Key::stride, "s") : 1;
    if (linear) {
      prim.prim_type = "linear";
      prim.affine = true;
      if (prim.spatial_size != 1) fail("a linear layer with a map of " + std::to_string(prim.spatial_size) + " px");
      if (fields_.count(Key::activation) != 0) prim.attrs["activation"] = activation();
      if (fields_.count(Key::bias) != 0) prim.attrs["bias"] = boolean(Key::bias);
    } else if (holds({"residual", "mbconv", "mbinverted", "mobileinverted", "mobilenet", "inverted"})) {
      read_mobile(prim);
    } else if (holds({"conv"})) {
      prim.prim_type = "conv_bn_act";
      const int kernel = integer(Key::kernel, "k");
      prim.attrs["kernel_size"] = std::int64_t{kernel};
      prim.attrs["activation"] = activation();
      if (fields_.count(Key::stride) == 0 && prim.spatial_size > 1)
        prim.stride = stride_by_work(prim, kernel, operations);
    } else {
      fail("unknown kind of block " + base::in_quotes(type_));
    }
    return normalized(prim);
  }

 private:
  [[nodiscard]] bool holds(std::initializer_list<const char*> words) const {
    return std::any_of(words.begin(), words.end(),
                       [this](const char* word) { return type_.find(word) != std::string::npos; });
  }

  [[nodiscard]] const Field& field(Key key, const char* name) const {
    const auto found = fields_.find(key);
    if (found == fields_.end()) fail(std::string("no field ") + name);
    return found->second;
  }

  [[nodiscard]] int integer(Key key, const char* name) const {
    const Field& at = field(key, name);
    const auto value = base::to_int(at.value);
    if (!value || *value < 1 || *value > 1 << 20) fail(base::in_quotes(at.text) + ": a positive number is expected");
    return static_cast<int>(*value);
  }

  [[nodiscard]] bool boolean(Key key) const {
    const Field& at = fields_.at(key);
    const std::string value = base::lower_case(at.value);
    if (value == "true" || value == "1" || value == "yes") return true;
    if (value == "false" || value == "0" || value == "no" || value == "none") return false;
    fail(base::in_quotes(at.text) + ": True or False is expected");
  }

  /// CxHxW, or CxS; a kept order HxWxC would not be square.
  void read_input(Prim& prim) const {
    const Field& at = field(Key::in, "in");
    std::vector<int> sizes;
    for (const auto& part : base::split(base::lower_case(at.value), 'x')) {
      const auto value = base::to_int(part);
      if (!value || *value < 1 || *value > 1 << 20) fail(base::in_quotes(at.text) + ": CxHxW is expected");
      sizes.push_back(static_cast<int>(*value));
    }
    if (sizes.size() > 3) fail(base::in_quotes(at.text) + ": CxHxW is expected");
    prim.C = sizes[0];
    prim.spatial_size = sizes.size() > 1 ? sizes[1] : 1;
    if (sizes.size() == 3 && sizes[1] != sizes[2]) fail(base::in_quotes(at.text) + ": a map that is not square");
    if (sizes.size() == 1 && !holds({"linear"})) fail(base::in_quotes(at.text) + ": CxHxW is expected");
  }

  /// Of a convolution whose name does not say: 1 or 2, by how much the device did.
  static int stride_by_work(const Prim& prim, int kernel, double operations) {
    for (const int stride : {1, 2}) {
      const double side = (prim.spatial_size + stride - 1) / stride;
      const double work = 2.0 * prim.C * prim.C_out * kernel * kernel * side * side;
      if (operations > work / 1.5 && operations < work * 1.5) return stride;
    }
    fail("no field s, and the device's count of operations is that of neither 1 nor 2");
  }

  void read_mobile(Prim& prim) const {
    prim.prim_type = "mobilenet_v3_block";
    prim.attrs["kernel_size"] = std::int64_t{integer(Key::kernel, "k")};
    const Field& expansion = field(Key::expansion, "e");
    const auto ratio = base::to_double(expansion.value);
    if (!ratio || !(*ratio > 0) || *ratio > 1e4)
      fail(base::in_quotes(expansion.text) + ": a positive number is expected");
    prim.attrs["expansion"] = *ratio;
    prim.attrs["activation"] = activation();
    prim.attrs["use_se"] = fields_.count(Key::use_se) != 0 && boolean(Key::use_se);
    if (!holds({"residual"}) && prim.stride == 1 && prim.C == prim.C_out)
      fail("a block without the addition of its input, which mobilenet_v3_block has at this size");
  }

  [[nodiscard]] std::string activation() const {
    const Field& at = field(Key::activation, "act");
    const std::string name = base::lower_case(at.value);
    static const std::map<std::string, std::string> names = {
        {"relu", "relu"},          {"relu6", "relu6"},         {"h_swish", "h_swish"},    {"hswish", "h_swish"},
        {"hard_swish", "h_swish"}, {"h_sigmoid", "h_sigmoid"}, {"hsigmoid", "h_sigmoid"}, {"sigmoid", "sigmoid"},
        {"tanh", "tanh"},          {"none", "identity"},       {"identity", "identity"},  {"linear", "identity"},
        {"hardswish", "h_swish"}};
    const auto found = names.find(name);
    if (found == names.end()) fail(base::in_quotes(at.text) + ": unknown activation");
    return found->second;
  }

  std::string type_;
  std::map<Key, Field> fields_;
};

}  // namespace

Prim prim_of_folder(const std::string& name, double operations) {
  try {
    return BlockName(name).prim(operations);
  } catch (const Error& error) {
    throw Error(Fault::input, base::in_quotes(name) + " names no block: " + error.what());
  }
}

}  // namespace hwprof::record
