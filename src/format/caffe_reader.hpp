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

/// A value of the file: what an op of the graph gives.
struct CaffeValue {
  int op = -1;
  bool flat = false;  ///< two dimensions in the file
};

/// Turns the layers of one network into the ops of a Graph, in their order.
class CaffeReader {
 public:
  /// weights may be null.
  CaffeReader(const hwprof_caffe::NetParameter& net, const hwprof_caffe::NetParameter* weights,
              const std::string& source);
  [[nodiscard]] CaffeNet run();

 private:
  using Layer = hwprof_caffe::LayerParameter;
  using Key = std::pair<int, int>;  // layer and which of its tops
  using Reals = std::shared_ptr<const std::vector<float>>;
  using Dims = std::vector<std::int64_t>;

  // Layers, names and values (caffe_read.cpp).
  void select_layers(hwprof_caffe::Phase phase);
  void index_weights();
  void resolve();
  void read_input();
  void read_outputs();
  void read(int index);
  [[nodiscard]] bool gives_input(const Layer& layer) const;
  void set_input(const std::string& name, const Dims& dims, const std::string& place, const Key& key);
  [[nodiscard]] const Layer& layer(int index) const { return *layers_[static_cast<std::size_t>(index)]; }
  [[nodiscard]] std::string place(int index) const;
  [[noreturn]] void fail(int index, const std::string& what) const;
  [[noreturn]] void refuse(int index, const std::string& what) const;
  [[nodiscard]] const CaffeValue& value(int index, int bottom = 0) const;
  [[nodiscard]] const Shape& shape_of(const CaffeValue& value) const;
  [[nodiscard]] Dims dims_of(const CaffeValue& value) const;
  [[nodiscard]] std::string free_name(const std::string& wanted);
  /// The only layer that reads the value, or -1.
  [[nodiscard]] int only_reader(const Key& key) const;
  [[nodiscard]] bool is_unread(const Key& key) const { return readers_.count(key) == 0; }
  void emit(int index, Op op, const std::vector<CaffeValue>& inputs, bool flat);
  void emit(int index, Op op, const std::vector<CaffeValue>& inputs, bool flat, const std::string& name,
            const Key& key);
  /// The layer's weights, checked; none where there is no file.
  [[nodiscard]] std::vector<Reals> weights(int index, const std::vector<Dims>& dims);
  [[nodiscard]] int to_int(int index, const char* what, std::int64_t value) const;

  // Layers that compute (caffe_read_ops.cpp).
  void conv(int index);
  void deconv(int index);
  void linear(int index);
  void batch_norm(int index);
  void scale(int index);
  void pool(int index);
  void relu(int index);
  void power(int index);
  void eltwise(int index);
  void clip(int index);
  void softmax(int index);
  void unary(int index, OpKind kind, double number = 0);
  [[nodiscard]] bool begins_hard(int index);
  void constant_scale(int index, std::vector<float> factor, std::vector<float> shift);
  void set_window(int index, const hwprof_caffe::ConvolutionParameter& param, Op& op) const;

  // Layers that move values around (caffe_read_layout.cpp).
  void concat(int index);
  void slice(int index);
  void flatten(int index);
  void reshape(int index);
  void dropout(int index);
  void split(int index);
  [[nodiscard]] bool begins_shuffle(int index, const Dims& target);
  /// Begin and end of what a Slice's top keeps.
  [[nodiscard]] std::vector<std::int64_t> cuts_of(int index, std::int64_t extent) const;
  /// The top of one of our Slices that is kept; -1 for a Slice by others. base: the name of the op.
  [[nodiscard]] int kept_top(int index, const std::string& base) const;

  const hwprof_caffe::NetParameter& net_file_;
  const hwprof_caffe::NetParameter* weights_file_;
  const std::string& source_;
  std::vector<const Layer*> layers_;
  std::map<std::string, const Layer*> weights_of_;
  std::map<const hwprof_caffe::BlobProto*, Reals> reals_;
  std::set<std::string> owners_;           // layers that took weights
  std::vector<std::vector<Key>> bottoms_;  // per layer: where its inputs come from
  std::map<Key, std::vector<int>> readers_;
  std::map<Key, CaffeValue> values_;
  std::map<Key, std::pair<CaffeValue, std::array<int, 4>>> crops_;  // the first half of a crop: of what, and how
  std::set<int> absorbed_;
  std::set<Key> explicit_outputs_;
  std::vector<Shape> shapes_;  // per op
  std::set<std::string> names_;
  std::map<std::string, int> numbers_;
  std::size_t made_ = 0;  // weights that no file holds
  CaffeNet net_;
};

}  // namespace hwprof::format
