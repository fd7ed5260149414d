// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "fingerprint_support.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using Json = nlohmann::ordered_json;

namespace {

Json read_json(const std::string& file) {
  return Json::parse(std::ifstream(file));
}

}  // namespace

TEST_CASE("a saved model predicts the same, every kind, updates included") {
  const TempFolder folder;
  const MadeUpDevice device;
  const auto data = measure(device, {"plain", "mobile", "fire"}, {0, 40, 80}, {2, 8, 32}, 0.01, 3);
  const auto few = measure(device, {"bottleneck"}, {0}, {2, 8, 32}, 0.01, 4);
  for (const auto& kind : list_fingerprint_kinds()) {
    CAPTURE(kind);
    FingerprintOptions options;
    options.kind = kind;
    options.trees = 9;
    const auto model = update_fingerprint(fit_fingerprint(data, options), few);
    const auto file = folder.file(kind + ".json");
    save_fingerprint(file, model);
    const auto again = load_fingerprint(file);
    CHECK(again.from().device == "made up");
    REQUIRE(again.fits().size() == model.fits().size());
    for (std::size_t i = 0; i < model.fits().size(); ++i) {
      CHECK(again.fits()[i].kind == kind);
      CHECK(again.fits()[i].rows == 27);
      CHECK(again.fits()[i].families_error == model.fits()[i].families_error);
      CHECK(again.fits()[i].importance == model.fits()[i].importance);
    }
    for (const char* family : {"plain", "residual", "bottleneck"})
      for (const Metric quantity : {Metric::latency, Metric::memory}) {
        const auto net = make_net(family, 20);
        const auto a = model.predict(net, 5, Stage::training, quantity);
        const auto b = again.predict(net, 5, Stage::training, quantity);
        CHECK(a.value == b.value);
        CHECK(a.standard_error == b.standard_error);
        CHECK(a.updated == b.updated);
      }
    const auto second = folder.file("second.json");
    save_fingerprint(second, again);
    CHECK(read_json(second) == read_json(file));
  }
}

TEST_CASE("a file of version 1 loads for ever and predicts what it did when it was written") {
  const auto model = load_fingerprint(HWPROF_SOURCE_DIR "/tests/data/fingerprint_1.json");
  CHECK(model.from().device == "made up");
  const auto net = make_net("residual", 20);
  // The figures that the file's first reader gave.
  CHECK(model.predict(net, 5, Stage::training, Metric::latency).value ==
        doctest::Approx(0.017469067126512527).epsilon(1e-9));
  CHECK(model.predict(net, 5, Stage::training, Metric::memory).value ==
        doctest::Approx(166860459.34475136).epsilon(1e-9));
}

TEST_CASE("damaged files are refused with their place") {
  const TempFolder folder;
  const auto good = read_json(HWPROF_SOURCE_DIR "/tests/data/fingerprint_1.json");
  const auto refused = [&](const Json& json, const std::string& part) {
    const auto file = folder.write("bad.json", json.dump());
    CHECK(has(error_of(Fault::input, [&] { (void)load_fingerprint(file); }), part));
  };
  const auto with = [&good](const std::string& pointer, const Json& value) {
    Json json = good;
    json[Json::json_pointer(pointer)] = value;
    return json;
  };
  CHECK(has(error_of(Fault::input, [&] { (void)load_fingerprint(folder.file("none.json")); }), "none.json"));
  CHECK(has(error_of(Fault::input, [&] { (void)load_fingerprint(folder.write("t.json", "{")); }), "t.json"));
  refused(with("/schema", "hwprof.fingerprint/2"), "schema");
  refused(with("/schema", "hwprof.model/1"), "schema");
  refused(with("/more", 1), "more");
  refused(with("/costs", Json::array()), "at least one cost");
  refused(with("/costs/1", good["costs"][0]), "twice");
  refused(with("/costs/0/stage", "sleeping"), "sleeping");
  refused(with("/costs/0/quantity", "colour"), "colour");
  refused(with("/costs/0/unit", "ms"), "unit");
  refused(with("/costs/0/kind", "magic"), "magic");
  refused(with("/costs/0/error", -1), "error");
  const auto known = [&](const char* kind, const Json& families) {
    return with("/costs/0/known", Json{{"kind", kind}, {"error", 0.1}, {"families", families}});
  };
  refused(known("magic", {"x"}), "magic");
  refused(known("simple", Json::array()), "at least one family");
  refused(known("blend", Json::array({"x"})), "needs the forest");
  refused(with("/costs/0/features/3", "x"), "feature");
  refused(with("/costs/0/features", Json::array({"x"})), "no such feature");
  refused(with("/costs/0/features", Json::array()), "or more are expected");
  refused(with("/costs/0/features/0", good["costs"][0]["features"][1]), "in their order");
  refused(with("/costs/0/least", Json::array({1})), "numbers are expected");
  refused(with("/costs/0/physical/coefficients/nonsense", 1), "no such feature");
  refused(with("/costs/0/physical/constant", -1), "0 or more");
  refused(with("/costs/0/physical/from_batch", 0), "from_batch");
  refused(with("/costs/0/physical/from_batch", 4), "later");
  refused(with("/costs/0/physical/later", good["costs"][0]["physical"]["coefficients"]), "expected together");
  {
    Json json = with("/costs/0/physical/from_batch", 4);
    json["costs"][0]["physical"]["later"] = Json{{"own.macs", 1}};
    refused(json, "later");
    json["costs"][0]["physical"]["later"] = json["costs"][0]["physical"]["coefficients"];
    json["costs"][0]["physical"]["later"].begin().value() = -1;
    refused(json, "0 or more");
  }
  refused(with("/costs/0/forests", Json::object()), "needs the forest");
  refused(with("/costs/0/forests/tree/features", 2), "feature");
  refused(with("/costs/0/forests/tree/trees", Json::array()), "forest");
  refused(with("/costs/0/update/noise", 0), "above 0");
  refused(with("/costs/0/update/columns", "all"), "all");
  refused(
      with("/costs/0/updates", Json::array({{{"family", "x"}, {"rows", 3}, {"factors", {1, 2, 3, 4}}, {"bias", 0}}})),
      "factors are expected");
  refused(with("/costs/0/updates",
               Json::array({{{"family", "x"}, {"rows", 3}, {"factors", {1, 1, 1, -0.5}}, {"bias", 0}}})),
          "0 or more");
  refused(with("/costs/0/fit/few", 3), "few");
  // Whatever is taken away, the answer is an error with a place.
  for (const auto& [key, value] : good["costs"][0].items()) {
    Json json = good;
    json["costs"][0].erase(key);
    const auto file = folder.write("bad.json", json.dump());
    CHECK(has(error_of(Fault::input, [&] { (void)load_fingerprint(file); }), key));
  }
}
