// SPDX-License-Identifier: Apache-2.0
#include "format/onnx_node.hpp"

#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::format {

using onnx::AttributeProto;

const std::string& NodeView::name() const {
  return node_->name().empty() ? output() : node_->name();
}

const std::string& NodeView::input(int i) const {
  static const std::string none;
  return i < node_->input_size() ? node_->input(i) : none;
}

const std::string& NodeView::output(int i) const {
  static const std::string none;
  return i < node_->output_size() ? node_->output(i) : none;
}

const AttributeProto* NodeView::find(const char* name) const {
  for (const auto& attribute : node_->attribute())
    if (attribute.name() == name) return &attribute;
  return nullptr;
}

/// Old files leave the type out.
const AttributeProto* NodeView::find(const char* name, AttributeProto::AttributeType type) const {
  const AttributeProto* attribute = find(name);
  if (attribute != nullptr && attribute->type() != type && attribute->type() != AttributeProto::UNDEFINED)
    fail("attribute " + base::in_quotes(name) + " has type " + AttributeProto::AttributeType_Name(attribute->type()) +
         ", expected " + AttributeProto::AttributeType_Name(type));
  return attribute;
}

std::int64_t NodeView::integer(const char* attribute, std::int64_t fallback) const {
  const auto* found = find(attribute, AttributeProto::INT);
  return found == nullptr ? fallback : found->i();
}

float NodeView::real(const char* attribute, float fallback) const {
  const auto* found = find(attribute, AttributeProto::FLOAT);
  return found == nullptr ? fallback : found->f();
}

std::string NodeView::text(const char* attribute, const std::string& fallback) const {
  const auto* found = find(attribute, AttributeProto::STRING);
  return found == nullptr ? fallback : found->s();
}

std::optional<Dims> NodeView::integers(const char* attribute) const {
  const auto* found = find(attribute, AttributeProto::INTS);
  if (found == nullptr) return {};
  return Dims(found->ints().begin(), found->ints().end());
}

std::optional<std::vector<float>> NodeView::reals(const char* attribute) const {
  const auto* found = find(attribute, AttributeProto::FLOATS);
  if (found == nullptr) return {};
  return std::vector<float>(found->floats().begin(), found->floats().end());
}

const onnx::TensorProto* NodeView::tensor(const char* attribute) const {
  const auto* found = find(attribute, AttributeProto::TENSOR);
  return found == nullptr ? nullptr : &found->t();
}

std::string NodeView::place() const {
  return *source_ + ": node " + base::in_quotes(name()) + " (" + type() + ")";
}

void NodeView::fail(const std::string& what) const {
  throw Error(Fault::input, place() + ": " + what);
}

void NodeView::refuse(const std::string& what) const {
  throw Error(Fault::unsupported, place() + ": " + what);
}

}  // namespace hwprof::format
