// SPDX-License-Identifier: Apache-2.0
#include "opencv/runtime.hpp"

#include <chrono>
#include <new>
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>
#include <random>

#include "base/random.hpp"
#include "hwprof/error.hpp"

namespace hwprof::opencv {
namespace {

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// OpenCV's exceptions as ours.
template <typename Action>
void translated(const std::string& place, Action&& action) {
  try {
    action();
  } catch (const cv::Exception& error) {
    if (error.code == cv::Error::StsNoMem) throw std::bad_alloc();
    throw Error(Fault::device, place + ": OpenCV: " + (error.err.empty() ? std::string(error.what()) : error.err));
  }
}

}  // namespace

struct Network::Parts {
  std::string place;
  cv::dnn::Net net;
  cv::Mat input;
  std::vector<int> ids;  // of the layers
  std::vector<double> ticks;
};

Network::Network(const std::string& prototxt, const std::string& caffemodel, const std::vector<std::string>& layers,
                 const Shape& input, std::uint64_t seed)
    : parts_(std::make_unique<Parts>()) {
  parts_->place = prototxt;
  translated(prototxt, [&] {
    parts_->net = cv::dnn::readNetFromCaffe(prototxt, caffemodel);
    parts_->net.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
    parts_->net.setPreferableTarget(cv::dnn::DNN_TARGET_CPU);
    for (const auto& layer : layers) {
      const int id = parts_->net.getLayerId(layer);
      if (id < 1) throw Error(Fault::device, prototxt + ": OpenCV has no layer '" + layer + "'");
      parts_->ids.push_back(id);
    }
    const std::vector<int> sizes(input.begin(), input.end());
    parts_->input.create(sizes, CV_32F);
    std::mt19937_64 rng(seed);
    float* values = parts_->input.ptr<float>();
    constexpr double spread = 3.4641;  // standard deviation 1
    for (std::size_t i = 0; i < parts_->input.total(); ++i)
      values[i] = static_cast<float>((base::draw_unit(rng) - 0.5) * spread);
    parts_->net.setInput(parts_->input);
  });
}
Network::~Network() = default;

double Network::forward(double* seconds) {
  double whole = 0;
  translated(parts_->place, [&] {
    const double begin = now_s();
    (void)parts_->net.forward();
    whole = now_s() - begin;
    (void)parts_->net.getPerfProfile(parts_->ticks);
  });
  const double second = cv::getTickFrequency();
  for (std::size_t i = 0; i < parts_->ids.size(); ++i) {
    const auto at = static_cast<std::size_t>(parts_->ids[i] - 1);
    seconds[i] = at < parts_->ticks.size() ? parts_->ticks[at] / second : 0;
  }
  return whole;
}

Setup::Setup(int threads) : threads_before_(cv::getNumThreads()) {
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  cv::setNumThreads(threads);
}
Setup::~Setup() {
  cv::setNumThreads(threads_before_);
}

std::map<std::string, std::string> describe() {
  return {{"opencv", cv::getVersionString()},
          {"opencv_threads", std::to_string(cv::getNumThreads())},
          {"opencv_instructions", cv::getCPUFeaturesLine()},
          {"opencv_fusion", "on"}};
}

}  // namespace hwprof::opencv
