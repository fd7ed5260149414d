// SPDX-License-Identifier: Apache-2.0
// Models as source text: the C++ header is compiled, the Python module imported, and both say what the model says.
#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include "base/subprocess.hpp"
#include "hwprof/model.hpp"
#include "model_support.hpp"
#include "program.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::cli;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

const char* const main_cpp = R"(#include "estimator.hpp"

#include <cstdio>
#include <fstream>

int main(int, char** argv) {
  std::ifstream nets(argv[1]);
  std::vector<std::string> prims;
  for (std::string line; std::getline(nets, line);) {
    if (!line.empty()) {
      prims.push_back(line);
      continue;
    }
    std::printf("%.17g\n", hwprof_estimator::estimate(prims));
    prims.clear();
  }
  try {
    (void)hwprof_estimator::estimate({"nothing:1x1x1s1"});
  } catch (const std::out_of_range& error) {
    std::puts(error.what());
  }
}
)";

const char* const main_py = R"(import sys
import estimator
prims = []
for line in open(sys.argv[1]):
    if line.strip():
        prims.append(line.strip())
    else:
        print(repr(estimator.estimate(prims)))
        prims = []
try:
    estimator.estimate(["nothing:1x1x1s1"])
except KeyError as error:
    print(error.args[0])
)";

std::string run(const std::vector<std::string>& argv, const std::string& dir) {
  base::Command command;
  command.argv = argv;
  command.directory = dir;
  command.timeout_s = 120;
  const auto result = base::run_command(command);
  CHECK_MESSAGE(result.good(), result.describe() << result.errors);
  return result.output;
}

void check_numbers(const std::string& text, const std::vector<double>& expected) {
  std::istringstream stream(text);
  std::string line;
  for (const double value : expected) {
    REQUIRE(std::getline(stream, line));
    CHECK(std::stod(line) == doctest::Approx(value).epsilon(1e-12));
  }
  REQUIRE(std::getline(stream, line));
  CHECK(line == "nothing:1x1x1s1");
}

}  // namespace

TEST_CASE("an exported estimator computes what the model predicts") {
  const TempFolder folder;
  hwprof_test::Device device;
  device.noise = 0.01;
  const auto records = device.measure(20, 1);
  save_records(folder.file("records.jsonl"), records);
  std::string nets;
  for (const auto& record : records) {
    for (const auto& prim : record.prims) nets += to_string(prim.prim) + "\n";
    nets += "\n";
  }
  folder.write("nets.txt", nets + "\n");  // the last one is of no primitives
  folder.write("main.cpp", main_cpp);
  folder.write("main.py", main_py);
  for (const char* kind : {"linear", "table"}) {
    CAPTURE(kind);
    const auto made = cli({"genmodel", "--records", folder.file("records.jsonl"), "--type", kind, "--out",
                           folder.file("m.json"), "--export-header", folder.file("estimator.hpp"), "--export-python",
                           folder.file("estimator.py"), "--force"});
    REQUIRE_MESSAGE(made.code == 0, made.err);
    const Model model = load_model(folder.file("m.json"));
    std::vector<double> expected;
    for (const auto& record : records) {
      std::vector<Prim> prims;
      for (const auto& prim : record.prims) prims.push_back(prim.prim);
      expected.push_back(model.predict(prims));
    }
    const auto& coefficients = model.summary().coefficients;
    expected.push_back(coefficients.count("bias") == 0 ? 0
                                                       : std::max(coefficients.at("bias"), 0.0));  // and not below 0
    (void)run({HWPROF_TEST_CXX, "-std=c++17", "-Wall", "-Wextra", "-Werror", "main.cpp", "-o", "main"}, folder.path());
    check_numbers(run({folder.path() + "/main", "nets.txt"}, folder.path()), expected);
    if (!base::find_program("python3")) continue;
    check_numbers(run({"python3", "-B", "main.py", "nets.txt"}, folder.path()), expected);
  }
  CHECK(has(cli({"genmodel", "--records", folder.file("records.jsonl"), "--type", "calibrated", "--out",
                 folder.file("c.json"), "--export-header", folder.file("c.hpp")})
                .err,
            "cannot be exported"));
  CHECK_FALSE(std::filesystem::exists(folder.file("c.json")));
}
