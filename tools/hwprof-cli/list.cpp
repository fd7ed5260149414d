// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>

#include "cli.hpp"
#include "hwprof/error.hpp"
#include "hwprof/space.hpp"
#include "output.hpp"

namespace hwprof_cli {
namespace {

const std::vector<std::string>& topics() {
  static const std::vector<std::string> names{"spaces", "prims", "compilers", "models", "devices"};
  return names;
}

std::string attr_name(const hwprof::AttrSpec& attr) {
  return attr.name + (attr.fallback ? "?" : "");
}

std::vector<std::string> prims() {
  std::vector<std::string> out;
  for (const auto& name : hwprof::list_prim_types()) {
    std::string line = name;
    for (const auto& attr : hwprof::find_prim_type(name).attrs) line += " " + attr_name(attr);
    out.push_back(line);
  }
  return out;
}

std::vector<std::string> members(const std::string& topic) {
  if (topic == "spaces") return hwprof::list_spaces();
  if (topic == "prims") return prims();
  if (topic == "compilers") return hwprof::list_compilers();
  if (topic == "models") return hwprof::list_models();
  return devices();
}

Json prim_json() {
  Json out = Json::array();
  for (const auto& name : hwprof::list_prim_types()) {
    Json attrs = Json::array();
    for (const auto& attr : hwprof::find_prim_type(name).attrs) {
      Json one{{"name", attr.name}, {"required", !attr.fallback.has_value()}};
      if (attr.fallback) std::visit([&one](const auto& value) { one["default"] = value; }, *attr.fallback);
      if (!attr.choices.empty()) one["choices"] = attr.choices;
      attrs.push_back(std::move(one));
    }
    out.push_back({{"name", name}, {"attrs", std::move(attrs)}});
  }
  return out;
}

void list(const Cli& cli, const std::string& topic) {
  std::vector<std::string> wanted = topics();
  if (!topic.empty()) {
    if (std::find(wanted.begin(), wanted.end(), topic) == wanted.end())
      throw hwprof::Error(hwprof::Fault::usage,
                          "there is no list '" + topic + "'" + hwprof::did_you_mean(topic, wanted));
    wanted = {topic};
  }
  prepare_compilers(cli);
  Json report{{"schema", "hwprof.list/1"}};
  for (const auto& name : wanted) {
    if (cli.json) {
      report[name] = name == "prims" ? prim_json() : Json(members(name));
      continue;
    }
    if (topic.empty()) std::cout << (&name == &wanted.front() ? "" : "\n") << name << ":\n";
    for (const auto& member : members(name)) std::cout << (topic.empty() ? "  " : "") << member << '\n';
    if (topic.empty() && !has_torch() && name == "compilers")
      std::cout << "  (cpu and cuda need libtorch, which this build is without: configure with -DHWPROF_TORCH=ON)\n";
  }
  if (cli.json) print_json(report);
}

}  // namespace

void add_list(Cli& cli) {
  auto topic = std::make_shared<std::string>();
  CLI::App* verb = add_verb(cli, "list", "List spaces, primitive types, compilers, models and devices",
                            [&cli, topic] { list(cli, *topic); });
  verb->add_option("TOPIC", *topic, "spaces, prims, compilers, models or devices");
  add_plugin_option(verb, cli);
  verb->add_flag("--json", cli.json, "Print one JSON document");
}

}  // namespace hwprof_cli
