// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/compiler.hpp"
#include "hwprof/snpe.hpp"
#include "temp_folder.hpp"

namespace hwprof_test {

using namespace hwprof;

/// A bench with its phones, and some networks of two blocks that are compiled for it.
class Desk {
 public:
  explicit Desk(int nets, const std::string& control = R"({"phones": {"P1": "device"}})") {
    set(control);
    ::setenv("HWPROF_STANDIN", folder_.path().c_str(), 1);
    static const std::string path = std::getenv("PATH");
    ::setenv("PATH", (std::string(HWPROF_SNPE_STANDINS) + ":" + path).c_str(), 1);
    for (int i = 0; i < nets; ++i) artifacts_.push_back(compiler_->compile(net(i), file("nets/" + std::to_string(i))));
  }

  static Net net(int i) {
    Net net;
    net.id = std::to_string(i);
    net.purpose = "coverage";
    net.image_size = 32;
    const auto block = [](int size, int in, int out, int stride, int kernel) {
      return normalized({"mobilenet_v2_block",
                         size,
                         in,
                         out,
                         stride,
                         true,
                         {{"expansion", std::int64_t{3}}, {"kernel_size", std::int64_t{kernel}}}});
    };
    net.layers = {{normalized({"conv_bn_relu_3x3", 32, 3, 16, 2, true, {}}), true, {}},
                  {block(16, 16, 24, 1, 3 + 2 * (i % 3)), false, {}},
                  {block(16, 24, 24 + 8 * (i / 3), 2, 3), false, {}}};
    return net;
  }

  void set(const std::string& control) const { folder_.write("control.json", control); }
  [[nodiscard]] std::string file(const std::string& name) const { return folder_.file(name); }
  [[nodiscard]] const std::vector<Artifact>& artifacts() const { return artifacts_; }

  void measure(std::map<std::string, std::string> options = {}) {
    MeasureOptions measure;
    options.emplace("inputs", "2");
    measure.device_options = std::move(options);
    compiler_->measure(artifacts_, measure);
  }
  [[nodiscard]] NetRecord record(std::size_t i, const std::string& compiler = "snpe") const {
    return make_compiler(compiler)->hwobj_net_to_primitive(artifacts_[i]);
  }
  /// "P1 0": what was benched where, in order.
  [[nodiscard]] std::vector<std::string> benched() const {
    std::vector<std::string> lines;
    if (base::exists(file("benched")))
      for (auto& line : base::split(base::read_file(file("benched")), '\n'))
        if (!line.empty()) lines.push_back(std::move(line));
    return lines;
  }

 private:
  TempFolder folder_;
  std::unique_ptr<BaseHardwareCompiler> compiler_ = make_compiler("snpe");
  std::vector<Artifact> artifacts_;
};

inline double latency(const Perf& perf) {
  return perf.at(Metric::latency).value;
}

inline std::string faults(const std::string& what) {
  return R"({"phones": {"P1": "device"}, "faults": {)" + what + "}}";
}

}  // namespace hwprof_test
