// SPDX-License-Identifier: Apache-2.0
#include "base/yaml_text.hpp"

#include <yaml-cpp/yaml.h>

namespace hwprof::base {
namespace {

void write(YAML::Emitter& to, const YAML::Node& node) {
  const std::string& tag = node.Tag();
  // "!" is what the parser says of scalars in quotes, "?" of all else without a tag.
  if (!tag.empty() && tag != "!" && tag != "?") to << YAML::VerbatimTag(tag);
  const bool flow = node.Style() == YAML::EmitterStyle::Flow;
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      if (tag == "!")
        to << YAML::DoubleQuoted << node.Scalar();
      else
        to << node.Scalar();
      return;
    case YAML::NodeType::Sequence:
      to << (flow ? YAML::Flow : YAML::Block) << YAML::BeginSeq;
      for (const auto& element : node) write(to, element);
      to << YAML::EndSeq;
      return;
    case YAML::NodeType::Map:
      to << (flow ? YAML::Flow : YAML::Block) << YAML::BeginMap;
      for (const auto& member : node) {
        to << YAML::Key;
        write(to, member.first);
        to << YAML::Value;
        write(to, member.second);
      }
      to << YAML::EndMap;
      return;
    case YAML::NodeType::Null:
    case YAML::NodeType::Undefined:
      to << YAML::Null;
  }
}

}  // namespace

std::string yaml_text(const YAML::Node& node) {
  YAML::Emitter emitter;
  write(emitter, node);
  return emitter.c_str();
}

}  // namespace hwprof::base
