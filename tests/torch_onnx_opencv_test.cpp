// SPDX-License-Identifier: Apache-2.0
// OpenCV's DNN module reads our ONNX files and computes what libtorch computes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>
#include <set>

#include "torch_onnx_support.hpp"

using hwprof_test::OnnxCase;

namespace {

/// What of OpenCV's opinion is left: how far it is off, relative to the largest value, or why it cannot say.
struct Verdict {
  double error = 0;
  std::string refused;
};

Verdict opencv(const OnnxCase& one) {
  try {
    cv::dnn::Net net = cv::dnn::readNetFromONNX(one.bytes.data(), one.bytes.size());
    std::vector<int> sizes(one.shape.begin(), one.shape.end());
    net.setInput(cv::Mat(sizes, CV_32F, const_cast<float*>(one.input.data())));
    const cv::Mat out = net.forward();
    if (out.total() != one.expected.size()) return {0, "gives " + std::to_string(out.total()) + " values"};
    double largest = 1e-6;
    double worst = 0;
    const float* found = out.ptr<float>();
    for (std::size_t i = 0; i < one.expected.size(); ++i) {
      largest = std::max(largest, std::abs(static_cast<double>(one.expected[i])));
      const double off = std::abs(static_cast<double>(found[i]) - static_cast<double>(one.expected[i]));
      worst = std::isfinite(off) ? std::max(worst, off) : 1e30;
    }
    return {worst / largest, {}};
  } catch (const cv::Exception& error) {
    return {0, error.err.empty() ? error.what() : error.err};
  }
}

bool has_clip(const hwprof::Graph& graph) {
  return std::any_of(graph.ops.begin(), graph.ops.end(), [](const hwprof::Op& op) {
    return op.kind == hwprof::OpKind::relu6 || op.kind == hwprof::OpKind::h_swish ||
           op.kind == hwprof::OpKind::h_sigmoid || op.kind == hwprof::OpKind::hardtanh;
  });
}

}  // namespace

TEST_CASE("OpenCV agrees with libtorch on every primitive that it can load") {
  cv::setNumThreads(1);
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  std::set<std::string> compared;
  hwprof_test::for_prims({9, 10, 11, 13}, [&](const hwprof::Prim& prim, int opset, const OnnxCase& one) {
    const Verdict verdict = opencv(one);
    if (!verdict.refused.empty()) {
      // OpenCV 4.6 takes the limits of Clip as attributes only, which they are up to opset 10.
      CHECK_MESSAGE((opset >= 11 && has_clip(hwprof::lower(prim))), one.name << ": " << verdict.refused);
      return;
    }
    compared.insert(prim.prim_type);
    CHECK_MESSAGE(verdict.error <= 1e-4, one.name << " is off by " << verdict.error);
  });
  CHECK(compared.size() == hwprof::list_prim_types().size());
}

TEST_CASE("OpenCV agrees with libtorch on whole networks") {
  cv::setNumThreads(1);
  hwprof_test::for_networks(9, [&](const OnnxCase& one) {
    const Verdict verdict = opencv(one);
    CHECK_MESSAGE(verdict.refused == "", one.name);
    CHECK_MESSAGE(verdict.error <= 1e-4, one.name << " is off by " << verdict.error);
  });
}
