// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <numeric>

#include "base/files.hpp"
#include "base/text.hpp"
#include "format/caffe_reader.hpp"
#include "graph/infer.hpp"
#include "hwprof/error.hpp"

namespace hwprof {
namespace format {
namespace {

constexpr int legacy = -1;  // index of the net's own inputs, which are no layer

const std::set<std::string> left_out = {"SoftmaxWithLoss", "Accuracy", "Silence", "EuclideanLoss",
                                        "SigmoidCrossEntropyLoss"};

/// Whether a rule holds without levels and stages.
bool holds(const hwprof_caffe::NetStateRule& rule, hwprof_caffe::Phase phase) {
  if (rule.has_phase() && rule.phase() != phase) return false;
  if (rule.has_min_level() && rule.min_level() > 0) return false;
  if (rule.has_max_level() && rule.max_level() < 0) return false;
  return rule.stage_size() == 0;
}

bool is_included(const hwprof_caffe::LayerParameter& layer, hwprof_caffe::Phase phase) {
  const auto test = [phase](const auto& rule) { return holds(rule, phase); };
  if (layer.include_size() > 0) return std::any_of(layer.include().begin(), layer.include().end(), test);
  return std::none_of(layer.exclude().begin(), layer.exclude().end(), test);
}

std::string to_text(const std::vector<std::int64_t>& dims) {
  std::vector<std::string> parts;
  for (const auto extent : dims) parts.push_back(std::to_string(extent));
  return base::join(parts, "x");
}

/// Product; -1 beyond 2^40.
std::int64_t count_of(const std::vector<std::int64_t>& dims) {
  constexpr std::int64_t most = std::int64_t{1} << 40;
  std::int64_t count = 1;
  for (const auto extent : dims) {
    if (extent < 0 || (extent > 0 && count > most / extent)) return -1;
    count *= extent;
  }
  return count;
}

std::vector<std::int64_t> dims_of(const hwprof_caffe::BlobProto& blob) {
  if (blob.has_shape()) return {blob.shape().dim().begin(), blob.shape().dim().end()};
  if (blob.has_num() || blob.has_channels() || blob.has_height() || blob.has_width())
    return {blob.num(), blob.channels(), blob.height(), blob.width()};
  return {};
}

}  // namespace

CaffeReader::CaffeReader(const hwprof_caffe::NetParameter& net, const hwprof_caffe::NetParameter* weights,
                         const std::string& source)
    : net_file_(net), weights_file_(weights), source_(source) {}

CaffeNet CaffeReader::run() {
  net_.graph.name = net_file_.name();
  select_layers(hwprof_caffe::TEST);
  const auto any_input = [this] {
    return net_file_.input_size() > 0 ||
           std::any_of(layers_.begin(), layers_.end(), [this](const Layer* layer) { return gives_input(*layer); });
  };
  if (!any_input()) select_layers(hwprof_caffe::TRAIN);
  if (!any_input()) throw Error(Fault::input, source_ + ": is no prototxt, or one without an input");
  index_weights();
  resolve();
  read_input();
  for (int i = 0; i < static_cast<int>(layers_.size()); ++i) read(i);
  read_outputs();
  return std::move(net_);
}

void CaffeReader::select_layers(hwprof_caffe::Phase phase) {
  layers_.clear();
  std::size_t omitted = 0;
  for (const auto& layer : net_file_.layer()) {
    if (!is_included(layer, phase)) continue;
    if (left_out.count(layer.type()) != 0)
      ++omitted;
    else
      layers_.push_back(&layer);
  }
  net_.notes.clear();
  if (omitted > 0)
    net_.notes.push_back(source_ + ": losses and accuracies were left out (" + std::to_string(omitted) + " layers)");
}

void CaffeReader::index_weights() {
  if (weights_file_ == nullptr) return;
  for (const auto& layer : weights_file_->layer())
    if (layer.blobs_size() > 0 && !weights_of_.emplace(layer.name(), &layer).second)
      throw Error(Fault::input,
                  source_ + ": the caffemodel has weights of two layers named " + base::in_quotes(layer.name()));
}

std::string CaffeReader::place(int index) const {
  const Layer& one = layer(index);
  return source_ + ": layer " + base::in_quotes(one.name()) + " (" + one.type().substr(0, 40) + ")";
}
void CaffeReader::fail(int index, const std::string& what) const {
  throw Error(Fault::input, place(index) + ": " + what);
}
void CaffeReader::refuse(int index, const std::string& what) const {
  throw Error(Fault::unsupported, place(index) + ": " + what);
}

int CaffeReader::to_int(int index, const char* what, std::int64_t value) const {
  constexpr std::int64_t most = 1 << 30;
  if (value < -most || value > most) fail(index, std::string(what) + " " + std::to_string(value) + " makes no sense");
  return static_cast<int>(value);
}

/// Where every value comes from: a layer may write over what it reads.
void CaffeReader::resolve() {
  std::map<std::string, Key> current;
  for (int i = 0; i < net_file_.input_size(); ++i) current[net_file_.input(i)] = {legacy, i};
  for (int i = 0; i < static_cast<int>(layers_.size()); ++i) {
    const Layer& one = layer(i);
    constexpr int most = 1000;  // each is looked up among the others
    if (one.bottom_size() > most || one.top_size() > most)
      fail(i, "has more than " + std::to_string(most) + " bottoms or tops");
    std::vector<Key> bottoms;
    for (const auto& name : one.bottom()) {
      const auto found = current.find(name);
      if (found == current.end()) fail(i, "reads " + base::in_quotes(name) + ", which no layer before it gives");
      bottoms.push_back(found->second);
      readers_[found->second].push_back(i);
    }
    bottoms_.push_back(std::move(bottoms));
    for (int k = 0; k < one.top_size(); ++k) {
      const bool in_place = std::find(one.bottom().begin(), one.bottom().end(), one.top(k)) != one.bottom().end();
      if (!current.insert({one.top(k), {i, k}}).second) {
        if (!in_place) {
          const bool inputs =
              gives_input(one) && current.at(one.top(k)).first >= 0 && gives_input(layer(current.at(one.top(k)).first));
          fail(i, "gives " + base::in_quotes(one.top(k)) + ", which an earlier layer gives too" +
                      (inputs ? " (a redundant input; clean-prototxt takes it out)" : ""));
        }
        current[one.top(k)] = {i, k};
      }
    }
  }
}

bool CaffeReader::gives_input(const Layer& layer) const {
  return layer.type() == "Input" || layer.type() == "ImageData" || layer.type() == "Data" ||
         layer.type() == "HDF5Data" || layer.type() == "MemoryData" || layer.type() == "DummyData";
}

void CaffeReader::set_input(const std::string& name, const Dims& dims, const std::string& place, const Key& key) {
  if (!net_.graph.ops.empty())
    throw Error(Fault::unsupported,
                place + ": is a second input; a Graph has one (clean-prototxt takes out a redundant one)");
  if (dims.size() != 4 && dims.size() != 2)
    throw Error(Fault::unsupported, place + ": has dimensions " + to_text(dims) + "; N x C x H x W is expected");
  net_.input = {dims[0], dims[1], dims.size() == 4 ? dims[2] : 1, dims.size() == 4 ? dims[3] : 1};
  Op op;
  op.kind = OpKind::input;
  op.name = name.empty() ? std::string("data") : name;
  names_.insert(op.name);
  net_.graph.ops.push_back(op);
  shapes_ = infer_shapes(net_.graph, net_.input);
  values_[key] = {0, dims.size() == 2};
}

void CaffeReader::read_input() {
  for (int i = 0; i < net_file_.input_size(); ++i) {
    const std::string at = source_ + ": input " + base::in_quotes(net_file_.input(i));
    Dims dims;
    if (i < net_file_.input_shape_size()) {
      dims.assign(net_file_.input_shape(i).dim().begin(), net_file_.input_shape(i).dim().end());
    } else if (net_file_.input_dim_size() >= 4 * (i + 1)) {
      for (int k = 4 * i; k < 4 * (i + 1); ++k) dims.push_back(net_file_.input_dim(k));
    }
    set_input(net_file_.input(i), dims, at, {legacy, i});
  }
  for (int i = 0; i < static_cast<int>(layers_.size()); ++i) {
    const Layer& one = layer(i);
    if (!gives_input(one)) continue;
    if (one.bottom_size() > 0 || one.top_size() == 0) fail(i, "must read nothing and give a value");
    if (one.type() == "Input") {
      if (one.top_size() != 1 || one.input_param().shape_size() != 1) fail(i, "must give one value of a shape");
      const auto& shape = one.input_param().shape(0);
      set_input(one.name(), {shape.dim().begin(), shape.dim().end()}, place(i), {i, 0});
    } else if (one.type() == "ImageData") {
      const auto& param = one.image_data_param();
      const std::int64_t crop = one.transform_param().crop_size();  // of whatever size the images are
      const std::int64_t height = crop > 0 ? crop : param.new_height();
      const std::int64_t width = crop > 0 ? crop : param.new_width();
      if (height < 1 || width < 1) refuse(i, "leaves the size of the images open");
      const std::int64_t channels = param.is_color() ? 3 : 1;
      set_input(one.name(), {param.batch_size(), channels, height, width}, place(i), {i, 0});
      if (one.transform_param().mean_value_size() > 0 || one.transform_param().scale() != 1)
        net_.notes.push_back(place(i) +
                             ": takes its means from the images and scales them; the graph begins behind it");
    } else {
      refuse(i, "does not say what size its data has; name it in an Input layer");
    }
    absorbed_.insert(i);
  }
}

const CaffeValue& CaffeReader::value(int index, int bottom) const {
  const auto& bottoms = bottoms_[static_cast<std::size_t>(index)];
  if (bottom >= static_cast<int>(bottoms.size())) fail(index, "reads too few values");
  const auto found = values_.find(bottoms[static_cast<std::size_t>(bottom)]);
  if (found == values_.end())
    refuse(index,
           "reads " + base::in_quotes(layer(index).bottom(bottom)) + ", which is no value that can be read here");
  return found->second;
}

const Shape& CaffeReader::shape_of(const CaffeValue& value) const {
  return shapes_.at(static_cast<std::size_t>(value.op));
}

CaffeReader::Dims CaffeReader::dims_of(const CaffeValue& value) const {
  const Shape& shape = shape_of(value);
  return value.flat ? Dims{shape[0], shape[1]} : Dims(shape.begin(), shape.end());
}

std::string CaffeReader::free_name(const std::string& wanted) {
  std::string name = wanted.empty() ? std::string("op") : wanted;
  while (!names_.insert(name).second) name = wanted + "_" + std::to_string(++numbers_[wanted] + 1);
  return name;
}

int CaffeReader::only_reader(const Key& key) const {
  const auto found = readers_.find(key);
  return found == readers_.end() || found->second.size() != 1 ? -1 : found->second[0];
}

void CaffeReader::emit(int index, Op op, const std::vector<CaffeValue>& inputs, bool flat) {
  emit(index, std::move(op), inputs, flat, layer(index).name(), {index, 0});
}

void CaffeReader::emit(int index, Op op, const std::vector<CaffeValue>& inputs, bool flat, const std::string& name,
                       const Key& key) {
  op.name = free_name(name);
  op.inputs.clear();
  std::vector<Shape> in;
  for (const auto& input : inputs) {
    op.inputs.push_back(input.op);
    in.push_back(shape_of(input));
  }
  Shape out;
  try {
    out = graph::infer_shape(op, std::move(in));
  } catch (const Error& error) {
    throw Error(error.fault(), place(index) + ": " + error.what());
  }
  net_.graph.ops.push_back(std::move(op));
  shapes_.push_back(out);
  values_[key] = {static_cast<int>(net_.graph.ops.size()) - 1, flat};
}

std::vector<CaffeReader::Reals> CaffeReader::weights(int index, const std::vector<Dims>& dims) {
  if (weights_file_ == nullptr) return {};
  const std::string& name = layer(index).name();
  const auto found = weights_of_.find(name);
  if (found == weights_of_.end()) fail(index, "the caffemodel has no weights of it");
  if (!owners_.insert(name).second) fail(index, "two layers with weights have this name");
  const Layer& from = *found->second;
  if (from.blobs_size() != static_cast<int>(dims.size()))
    fail(index, "the caffemodel has " + std::to_string(from.blobs_size()) + " arrays of weights, expected " +
                    std::to_string(dims.size()));
  std::vector<Reals> out;
  for (int k = 0; k < from.blobs_size(); ++k) {
    const auto& blob = from.blobs(k);
    const Dims& wanted = dims[static_cast<std::size_t>(k)];
    const Dims has = format::dims_of(blob);
    const auto size = blob.data_size() > 0 ? blob.data_size() : blob.double_data_size();
    const std::string which = "array " + std::to_string(k) + " of its weights ";
    if (!has.empty() && count_of(has) != size)
      fail(index, which + "has " + std::to_string(size) + " values where its shape (" + to_text(has) + ") asks for " +
                      "others");
    if (count_of(wanted) != size || (has.size() == wanted.size() && has != wanted))
      fail(index, which + "is " + (has.empty() ? std::to_string(size) + " values" : to_text(has)) + ", expected " +
                      to_text(wanted));
    Reals& reals = reals_[&blob];
    if (!reals && blob.data_size() > 0)
      reals = std::make_shared<const std::vector<float>>(blob.data().begin(), blob.data().end());
    if (!reals) {
      std::vector<float> values;
      for (const double value : blob.double_data()) values.push_back(static_cast<float>(value));
      reals = std::make_shared<const std::vector<float>>(std::move(values));
    }
    out.push_back(reals);
  }
  return out;
}

void CaffeReader::read(int index) {
  if (absorbed_.count(index) != 0) return;
  using Handler = void (CaffeReader::*)(int);
  static const std::map<std::string, Handler> handlers = {{"Convolution", &CaffeReader::conv},
                                                          {"DepthwiseConvolution", &CaffeReader::conv},
                                                          {"Deconvolution", &CaffeReader::deconv},
                                                          {"InnerProduct", &CaffeReader::linear},
                                                          {"BatchNorm", &CaffeReader::batch_norm},
                                                          {"Scale", &CaffeReader::scale},
                                                          {"Pooling", &CaffeReader::pool},
                                                          {"ReLU", &CaffeReader::relu},
                                                          {"Power", &CaffeReader::power},
                                                          {"Eltwise", &CaffeReader::eltwise},
                                                          {"Clip", &CaffeReader::clip},
                                                          {"Softmax", &CaffeReader::softmax},
                                                          {"Concat", &CaffeReader::concat},
                                                          {"Slice", &CaffeReader::slice},
                                                          {"Flatten", &CaffeReader::flatten},
                                                          {"Reshape", &CaffeReader::reshape},
                                                          {"Dropout", &CaffeReader::dropout},
                                                          {"Split", &CaffeReader::split}};
  static const std::map<std::string, OpKind> simple = {
      {"ReLU6", OpKind::relu6}, {"Sigmoid", OpKind::sigmoid}, {"TanH", OpKind::tanh}};
  const std::string& type = layer(index).type();
  const auto handler = handlers.find(type);
  const auto kind = simple.find(type);
  if (handler != handlers.end()) {
    (this->*handler->second)(index);
  } else if (kind != simple.end()) {
    unary(index, kind->second);
  } else {
    std::vector<std::string> known;
    for (const auto& [name, unused] : handlers) known.push_back(name);
    for (const auto& [name, unused] : simple) known.push_back(name);
    std::sort(known.begin(), known.end());
    refuse(index, "a Graph has no such op" + base::suggest(type, known));
  }
}

void CaffeReader::read_outputs() {
  std::set<int> given;
  for (const auto& [key, value] : values_) {
    if (!is_unread(key)) continue;
    const bool told = explicit_outputs_.count(key) != 0;
    if (told || (explicit_outputs_.empty() && value.op > 0 && given.insert(value.op).second))
      net_.graph.outputs.push_back(value.op);
  }
  if (net_.graph.outputs.empty()) throw Error(Fault::input, source_ + ": computes nothing");
}

}  // namespace format

CaffeNet parse_caffe(std::string_view prototxt, std::string_view weights, const std::string& source) {
  const auto net = format::parse_prototxt(prototxt, source);
  if (weights.empty()) return format::CaffeReader(net, nullptr, source).run();
  const auto trained = format::parse_caffemodel(weights, source);
  return format::CaffeReader(net, &trained, source).run();
}

CaffeNet read_caffe(const std::string& prototxt, const std::string& caffemodel) {
  constexpr std::uint64_t most_bytes = (std::uint64_t{1} << 31) - 1;
  const auto net = format::parse_prototxt(base::read_file(prototxt), prototxt);
  if (caffemodel.empty()) return format::CaffeReader(net, nullptr, prototxt).run();
  const auto trained = format::parse_caffemodel(base::read_file(caffemodel, most_bytes), caffemodel);
  return format::CaffeReader(net, &trained, prototxt).run();
}

}  // namespace hwprof
