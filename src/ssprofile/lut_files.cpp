// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstdio>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "hwprof/block_lut.hpp"
#include "hwprof/error.hpp"

namespace hwprof {
namespace {

constexpr const char* schema = "hwprof.block_lut";
constexpr int schema_version = 1;
constexpr double ms = 1e-3;

}  // namespace

void save_lut_text(const std::string& file, const BlockLut& lut, const std::string& comment) {
  std::string out = comment.empty() ? "" : "# " + comment + "\n";
  for (std::size_t l = 0; l < lut.layers.size(); ++l) {
    std::string row;
    for (const auto& entry : lut.layers[l]) {
      if (!entry.latency)
        throw Error(Fault::missing, file + ": layer " + std::to_string(l) + " has no latency of " +
                                        base::in_quotes(entry.block) + ", and the text cannot leave it out");
      row += (row.empty() ? "" : " ") + base::format_number(entry.latency->value / ms);
    }
    out += row + "\n";
  }
  base::write_file(file, out);
}

BlockLut load_lut_text(const std::string& file, const SsbnSpec& spec) {
  BlockLut lut;
  lut.origin = "text";
  std::size_t number = 0;
  for (const auto& line : base::split(base::read_file(file), '\n')) {
    ++number;
    const std::string place = file + ":" + std::to_string(number) + ": ";
    std::string text(base::trim(line.substr(0, line.find('#'))));
    for (char& c : text)
      if (c == '\t' || c == ',') c = ' ';
    if (text.empty()) continue;
    const std::size_t layer = lut.layers.size();
    if (layer == spec.layers.size())
      throw Error(Fault::input, place + "the space has " + std::to_string(spec.layers.size()) + " layers, found more");
    const auto& names = spec.options(spec.layers[layer].group);
    std::vector<LutEntry> row;
    for (const auto& part : base::split(text, ' ')) {
      if (part.empty()) continue;
      const auto value = base::to_double(part);
      if (!value || !std::isfinite(*value) || *value <= 0)
        throw Error(Fault::input,
                    place + "a positive number of milliseconds is expected, found " + base::in_quotes(part));
      if (row.size() < names.size())
        row.push_back({names[row.size()], Measured{*value * ms, 0, 0, 0}});
      else
        row.push_back({});
    }
    if (row.size() != names.size())
      throw Error(Fault::input, place + "layer " + std::to_string(layer) + " has " + std::to_string(names.size()) +
                                    " blocks in the space, found " + std::to_string(row.size()) + " numbers");
    lut.layers.push_back(std::move(row));
  }
  if (lut.layers.size() != spec.layers.size())
    throw Error(Fault::input, file + ": the space has " + std::to_string(spec.layers.size()) + " layers, found " +
                                  std::to_string(lut.layers.size()) + " rows");
  return lut;
}

void save_lut(const std::string& file, const BlockLut& lut) {
  base::Json layers = base::Json::array();
  for (const auto& row : lut.layers) {
    base::Json out = base::Json::object();
    for (const auto& entry : row) {
      out[entry.block] = nullptr;
      if (entry.latency)
        out[entry.block] = base::Json{{"latency_s", entry.latency->value},
                                      {"spread_s", entry.latency->spread},
                                      {"samples", entry.latency->samples}};
    }
    layers.push_back(std::move(out));
  }
  base::save_json(file, base::Json{{"schema", std::string(schema) + "/" + std::to_string(schema_version)},
                                   {"origin", lut.origin},
                                   {"device", lut.device},
                                   {"layers", layers}});
}

BlockLut load_lut(const std::string& file) {
  const auto json = base::JsonReader::load(file);
  json.schema(schema, schema_version);
  BlockLut lut{json["origin"].text(), json["device"].text(), {}, 0};
  for (const auto& layer : json["layers"].list()) {
    std::vector<LutEntry> row;
    for (const auto& [block, entry] : layer.items()) {
      try {
        (void)parse_ssbn_block(block);
      } catch (const Error& error) {
        layer.fail(error.what());
      }
      row.push_back({block, {}});
      if (entry.raw().is_null()) continue;
      Measured latency{entry["latency_s"].number(), entry["spread_s"].number(), 0, 0};
      if (!(latency.value > 0)) entry.fail("latency_s must be above 0");
      if (latency.spread < 0) entry.fail("spread_s must be 0 or more");
      if (entry.has("samples")) latency.samples = entry["samples"].integer(0, std::int64_t{1} << 53);
      row.back().latency = latency;
    }
    lut.layers.push_back(std::move(row));
  }
  return lut;
}

}  // namespace hwprof
