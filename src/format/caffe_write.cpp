// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "base/files.hpp"
#include "base/text.hpp"
#include "format/caffe_fold.hpp"
#include "format/caffe_writer.hpp"
#include "format/weights_fit.hpp"
#include "hwprof/error.hpp"

namespace hwprof {
namespace format {

CaffeText CaffeWriter::run() {
  check_names();
  net_.set_name(graph_.name);
  LayerParameter& input = layer("Input", graph_.ops[0].name, {});
  input.set_top(0, input_blob);
  blobs_[0] = input_blob;
  auto& shape = *input.mutable_input_param()->add_shape();
  for (const auto extent : shapes_[0]) shape.add_dim(extent);
  for (std::size_t i = 1; i < graph_.ops.size();) i += write(i);
  write_outputs();
  CaffeText text;
  text.deploy = to_prototxt(net_);
  if (options_.images) text.calibration = calibration();
  for (const auto& [at, values] : weights_) add_weights(at, values);
  if (!net_.SerializeToString(&text.weights))
    throw Error(Fault::unsupported, where() + "its weights do not fit into a caffemodel of 2 GB");
  return text;
}

void CaffeWriter::check_names() {
  std::vector<bool> read(graph_.ops.size(), false);
  for (const Op& op : graph_.ops) {
    if (op.name.empty()) throw Error(Fault::input, where() + "an op has no name");
    if (!names_.insert(op.name).second)
      throw Error(Fault::input, where() + "two ops are named " + base::in_quotes(op.name));
    for (const int from : op.inputs) read[static_cast<std::size_t>(from)] = true;
  }
  for (std::size_t i = 1; i < graph_.ops.size(); ++i) {
    const bool given =
        std::find(graph_.outputs.begin(), graph_.outputs.end(), static_cast<int>(i)) != graph_.outputs.end();
    if (!read[i] && !given)
      throw Error(Fault::input, where() + "op " + base::in_quotes(graph_.ops[i].name) +
                                    ": nothing reads it, and it is no output; Caffe would make it one");
    if (!read[i]) ends_.push_back(static_cast<int>(i));
    blobs_[i] = fresh(graph_.ops[i].name);
  }
  taken_.insert(names_.begin(), names_.end());
}

std::size_t CaffeWriter::write(std::size_t i) {
  const Op& op = graph_.ops[i];
  flat_[i] = flat_[from(op)];  // what most ops do; the others change it
  switch (op.kind) {
    case OpKind::conv2d:
      conv(i);
      break;
    case OpKind::batch_norm:
      batch_norm(i);
      break;
    case OpKind::linear:
      linear(i);
      break;
    case OpKind::max_pool:
    case OpKind::avg_pool:
      pool(i);
      break;
    case OpKind::global_avg_pool: {
      auto& pooling = *last("Pooling", i, {map(op)}).mutable_pooling_param();
      pooling.set_pool(hwprof_caffe::PoolingParameter::AVE);
      pooling.set_global_pooling(true);
      flat_[i] = false;
      break;
    }
    case OpKind::add:
    case OpKind::mul:
    case OpKind::concat:
      join(i);
      break;
    case OpKind::split:
      return split(i);
    case OpKind::flatten:
      last("Flatten", i, {any(op)});
      flat_[i] = true;
      break;
    case OpKind::reshape:
      need_all(op, "Reshape");
      reshape(last("Reshape", i, {any(op)}), {0, op.shape[1], op.shape[2], op.shape[3]});
      flat_[i] = false;
      break;
    case OpKind::pad:
      pad(i);
      break;
    case OpKind::upsample_nearest:
      upsample(i);
      break;
    case OpKind::channel_shuffle:
      channel_shuffle(i);
      break;
    case OpKind::dropout:
    case OpKind::identity: {
      const auto rate = static_cast<float>(op.kind == OpKind::identity ? 0 : op.value);
      if (!(rate >= 0) || !(rate < 1)) refuse(op, "a rate must be within 0 to 1");
      last("Dropout", i, {any(op)}).mutable_dropout_param()->set_dropout_ratio(rate);
      break;
    }
    case OpKind::input:
      throw Error(Fault::internal, where() + "a second input");
    default:
      activation(i);
  }
  return 1;
}

void CaffeWriter::write_outputs() {
  if (graph_.outputs == ends_) return;
  for (const int output : graph_.outputs) {
    const auto at = static_cast<std::size_t>(output);
    const std::string name = helper(graph_.ops[at], "output");
    layer("Dropout", name, {blobs_[at]}).mutable_dropout_param()->set_dropout_ratio(0);
  }
}

std::string CaffeWriter::calibration() const {
  const CaffeImages& images = *options_.images;
  hwprof_caffe::NetParameter net;
  net.set_name(graph_.name);
  LayerParameter& data = *net.add_layer();
  data.set_name(graph_.ops[0].name);
  data.set_type("ImageData");
  data.add_top(input_blob);
  data.add_top(label_blob);
  data.add_include()->set_phase(hwprof_caffe::TRAIN);
  auto& transform = *data.mutable_transform_param();
  transform.set_mirror(false);
  const std::int64_t channels = shapes_[0][1];
  for (auto channel = static_cast<std::size_t>(channels); channel-- > 0;)
    transform.add_mean_value(static_cast<float>(images.mean[channel]));
  transform.set_scale(static_cast<float>(image_scale(images, channels)));
  auto& param = *data.mutable_image_data_param();
  param.set_source(images.list);
  param.set_root_folder(images.folder + (base::ends_with(images.folder, "/") ? "" : "/"));
  param.set_batch_size(images.batch);
  param.set_new_height(shapes_[0][2]);
  param.set_new_width(shapes_[0][3]);
  param.set_shuffle(false);
  if (channels == 1) param.set_is_color(false);
  std::map<std::string, std::string> passed;  // what Dropout gives, by what it takes
  for (int i = 1; i < net_.layer_size(); ++i) {
    LayerParameter layer = net_.layer(i);
    for (auto& bottom : *layer.mutable_bottom()) {
      const auto found = passed.find(bottom);
      if (found != passed.end()) bottom = found->second;
    }
    if (layer.type() == "Dropout")
      passed[layer.top(0)] = layer.bottom(0);
    else
      *net.add_layer() = std::move(layer);
  }
  return to_prototxt(net);
}

std::string CaffeWriter::where() const {
  return "graph " + base::in_quotes(graph_.name) + ": ";
}

void CaffeWriter::refuse(const Op& op, const std::string& what) const {
  throw Error(Fault::unsupported,
              where() + "op " + base::in_quotes(op.name) + " (" + to_string(op.kind) + "): " + what + " (Caffe)");
}

void CaffeWriter::need_all(const Op& op, const char* layers) const {
  if (options_.layers == CaffeLayers::vitis)
    refuse(op, std::string("takes ") + layers + ", which Vitis AI does not; CaffeLayers::all allows it");
}

std::string CaffeWriter::fresh(const std::string& name) {
  std::string free = name;
  while (!taken_.insert(free).second) free += "_";
  return free;
}

std::string CaffeWriter::helper(const Op& op, const std::string& suffix) {
  const std::string name = op.name + "/" + suffix;
  std::string free = name;
  for (int number = 2; !taken_.insert(free).second; ++number) free = name + "_" + std::to_string(number);
  return free;
}

std::string CaffeWriter::reserve(std::string name) {
  while (!taken_.insert(name).second) name = "_" + name;
  return name;
}

hwprof_caffe::LayerParameter& CaffeWriter::layer(const char* type, const std::string& name,
                                                 const std::vector<std::string>& bottoms) {
  LayerParameter& layer = *net_.add_layer();
  layer.set_name(name);
  layer.set_type(type);
  for (const auto& bottom : bottoms) layer.add_bottom(bottom);
  layer.add_top(name);
  return layer;
}

hwprof_caffe::LayerParameter& CaffeWriter::last(const char* type, std::size_t i,
                                                const std::vector<std::string>& bottoms) {
  LayerParameter& made = layer(type, graph_.ops[i].name, bottoms);
  made.set_top(0, blobs_[i]);
  return made;
}

void CaffeWriter::weights(const Dims& dims, const std::vector<float>& values) {
  weights_.push_back({net_.layer_size() - 1, {dims, &values}});
}

void CaffeWriter::add_weights(int at, const Weights& weights) {
  auto& blob = *net_.mutable_layer(at)->add_blobs();
  for (const auto extent : weights.dims) blob.mutable_shape()->add_dim(extent);
  blob.mutable_data()->Add(weights.values->begin(), weights.values->end());
}

std::size_t CaffeWriter::from(const Op& op, std::size_t input) {
  return static_cast<std::size_t>(op.inputs[input]);
}

const Shape& CaffeWriter::in_shape(const Op& op) const {
  return shapes_[from(op)];
}

const std::string& CaffeWriter::any(const Op& op, std::size_t input) const {
  return blobs_[from(op, input)];
}

std::string CaffeWriter::map(const Op& op, std::size_t input) {
  const std::size_t source = from(op, input);
  if (!flat_[source]) return blobs_[source];
  need_all(op, "a Reshape of what a linear layer gives");
  const std::string name = helper(op, "map");
  reshape(layer("Reshape", name, {blobs_[source]}), {0, shapes_[source][1], 1, 1});
  return name;
}

}  // namespace format
bool has_caffe() noexcept {
  return true;
}

CaffeText to_caffe(const Graph& graph, const Shape& input, const CaffeOptions& options) {
  format::check_weights_fit(graph, input, "a caffemodel");
  if (graph.outputs.empty()) throw Error(Fault::input, "graph " + base::in_quotes(graph.name) + ": has no output");
  Graph filled = with_weights(graph, input, options.seed);
  if (options.fold_batch_norm) filled = format::fold_batch_norms(filled);
  if (options.images) filled = format::fold_images(std::move(filled), input, *options.images);
  return format::CaffeWriter(filled, input, options).run();
}

CaffeFiles write_caffe(const std::string& stem, const Graph& graph, const Shape& input, const CaffeOptions& options) {
  const CaffeText text = to_caffe(graph, input, options);
  CaffeFiles files{stem + ".prototxt", {}, stem + ".caffemodel"};
  base::write_file(files.weights, text.weights);
  base::write_file(files.deploy, text.deploy);
  if (options.images) {
    files.calibration = stem + ".calibration.prototxt";
    base::write_file(files.calibration, text.calibration);
  }
  return files;
}

std::size_t write_image_list(const std::string& file, const std::string& folder, std::size_t most) {
  const std::vector<std::string> kinds{".jpg", ".jpeg", ".png", ".bmp"};
  std::string text;
  std::size_t count = 0;
  for (const auto& name : base::list_folder(folder)) {
    const std::string lower = base::lower_case(name);
    const bool image =
        std::any_of(kinds.begin(), kinds.end(), [&](const std::string& kind) { return base::ends_with(lower, kind); });
    if (!image || count == most || name.find('\n') != std::string::npos) continue;
    text += name + " 0\n";
    ++count;
  }
  if (count == 0) throw Error(Fault::input, folder + ": has no images (jpg, jpeg, png, bmp)");
  base::write_file(file, text);
  return count;
}

}  // namespace hwprof
