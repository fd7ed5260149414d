// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hwprof/fingerprint.hpp"

namespace hwprof_cli {

/// Networks from files and from folders of them (.yaml, .yml, .onnx, at any depth), in the order of their names.
/// @throws Error(Fault::input) for what is not there, and a folder without networks.
[[nodiscard]] std::vector<hwprof::CostedNet> load_costed_nets(const std::vector<std::string>& paths);

/// Whether the file is a fingerprint model, by its beginning.
[[nodiscard]] bool is_fingerprint(const std::string& file);

/// "training latency".
[[nodiscard]] std::string cost_name(hwprof::Stage stage, hwprof::Metric quantity);

/// What `predict` does with a fingerprint model.
struct CostRequest {
  std::string model, mode;
  std::vector<std::string> nets, onnx, caffe, archs, limits;
  std::string space, hardware;
  int image_size = 0;
  std::vector<int> batches;
  int largest = 4096;
};
void predict_costs(const CostRequest& request, bool json);

}  // namespace hwprof_cli
