// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime, where it is installed, reads our ONNX files and computes what libtorch computes.
#include <doctest/doctest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/files.hpp"
#include "base/subprocess.hpp"
#include "onnxruntime_here.hpp"
#include "temp_folder.hpp"
#include "torch_onnx_support.hpp"

using hwprof_test::OnnxCase;

namespace {

/// Collects cases, runs them in one go, and checks what came out.
class Comparison {
 public:
  void add(const OnnxCase& one) {
    const std::string stem = std::to_string(cases_.size());
    const auto put = [&](const std::string& name, const std::string& bytes) {
      hwprof::base::write_file(folder_.file(name), bytes);
      return folder_.file(name);
    };
    const auto raw = [](const std::vector<float>& values) {
      return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
    };
    cases_.push_back({{"name", one.name},
                      {"model", put(stem + ".onnx", one.bytes)},
                      {"input", put(stem + ".in", raw(one.input))},
                      {"expected", put(stem + ".out", raw(one.expected))}});
  }

  void check(const std::string& package) const {
    hwprof::base::write_file(folder_.file("cases.json"), cases_.dump());
    hwprof::base::Command command;
    command.argv = {"node", std::string(HWPROF_SOURCE_DIR) + "/tests/onnxruntime_compare.js", package,
                    folder_.file("cases.json")};
    const auto done = hwprof::base::run_command(command);
    REQUIRE_MESSAGE(done.good(), done.describe() << " " << done.errors);
    const auto results = nlohmann::json::parse(done.output);
    REQUIRE(results.size() == cases_.size());
    for (const auto& item : results.items()) {
      const auto& result = item.value();
      CHECK_MESSAGE(!result.contains("failure"), item.key() << ": " << result.dump());
      if (result.contains("error"))
        CHECK_MESSAGE(result["error"].get<double>() <= 1e-4, item.key() << " is off by " << result["error"].dump());
    }
  }

 private:
  hwprof_test::TempFolder folder_;
  nlohmann::json cases_ = nlohmann::json::array();
};

}  // namespace

TEST_CASE("ONNX Runtime agrees with libtorch on every primitive and on whole networks") {
  const std::string package = hwprof_test::onnxruntime_here();
  if (package.empty()) return;
  Comparison comparison;
  hwprof_test::for_prims({9, 11, 13}, [&](const hwprof::Prim&, int, const OnnxCase& one) { comparison.add(one); });
  hwprof_test::for_networks(13, [&](const OnnxCase& one) { comparison.add(one); });
  comparison.check(package);
}
