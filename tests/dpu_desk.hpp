// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/text.hpp"
#include "compiler/dpu_deploy.hpp"
#include "compiler/dpu_state.hpp"
#include "hwprof/device_log.hpp"
#include "hwprof/vitis.hpp"
#include "standins/made_up_dpu.hpp"
#include "temp_folder.hpp"

namespace hwprof_test {

using DpuOptionTexts = std::map<std::string, std::string>;

inline std::string conv(const std::string& name, const std::string& from, int out, int kernel, int stride, int group) {
  return "layer {\n  name: \"" + name + "\"\n  type: \"Convolution\"\n  bottom: \"" + from + "\"\n  top: \"" + name +
         "\"\n  convolution_param {\n    num_output: " + std::to_string(out) +
         "\n    bias_term: false\n    kernel_h: " + std::to_string(kernel) +
         "\n    kernel_w: " + std::to_string(kernel) + "\n    stride_h: " + std::to_string(stride) +
         "\n    stride_w: " + std::to_string(stride) + "\n    pad_h: " + std::to_string(kernel / 2) +
         "\n    pad_w: " + std::to_string(kernel / 2) + "\n    group: " + std::to_string(group) + "\n  }\n}\n";
}

/// 3x3 conv to 16 channels at 16x16, 1x1 to 32, depthwise 3x3, 1x1 to 16, added to the first; 10 classes.
inline std::string network() {
  return "name: \"net\"\nlayer {\n  name: \"data\"\n  type: \"ImageData\"\n  top: \"data\"\n  top: \"label\"\n  "
         "include "
         "{ phase: TRAIN }\n  transform_param { mean_value: 103.5 scale: 0.017 }\n  image_data_param {\n    source: "
         "\"raw/calibration/calibration.txt\"\n    root_folder: \"raw/calibration/\"\n    batch_size: 1\n    "
         "new_height: "
         "32\n    new_width: 32\n  }\n}\n" +
         conv("L0.conv", "data", 16, 3, 2, 1) + conv("L1.expand", "L0.conv", 32, 1, 1, 1) +
         conv("L1.dw", "L1.expand", 32, 3, 1, 32) + conv("L1.project", "L1.dw", 16, 1, 1, 1) +
         "layer { name: \"L1.add\" type: \"Eltwise\" bottom: \"L1.project\" bottom: \"L0.conv\" top: \"L1.add\" }\n"
         "layer { name: \"L2.fc\" type: \"InnerProduct\" bottom: \"L1.add\" top: \"L2.fc\" inner_product_param { "
         "num_output: 10 } }\n";
}

/// Networks in a folder of their own, the stand-ins on PATH, and what they wrote. Needs HWPROF_DPU_STANDINS.
class Desk {
 public:
  explicit Desk(int nets, const std::string& faults = {}) {
    set(faults);
    ::setenv("HWPROF_STANDIN", folder_.path().c_str(), 1);
    ::setenv("no_proxy", "127.0.0.1", 1);
    static const std::string path = std::getenv("PATH");
    ::setenv("PATH", (std::string(HWPROF_DPU_STANDINS) + ":" + path).c_str(), 1);
    for (int i = 0; i < nets; ++i) {
      const std::string dir = "nets/" + std::to_string(i);
      folder_.write(dir + "/net.calibration.prototxt", network());
      folder_.write(dir + "/net.caffemodel", "L0.conv L1.expand L1.dw L1.project L2.fc");
      jobs.push_back({std::to_string(i), file(dir)});
    }
  }
  void set(const std::string& faults) const { folder_.write("control.json", R"({"faults": {)" + faults + "}}"); }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }
  [[nodiscard]] std::string net(int i, const std::string& name) const {
    return file("nets/" + std::to_string(i) + "/" + name);
  }
  hwprof::DpuSummary run(hwprof::DpuStep step, DpuOptionTexts options = {}) const {
    options.emplace("target", "none");
    options.emplace("calib-iter", "3");
    hwprof::MeasureOptions measure;
    measure.device_options = std::move(options);
    return hwprof::run_dpu(step, jobs, measure);
  }
  void compile_all(const DpuOptionTexts& options = {}) const {
    REQUIRE(run(hwprof::DpuStep::quantize, options).failed == 0);
    REQUIRE(run(hwprof::DpuStep::compile, options).failed == 0);
  }
  [[nodiscard]] std::string log() const {
    return hwprof::base::exists(file("vitis.log")) ? hwprof::base::read_file(file("vitis.log")) : std::string();
  }
  [[nodiscard]] std::size_t calls(const std::string& tool) const {
    std::size_t n = 0;
    for (const auto& line : hwprof::base::split(log(), '\n')) n += hwprof::base::starts_with(line, tool + " ") ? 1 : 0;
    return n;
  }

  std::vector<hwprof::DpuJob> jobs;

 private:
  TempFolder folder_;
};

inline double latency_of(const Desk& desk, int i) {
  const auto& job = desk.jobs.at(static_cast<std::size_t>(i));
  return hwprof::compiling::load_result(desk.net(i, hwprof::compiling::latency_file(job.id)), job, nullptr)
      .overall.at(hwprof::Metric::latency)
      .value;
}

/// The sum over nodes of what the made-up DPU takes.
inline double true_latency(const Desk& desk, int i) {
  double us = 0;
  const auto kernel =
      hwprof::load_dpu_elf(desk.net(i, "raw/compiled/debug/dpu_net" + std::to_string(i) + ".elf")).at(0);
  for (const auto& node : kernel.nodes) us += true_node_us(kernel, node);
  return us * 1e-6;
}

}  // namespace hwprof_test
