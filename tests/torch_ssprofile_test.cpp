// SPDX-License-Identifier: Apache-2.0
// What networks have learned goes along to devices whose files hold weights.
#include <doctest/doctest.h>
#include <torch/csrc/jit/serialization/pickle.h>
#include <torch/torch.h>

#include <cstdlib>

#include "base/files.hpp"
#include "hwprof/caffe.hpp"
#include "hwprof/data.hpp"
#include "hwprof/ssprofile.hpp"
#include "hwprof/torch.hpp"
#include "ssprofile_data.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

/// A checkpoint, read without our own reader.
std::map<std::string, std::vector<float>> tensors_of(const std::string& file) {
  const std::string bytes = base::read_file(file);
  std::map<std::string, std::vector<float>> out;
  for (const auto& item : torch::pickle_load({bytes.begin(), bytes.end()}).toGenericDict()) {
    const auto tensor = item.value().toTensor().contiguous();
    out[item.key().toStringRef()] = {tensor.data_ptr<float>(), tensor.data_ptr<float>() + tensor.numel()};
  }
  return out;
}

/// One tensor of an op by its name in the checkpoint.
std::vector<std::string> parts_of(const Op& op) {
  std::vector<std::string> parts;
  if (op.kind == OpKind::conv2d || op.kind == OpKind::linear) {
    parts = {".weight"};
    if (op.bias) parts.emplace_back(".bias");
  } else if (op.kind == OpKind::batch_norm) {
    if (op.affine) parts = {".weight", ".bias"};
    parts.insert(parts.end(), {".running_mean", ".running_var"});
  }
  return parts;
}

/// Trains for a moment and stops where Vitis AI's programs are missing.
struct Profile {
  TempFolder folder;
  SsprofileOptions options;
  explicit Profile(const std::string& config, const std::string& data) {
    register_torch_trainer();
    options.config = folder.write("config.yaml", config);
    options.dir = folder.file("profile");
    options.data = data;
    options.device = "dpu";
    options.measure.device_options["target"] = "none";
    ::setenv("PATH", folder.path().c_str(), 1);
  }
  void run() const {
    CHECK(has(error_of(Fault::unsupported, [&] { (void)ssprofile(options); }), "vai_q_caffe is not on PATH"));
  }
  [[nodiscard]] CaffeNet caffe(const std::string& id) const {
    const std::string stem = options.dir + "/caffemodels/" + id;
    return read_caffe(stem + ".prototxt", stem + ".caffemodel");
  }
  [[nodiscard]] auto checkpoint(const std::string& id) const {
    return tensors_of(options.dir + "/checkpoints/" + id + ".state_dict.pth");
  }
};

}  // namespace

TEST_CASE("a caffemodel holds the weights of the checkpoint, bit by bit") {
  const TempFolder data;
  hwprof_test::write_idx_data(data);
  if (!has_caffe()) return;
  const Profile profile(hwprof_test::tiny_ssprofile, "idx:" + data.file("data"));
  profile.run();
  for (const std::string id : {"Res_1_1", "VGG_1_0"}) {
    CAPTURE(id);
    const auto learned = profile.checkpoint(id);
    std::size_t compared = 0;
    for (const Op& op : profile.caffe(id).graph.ops) {
      const auto parts = parts_of(op);
      REQUIRE(op.weights.size() == parts.size());
      for (std::size_t i = 0; i < parts.size(); ++i, ++compared)
        CHECK_MESSAGE(*op.weights[i] == learned.at(op.name + parts[i]), op.name << parts[i]);
    }
    CHECK(compared == learned.size());
  }
  // The mean and scale that the networks are used to, in the units of Caffe.
  const auto set = load_data(profile.options.data, {1, 8});
  const auto text = base::read_file(profile.options.dir + "/caffemodels/Res_1_1.calibration.prototxt");
  const auto number = [&text](const std::string& key) { return std::stod(text.substr(text.find(key) + key.size())); };
  CHECK(number("mean_value: ") == doctest::Approx(255 * static_cast<double>(set.mean[0])));
  CHECK(number("scale: ") == doctest::Approx(1 / (255 * static_cast<double>(set.deviation[0]))));
  CHECK(has(text, "is_color: false"));
}

TEST_CASE("of colour images the first convolutions read blue, green, red, by one scale") {
  if (!has_caffe()) return;
  const TempFolder data;
  std::mt19937_64 rng(3);
  for (int file = 1; file <= 6; ++file) {
    std::string bytes;
    for (int image = 0; image < 10000; ++image) {
      bytes += static_cast<char>(image % 10);
      for (const int bright : {40, 90, 160}) bytes += std::string(1024, static_cast<char>(bright / 2 + (rng() >> 57)));
    }
    (void)data.write(file == 6 ? "test_batch.bin" : "data_batch_" + std::to_string(file) + ".bin", bytes);
  }
  const Profile profile(R"(image_size: 32
search_space_cfg: {num_cell_groups: 1, cell_layout: [0], reduce_cell_groups: [0], shared_primitives: [VGGblock_1]}
weights_manager_cfg: {num_classes: 10, cell_group_kwargs: [{C_in: 3, C_out: 2}]}
ss_profiler_cfg: {images_per_epoch: 40, batch_size: 20, validation_images: 100, select_ss_threshold: 1}
)",
                        "cifar10:" + data.path());
  profile.run();
  const auto set = load_data(profile.options.data, {3, 32});
  const auto net = profile.caffe("VGG_1");
  const auto learned = profile.checkpoint("VGG_1");
  const auto conv =
      std::find_if(net.graph.ops.begin(), net.graph.ops.end(), [](const Op& op) { return op.kind == OpKind::conv2d; });
  REQUIRE(conv != net.graph.ops.end());
  const auto& before = learned.at(conv->name + ".weight");
  const auto& now = *conv->weights.at(0);
  REQUIRE(now.size() == 2 * 3 * 9);
  const double average = (static_cast<double>(set.deviation[0]) + static_cast<double>(set.deviation[1]) +
                          static_cast<double>(set.deviation[2])) /
                         3;
  for (std::size_t out = 0; out < 2; ++out)
    for (std::size_t c = 0; c < 3; ++c)
      for (std::size_t k = 0; k < 9; ++k)
        CHECK(static_cast<double>(now[(out * 3 + 2 - c) * 9 + k]) ==
              doctest::Approx(static_cast<double>(before[(out * 3 + c) * 9 + k]) * average /
                              static_cast<double>(set.deviation[c])));
}
