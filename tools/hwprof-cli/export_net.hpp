// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli.hpp"
#include "hwprof/caffe.hpp"
#include "output.hpp"

namespace hwprof_cli {

/// How networks are written.
struct NetFormat {
  std::string name = "onnx";
  hwprof::OnnxOptions onnx;
  bool all_layers = false, fold_bn = false, check = false;
  std::string images;                   ///< folder; empty: no calibration
  std::vector<double> mean, deviation;  ///< three numbers, or none
  hwprof::CaffeOptions caffe = {};      ///< from the above, by prepare_images()
};

/// The options of Caffe.
void add_caffe_options(CLI::App* verb, NetFormat& format);

/// Fills format.caffe, and writes the list of calibration images into dir.
void prepare_images(NetFormat& format, const std::string& dir, bool force);

/// Head of the index.
[[nodiscard]] Json describe(const NetFormat& format);

/// Writes one network below dir and says where: a row of the index.
/// @throws Error(Fault::internal) where --check finds that the file computes something else.
[[nodiscard]] Json write_net(const NetFormat& format, const std::string& dir, const std::string& stem,
                             const hwprof::Graph& graph, const hwprof::Shape& input, bool force);

}  // namespace hwprof_cli
