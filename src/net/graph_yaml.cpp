// SPDX-License-Identifier: Apache-2.0
#include "net/graph_yaml.hpp"

#include <array>
#include <limits>

#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::net {
namespace {

using base::Yaml;

constexpr int most_ops = 1 << 20;
constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / 4;

template <typename Numbers>
std::string flow(const Numbers& numbers) {
  std::string out;
  for (const auto number : numbers) out += (out.empty() ? "" : ", ") + std::to_string(number);
  return "[" + out + "]";
}

std::string op_text(const Op& op) {
  const Op plain;
  std::string out = "{op: " + std::string(to_string(op.kind)) + ", name: " + base::yaml_scalar(op.name);
  const auto put = [&out](const char* key, const std::string& text) { out += std::string(", ") + key + ": " + text; };
  const auto put_flag = [&put](const char* key, bool value, bool usual) {
    if (value != usual) put(key, value ? "true" : "false");
  };
  if (!op.inputs.empty()) put("inputs", flow(op.inputs));
  if (op.out_channels != plain.out_channels) put("out_channels", std::to_string(op.out_channels));
  if (op.first_channel != plain.first_channel) put("first_channel", std::to_string(op.first_channel));
  if (op.kernel != plain.kernel) put("kernel", flow(op.kernel));
  if (op.stride != plain.stride) put("stride", flow(op.stride));
  if (op.dilation != plain.dilation) put("dilation", flow(op.dilation));
  if (op.pad != plain.pad) put("pad", flow(op.pad));
  if (op.groups != plain.groups) put("groups", std::to_string(op.groups));
  put_flag("bias", op.bias, plain.bias);
  put_flag("affine", op.affine, plain.affine);
  put_flag("ceil_mode", op.ceil_mode, plain.ceil_mode);
  put_flag("count_include_pad", op.count_include_pad, plain.count_include_pad);
  if (op.value != plain.value) put("value", base::format_number(op.value));
  if (op.shape != plain.shape) put("shape", flow(op.shape));
  return out + "}";
}

OpKind read_kind(const Yaml& yaml) {
  std::vector<std::string> names;
  for (int i = 0; i <= static_cast<int>(OpKind::identity); ++i) {
    const auto kind = static_cast<OpKind>(i);
    if (yaml.text() == to_string(kind)) return kind;
    names.emplace_back(to_string(kind));
  }
  yaml.fail("unknown op " + base::in_quotes(yaml.text()) + base::suggest(yaml.text(), names));
}

template <std::size_t size>
void read_array(const Yaml& op, const char* key, std::array<int, size>& into) {
  const auto found = op.find(key);
  if (!found) return;
  constexpr int far = 1 << 20;
  const auto numbers = found->integers(-far, far);
  if (numbers.size() != size)
    found->fail(std::to_string(size) + " numbers are expected, found " + std::to_string(numbers.size()));
  for (std::size_t i = 0; i < size; ++i) into[i] = numbers[i];
}

void read_large(const Yaml& value, std::int64_t& into) {
  into = value.integer();
  if (into < 0 || into > most) value.fail("a number from 0 to 2^61 is expected");
}

void read_large(const Yaml& op, const char* key, std::int64_t& into) {
  if (const auto found = op.find(key)) read_large(*found, into);
}

void read_flag(const Yaml& op, const char* key, bool& into) {
  if (const auto found = op.find(key)) into = found->boolean();
}

Op read_op(const Yaml& yaml, int number) {
  yaml.only({"op", "name", "inputs", "out_channels", "first_channel", "kernel", "stride", "dilation", "pad", "groups",
             "bias", "affine", "ceil_mode", "count_include_pad", "value", "shape"});
  Op op;
  op.kind = read_kind(yaml["op"]);
  op.name = yaml["name"].text();
  if (const auto inputs = yaml.find("inputs")) op.inputs = inputs->integers(0, number - 1);
  read_large(yaml, "out_channels", op.out_channels);
  read_large(yaml, "first_channel", op.first_channel);
  read_array(yaml, "kernel", op.kernel);
  read_array(yaml, "stride", op.stride);
  read_array(yaml, "dilation", op.dilation);
  read_array(yaml, "pad", op.pad);
  read_large(yaml, "groups", op.groups);
  read_flag(yaml, "bias", op.bias);
  read_flag(yaml, "affine", op.affine);
  read_flag(yaml, "ceil_mode", op.ceil_mode);
  read_flag(yaml, "count_include_pad", op.count_include_pad);
  if (const auto value = yaml.find("value")) op.value = value->number();
  if (const auto shape = yaml.find("shape")) {
    const auto extents = shape->list();
    if (extents.size() != op.shape.size()) shape->fail("four numbers are expected");
    for (std::size_t i = 0; i < extents.size(); ++i) read_large(extents[i], op.shape[i]);
  }
  return op;
}

}  // namespace

std::string graph_text(const Graph& graph, const std::string& indent) {
  std::string out = indent + "name: " + base::yaml_scalar(graph.name) + "\n" + indent +
                    "outputs: " + flow(graph.outputs) + "\n" + indent + "ops:\n";
  for (const Op& op : graph.ops) out += indent + "- " + op_text(op) + "\n";
  return out;
}

Graph read_graph(const Yaml& yaml, int image_size, int image_channels) {
  yaml.only({"name", "outputs", "ops"});
  Graph graph;
  if (const auto name = yaml.find("name")) graph.name = name->text();
  const Yaml ops = yaml["ops"];
  for (const auto& op : ops.list()) {
    if (graph.ops.size() >= static_cast<std::size_t>(most_ops))
      ops.fail("a graph of at most a million ops is expected");
    graph.ops.push_back(read_op(op, static_cast<int>(graph.ops.size())));
  }
  graph.outputs = yaml["outputs"].integers(0, static_cast<int>(graph.ops.size()) - 1);
  if (graph.outputs.empty()) yaml.fail("a graph needs an output");
  try {
    (void)infer_shapes(graph, {1, image_channels, image_size, image_size});
  } catch (const Error& error) {
    yaml.fail(error.what());
  }
  return graph;
}

}  // namespace hwprof::net
