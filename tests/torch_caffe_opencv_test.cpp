// SPDX-License-Identifier: Apache-2.0
// OpenCV's DNN module reads our Caffe files and computes what libtorch computes.
#include <doctest/doctest.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>
#include <set>

#include "hwprof/caffe.hpp"
#include "hwprof/error.hpp"
#include "hwprof/space.hpp"
#include "hwprof/torch.hpp"
#include "onnx_support.hpp"
#include "prim_samples.hpp"

using namespace hwprof;

namespace {

/// How far OpenCV is off, relative to the largest value.
double opencv_error(const std::string& name, const Graph& graph, const Shape& shape, const CaffeOptions& options) {
  const CaffeText text = to_caffe(graph, shape, options);
  const c10::InferenceMode guard;
  torch::manual_seed(5);
  const torch::Tensor x = torch::randn({shape[0], shape[1], shape[2], shape[3]});
  GraphModule module(graph, shape);
  const torch::Tensor expected = module.forward(x.clone()).contiguous().flatten();
  try {
    cv::dnn::Net net =
        cv::dnn::readNetFromCaffe(text.deploy.data(), text.deploy.size(), text.weights.data(), text.weights.size());
    const std::vector<int> sizes(shape.begin(), shape.end());
    net.setInput(cv::Mat(sizes, CV_32F, const_cast<float*>(x.data_ptr<float>())));
    // Values that a pool has too many are outputs too, so the graph's own is asked for by name.
    const Graph written = parse_caffe(text.deploy, text.weights, name).graph;
    const Op& last = written.ops[static_cast<std::size_t>(written.outputs[0])];
    std::vector<std::vector<cv::Mat>> outs;
    std::string layer = last.name;
    if (last.kind == OpKind::max_pool || last.kind == OpKind::avg_pool)
      for (const char* suffix : {"/crop_h", "/crop_w"})
        if (net.getLayerId(last.name + suffix) > 0) layer = last.name + suffix;
    net.forward(outs, std::vector<cv::String>{layer});
    const cv::Mat& out = outs[0][0];
    if (out.total() != static_cast<std::size_t>(expected.numel())) {
      FAIL_CHECK(name << " gives " << out.total() << " values");
      return 1;
    }
    double largest = 1e-6;
    double worst = 0;
    for (std::int64_t i = 0; i < expected.numel(); ++i) {
      const auto wanted = static_cast<double>(expected.data_ptr<float>()[i]);
      const double off = std::abs(static_cast<double>(out.ptr<float>()[i]) - wanted);
      largest = std::max(largest, std::abs(wanted));
      worst = std::isfinite(off) ? std::max(worst, off) : 1e30;
    }
    return worst / largest;
  } catch (const cv::Exception& error) {
    FAIL_CHECK(name << ": " << (error.err.empty() ? error.what() : error.err));
    return 1;
  }
}

}  // namespace

TEST_CASE("OpenCV agrees with libtorch on every primitive that Caffe can express") {
  cv::setNumThreads(1);
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  std::set<std::string> compared;
  for (const auto& prim : sample_prims()) {
    const Shape shape = {1, prim.C, prim.spatial_size, prim.spatial_size};
    const Graph graph = hwprof_test::random_weights(lower(prim), shape);
    CaffeOptions options;
    options.layers = CaffeLayers::all;
    for (const bool fold : {false, true}) {
      options.fold_batch_norm = fold;
      try {
        (void)to_caffe(graph, shape, options);
      } catch (const Error&) {
        continue;  // format_caffe_test looks at these
      }
      const std::string name = to_string(prim) + (fold ? " folded" : "");
      const double error = opencv_error(name, graph, shape, options);
      CHECK_MESSAGE(error <= 1e-4, name << " is off by " << error);
      compared.insert(prim.prim_type);
    }
  }
  CHECK(compared.size() == list_prim_types().size() - 5);  // all but those that format_caffe_test names
}

TEST_CASE("OpenCV agrees with libtorch on whole networks in Caffe's form") {
  cv::setNumThreads(1);
  double worst = 0;
  for (const char* name : {"mobilenet_v2", "resnet18", "resnet50", "squeezenet", "proxyless"}) {
    const auto file = load_space(std::string(HWPROF_SOURCE_DIR) + "/examples/spaces/" + name + ".yaml");
    std::mt19937_64 rng(3);
    const Net net = file.space->network(file.space->sample(rng));
    const Shape shape = {1, net.image_channels, net.image_size, net.image_size};
    const double error = opencv_error(name, with_weights(lower(net), shape, 1), shape, {});
    CHECK_MESSAGE(error <= 1e-4, name << " is off by " << error);
    worst = std::max(worst, error);
  }
  MESSAGE("largest relative difference " << worst);
}
