// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "format/caffe_proto.hpp"
#include "hwprof/caffe.hpp"

namespace hwprof::format {

/// Turns the ops of one graph, all with weights, into the layers of a network.
class CaffeWriter {
 public:
  CaffeWriter(const Graph& graph, const Shape& input, const CaffeOptions& options)
      : graph_(graph),
        options_(options),
        shapes_(infer_shapes(graph, input)),
        flat_(graph.ops.size()),
        blobs_(graph.ops.size()),
        taken_{input_blob, label_blob} {}
  [[nodiscard]] CaffeText run();

 private:
  using LayerParameter = hwprof_caffe::LayerParameter;
  using Dims = std::vector<std::int64_t>;
  struct Weights {
    Dims dims;
    const std::vector<float>* values;
  };
  [[nodiscard]] std::string where() const;
  [[noreturn]] void refuse(const Op& op, const std::string& what) const;
  /// Layers that Caffe has and Vitis AI does not take.
  void need_all(const Op& op, const char* layers) const;
  void check_names();
  /// A value's name: that of its op, where it is not one of Caffe's own.
  std::string fresh(const std::string& name);
  std::string helper(const Op& op, const std::string& suffix);
  /// One that gives a value of its own name.
  LayerParameter& layer(const char* type, const std::string& name, const std::vector<std::string>& bottoms);
  /// The layer that gives an op's value.
  LayerParameter& last(const char* type, std::size_t i, const std::vector<std::string>& bottoms);
  void weights(const Dims& dims, const std::vector<float>& values);
  void add_weights(int at, const Weights& weights);
  static std::size_t from(const Op& op, std::size_t input = 0);
  [[nodiscard]] const Shape& in_shape(const Op& op) const;
  [[nodiscard]] const std::string& any(const Op& op, std::size_t input = 0) const;
  /// An op's input in four dimensions.
  std::string map(const Op& op, std::size_t input = 0);
  static void reshape(LayerParameter& made, const Dims& dims);
  /// Returns how many ops it wrote.
  std::size_t write(std::size_t i);
  void activation(std::size_t i);
  static void eltwise(LayerParameter& made, hwprof_caffe::EltwiseParameter::EltwiseOp operation);
  void conv(std::size_t i);
  void batch_norm(std::size_t i);
  void linear(std::size_t i);
  void pool(std::size_t i);
  static bool leaves_rest(const Op& op, const Shape& in);
  std::string reserve(std::string name);
  /// Keeps what lies from begin to end along an axis, under the name kept.
  void slice(const Op& op, const std::string& name, const std::string& x, std::size_t axis, std::int64_t begin,
             std::int64_t end, std::int64_t extent, const std::string& kept);
  void join(std::size_t i);
  /// A map times one number per channel. The gate comes second in Caffe; where it is first in the graph, its Flatten
  /// says so.
  void gate(std::size_t i);
  /// Ops of one source that follow each other are one layer; what they leave out gets a name of its own.
  std::size_t split(std::size_t i);
  /// Only what crops.
  void pad(std::size_t i);
  /// Each channel by itself through a transposed convolution of ones.
  void upsample(std::size_t i);
  void channel_shuffle(std::size_t i);
  /// Caffe gives what nothing reads, in order; other outputs get a layer each that passes them on.
  void write_outputs();
  /// The same layers behind images, in the phase in which Vitis AI calibrates. Dropout would drop there.
  [[nodiscard]] std::string calibration() const;
  const Graph& graph_;
  const CaffeOptions& options_;
  std::vector<Shape> shapes_;
  std::vector<bool> flat_;          // per op: two dimensions
  std::vector<std::string> blobs_;  // per op: name of its value
  std::set<std::string> names_, taken_;
  std::vector<int> ends_;  // ops that nothing reads
  hwprof_caffe::NetParameter net_;
  std::vector<std::pair<int, Weights>> weights_;  // by layer, in their order
  std::vector<std::shared_ptr<const std::vector<float>>> own_;
  static constexpr const char* input_blob = "data";  // the name that Vitis AI's quantizer looks for
  static constexpr const char* label_blob = "label";
};

}  // namespace hwprof::format
