// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hwprof/graph.hpp"

namespace hwprof::opencv {

/// A network in OpenCV's DNN module. Everything that knows OpenCV stands in runtime.cpp.
class Network {
 public:
  /// layers: names of the layers, whose times forward() tells in this order.
  /// @throws Error(Fault::device) with OpenCV's reason, std::bad_alloc.
  Network(const std::string& prototxt, const std::string& caffemodel, const std::vector<std::string>& layers,
          const Shape& input, std::uint64_t seed);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  /// Runs once; seconds has room for one number per layer: 0 for one that ran as a part of another. Returns the wall
  /// time of the whole [s].
  double forward(double* seconds);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// Sets OpenCV's threads and silences its log; the destructor gives the threads back.
class Setup {
 public:
  explicit Setup(int threads);
  ~Setup();
  Setup(const Setup&) = delete;
  Setup& operator=(const Setup&) = delete;

 private:
  int threads_before_;
};

/// What computes: version, threads, instructions.
[[nodiscard]] std::map<std::string, std::string> describe();

}  // namespace hwprof::opencv
