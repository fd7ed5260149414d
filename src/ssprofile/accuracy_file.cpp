// SPDX-License-Identifier: Apache-2.0
#include "ssprofile/accuracy_file.hpp"

#include "base/json.hpp"
#include "base/text.hpp"

namespace hwprof::ssprofiling {
namespace {

constexpr const char* schema = "hwprof.accuracy";
constexpr int schema_version = 1;
constexpr std::int64_t most_images = std::int64_t{1} << 40;

}  // namespace

void save_accuracy(const std::string& file, const AccuracyRow& row) {
  base::Json curve = base::Json::array();
  for (const auto& epoch : row.curve)
    curve.push_back(base::Json{{"loss", epoch.loss},
                               {"accuracy", epoch.accuracy},
                               {"last_rate", epoch.last_rate},
                               {"seconds", epoch.seconds}});
  base::Json json{{"schema", std::string(schema) + "/" + std::to_string(schema_version)}, {"id", row.id}};
  if (row.failure.empty()) {
    json["right"] = row.right;
    json["images"] = row.images;
    if (row.test_images > 0) {
      json["test_right"] = row.test_right;
      json["test_images"] = row.test_images;
    }
  } else {
    json["failure"] = row.failure;
  }
  json["epochs"] = std::move(curve);
  base::save_json(file, json);
}

AccuracyRow load_accuracy(const std::string& file, const std::string& id) {
  const auto json = base::JsonReader::load(file);
  json.schema(schema, schema_version);
  AccuracyRow row;
  row.id = json["id"].text();
  if (row.id != id)
    json.fail("is of network " + base::in_quotes(row.id) + " where " + base::in_quotes(id) + " is expected");
  row.reused = true;
  const auto images = [&json](const char* right, const char* all, std::size_t& into_right, std::size_t& into_all) {
    into_all = static_cast<std::size_t>(json[all].integer(1, most_images));
    into_right = static_cast<std::size_t>(json[right].integer(0, static_cast<std::int64_t>(into_all)));
  };
  if (json.has("failure"))
    row.failure = json["failure"].text();
  else
    images("right", "images", row.right, row.images);
  if (json.has("test_images")) images("test_right", "test_images", row.test_right, row.test_images);
  for (const auto& epoch : json["epochs"].list())
    row.curve.push_back(
        {epoch["loss"].number(), epoch["accuracy"].number(), epoch["last_rate"].number(), epoch["seconds"].number()});
  return row;
}

}  // namespace hwprof::ssprofiling
