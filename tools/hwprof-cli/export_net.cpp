// SPDX-License-Identifier: Apache-2.0
#include "export_net.hpp"

#include <filesystem>

#include "hwprof/error.hpp"

namespace hwprof_cli {
namespace {

using hwprof::Error;
using hwprof::Fault;
namespace fs = std::filesystem;

/// The network behind what it was trained on: from (x / 255 - m) / s of red, green, blue to what it takes.
hwprof::Graph behind_images(const hwprof::Graph& graph, const hwprof::CaffeImages& images) {
  constexpr std::size_t channels = 3;
  const double scale = 3 / (images.deviation[0] + images.deviation[1] + images.deviation[2]);
  std::vector<float> weights(channels * channels, 0);
  for (std::size_t c = 0; c < channels; ++c)
    weights[(channels - 1 - c) * channels + c] = static_cast<float>(images.deviation[c] * scale);
  hwprof::GraphBuilder builder("check");
  const int taken = builder.conv(builder.input(), static_cast<std::int64_t>(channels), 1, 1, 1, false, 1, "images");
  hwprof::Graph out = std::move(builder).finish(taken);
  out.ops.back().weights = {std::make_shared<const std::vector<float>>(std::move(weights))};
  for (std::size_t i = 1; i < graph.ops.size(); ++i) {
    out.ops.push_back(graph.ops[i]);
    for (int& from : out.ops.back().inputs) ++from;
  }
  out.outputs = graph.outputs;
  for (int& output : out.outputs) ++output;
  return out;
}

double check(const std::string& file, const hwprof::Graph& wanted, const hwprof::Graph& found,
             const hwprof::Shape& input) {
  constexpr double most = 1e-4;
  const double off = difference(wanted, found, input);
  if (!(off <= most))
    throw Error(Fault::internal, file + ": computes something else than the network, by " + std::to_string(off) +
                                     " of the largest value");
  return off;
}

std::array<double, 3> three(const std::vector<double>& values, const std::array<double, 3>& fallback) {
  return values.empty() ? fallback : std::array<double, 3>{values[0], values[1], values[2]};
}

}  // namespace

void add_caffe_options(CLI::App* verb, NetFormat& format) {
  verb->add_flag("--all-layers", format.all_layers, "Write layers too that Vitis AI does not take");
  verb->add_flag("--fold-bn", format.fold_bn, "Fold batch norms into convolutions");
  verb->add_option("--images", format.images, "Folder of images to calibrate with");
  verb->add_option("--mean", format.mean, "Means of red, green, blue, 0 to 255")->delimiter(',')->expected(3);
  verb->add_option("--std", format.deviation, "Deviations of red, green, blue, 0 to 255")->delimiter(',')->expected(3);
}

void prepare_images(NetFormat& format, const std::string& dir, bool force) {
  const bool any = format.all_layers || format.fold_bn || !format.images.empty();
  if (format.name != "caffe") {
    if (any) throw Error(Fault::usage, "--all-layers, --fold-bn and --images belong to --format caffe");
    return;
  }
  if (format.images.empty() && (!format.mean.empty() || !format.deviation.empty()))
    throw Error(Fault::usage, "--mean and --std belong to --images");
  format.caffe.layers = format.all_layers ? hwprof::CaffeLayers::all : hwprof::CaffeLayers::vitis;
  format.caffe.fold_batch_norm = format.fold_bn;
  format.caffe.seed = format.onnx.seed;
  if (format.images.empty()) return;
  hwprof::CaffeImages images;
  images.list = (fs::path(dir) / "calibration.txt").string();
  images.folder = format.images;
  images.mean = three(format.mean, images.mean);
  images.deviation = three(format.deviation, images.deviation);
  check_new_file(images.list, force);
  (void)hwprof::write_image_list(images.list, images.folder);
  format.caffe.images = images;
}

Json describe(const NetFormat& format) {
  Json index{{"schema", "hwprof.export/1"}, {"format", format.name}};
  if (format.name == "onnx") index["opset"] = format.onnx.opset;
  index["weights_seed"] = format.onnx.seed;
  return index;
}

Json write_net(const NetFormat& format, const std::string& dir, const std::string& stem, const hwprof::Graph& graph,
               const hwprof::Shape& input, bool force) {
  const std::string path = (fs::path(dir) / stem).string();
  Json row;
  const auto wanted = [&] { return hwprof::with_weights(graph, input, format.onnx.seed); };
  if (format.name == "onnx") {
    const std::string file = path + ".onnx";
    check_new_file(file, force);
    hwprof::write_onnx(file, graph, input, format.onnx);
    row = {{"file", stem + ".onnx"}, {"input", input}};
    if (format.check) row["difference"] = check(file, wanted(), hwprof::read_onnx(file).graph, input);
    return row;
  }
  for (const char* suffix : {".prototxt", ".caffemodel", ".calibration.prototxt"}) check_new_file(path + suffix, force);
  const auto files = hwprof::write_caffe(path, graph, input, format.caffe);
  row = {{"file", stem + ".prototxt"}, {"weights", stem + ".caffemodel"}, {"input", input}};
  if (!files.calibration.empty()) row["calibration"] = stem + ".calibration.prototxt";
  if (format.check) {
    hwprof::Graph found = hwprof::read_caffe(files.deploy, files.weights).graph;
    if (format.caffe.images) found = behind_images(found, *format.caffe.images);
    row["difference"] = check(files.deploy, wanted(), found, input);
  }
  return row;
}

}  // namespace hwprof_cli
