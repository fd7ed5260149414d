// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <torch/torch.h>

#include <cmath>
#include <filesystem>
#include <numeric>

#include "base/files.hpp"
#include "hwprof/ssbn.hpp"
#include "hwprof/torch.hpp"
#include "hwprof/training.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"
#include "torch/state.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

/// Three classes of 6 px images: bright above, bright below, dark.
DataSet stripes(std::size_t n) {
  DataSet data;
  data.train.channels = 1;
  data.train.size = 6;
  data.train.classes = 3;
  for (std::size_t i = 0; i < n; ++i) {
    const auto label = static_cast<std::uint16_t>(i % 3);
    data.train.labels.push_back(label);
    for (std::size_t k = 0; k < 36; ++k) {
      const bool bright = (label == 0 && k < 18) || (label == 1 && k >= 18);
      data.train.pixels.push_back(static_cast<std::uint8_t>((bright ? 150 : 20) + (i * 31 + k * 7) % 60));
    }
  }
  data.test = data.train;
  data.mean = {0.3F};
  data.deviation = {0.25F};
  return data;
}

Net net_of(int block) {
  SsbnSpec spec;
  spec.image_size = 6;
  spec.image_channels = 1;
  spec.stem_channels = 4;
  spec.num_classes = 3;
  spec.groups = 2;
  spec.shared = {"Mobileblock_0"};
  spec.layers = {{0, 4, 4, 1}, {1, 4, 6, 2}};
  return ssbn_network(spec, {"net", "Mobile", {0, block}, -1});
}

struct Setting {
  TempFolder folder;
  DataSet data = stripes(240);
  Split split = split_images(data.train, 60, 1);
  TrainSettings settings;
  std::unique_ptr<NetworkTrainer> trainer;
  Setting() {
    settings.batch = 16;
    settings.augmentation = {1, true};
    register_torch_trainer();
    trainer = make_network_trainer("cpu");
  }
  TrainJob job(const std::string& name, int epochs, int block = 0) {
    TrainJob out;
    out.graph = lower(net_of(block));
    out.input = {1, 1, 6, 6};
    out.data = &data;
    out.split = &split;
    out.schedule = {epochs, 0.1, 0.001};
    out.settings = &settings;
    out.seed = 7;
    out.checkpoint = folder.file(name + ".pth");
    out.partial = folder.file(name + ".partial");
    return out;
  }
};

}  // namespace

TEST_CASE("a network learns, its curve says how, and the same job gives the same bits") {
  Setting setting;
  const auto first = setting.trainer->train(setting.job("a", 4));
  CHECK(first.images == 60);
  CHECK(first.right > 50);
  REQUIRE(first.curve.size() == 4);
  CHECK(first.curve[3].loss < first.curve[0].loss);
  CHECK(first.curve[3].last_rate == doctest::Approx(0.001));  // the schedule ends with the run
  CHECK(first.curve[3].accuracy == doctest::Approx(static_cast<double>(first.right) / 60));
  const auto second = setting.trainer->train(setting.job("b", 4));
  CHECK(second.right == first.right);
  for (std::size_t e = 0; e < 4; ++e) CHECK(second.curve[e].loss == first.curve[e].loss);
  CHECK(base::read_file(setting.folder.file("a.pth")) == base::read_file(setting.folder.file("b.pth")));
  // Judged from its checkpoint it does as well as it did when it was trained.
  const auto job = setting.job("a", 4);
  CHECK(setting.trainer->count_right(job.graph, job.input, job.checkpoint, setting.data, setting.data.train,
                                     setting.split.validation) == first.right);
}

TEST_CASE("stopped behind an epoch or within one, and gone on with, it comes to the same") {
  Setting setting;
  const auto whole = setting.trainer->train(setting.job("whole", 4));
  for (const int steps : {0, 5, 11, 12, 30, 43}) {  // eleven steps an epoch
    CAPTURE(steps);
    const std::string name = "part" + std::to_string(steps);
    auto job = setting.job(name, 4);
    int left = steps;
    job.stop = [&left] { return left-- <= 0; };
    (void)error_of(Fault::interrupted, [&] { (void)setting.trainer->train(job); });
    CHECK_FALSE(std::filesystem::exists(job.checkpoint));
    job.stop = nullptr;
    int learned = 0;
    job.learned = [&learned](std::size_t) { ++learned; };
    const auto rest = setting.trainer->train(job);
    CHECK(learned == 44 - steps / 11 * 11);
    CHECK(rest.right == whole.right);
    REQUIRE(rest.curve.size() == 4);
    CHECK(rest.curve[3].loss == whole.curve[3].loss);
    CHECK(base::read_file(job.checkpoint) == base::read_file(setting.folder.file("whole.pth")));
  }
  auto job = setting.job("damaged", 4);
  setting.folder.write("damaged.partial", "no archive");
  CHECK(has(error_of(Fault::input, [&] { (void)setting.trainer->train(job); }), "damaged.partial"));
}

TEST_CASE("an exchanged layer starts anew, the others from the base network's weights") {
  Setting setting;
  (void)setting.trainer->train(setting.job("base", 1));
  auto job = setting.job("swap", 1, 4);  // kernel 5, expansion 3 in the second layer
  job.start = setting.folder.file("base.pth");
  CHECK(has(error_of(Fault::input, [&] { (void)setting.trainer->train(job); }), "L2."));
  job.fresh = {"L2."};
  job.schedule.rate = job.schedule.last_rate = 1e-12;  // nothing is learned, but for statistics of batch norms
  job.schedule.weight_decay = 0;
  (void)setting.trainer->train(job);
  GraphModule base(lower(net_of(0)), {1, 1, 6, 6}), swap(lower(net_of(4)), {1, 1, 6, 6});
  load_state_dict(base, setting.folder.file("base.pth"));
  load_state_dict(swap, job.checkpoint);
  const auto before = base.named_parameters(), after = swap.named_parameters();
  CHECK(torch::allclose(before["L1.dw.weight"], after["L1.dw.weight"], 1e-6, 1e-7));
  CHECK(torch::allclose(before["L0.conv.weight"], after["L0.conv.weight"], 1e-6, 1e-7));
  CHECK(before["L2.dw.weight"].sizes() != after["L2.dw.weight"].sizes());
}

TEST_CASE("a loss that is no number ends the training with its epoch") {
  Setting setting;
  auto job = setting.job("wild", 3);
  job.schedule.rate = 1e30;
  CHECK(has(error_of(Fault::device, [&] { (void)setting.trainer->train(job); }), "epoch 1"));
  CHECK_FALSE(std::filesystem::exists(job.checkpoint));
}

TEST_CASE("state dicts that do not fit are refused by name") {
  Setting setting;
  GraphModule module(lower(net_of(0)), {1, 1, 6, 6}), other(lower(net_of(8)), {1, 1, 6, 6});
  const std::string file = setting.folder.file("state.pth");
  save_state_dict(module, file);
  CHECK(has(error_of(Fault::input, [&] { load_state_dict(other, file); }), "L2."));
  (void)error_of(Fault::input, [&] { load_state_dict(module, setting.folder.write("bad.pth", "PK")); });
  (void)error_of(Fault::input, [&] { load_state_dict(module, setting.folder.file("none.pth")); });
}

TEST_CASE("training-free scores are finite, repeatable, and higher for wider networks") {
  Setting setting;
  const Graph graph = lower(net_of(0));
  const auto scores = setting.trainer->score(graph, {1, 1, 6, 6}, 3);
  CHECK(std::isfinite(scores.naswot));
  CHECK(scores.grad_norm > 0);
  const auto again = setting.trainer->score(graph, {1, 1, 6, 6}, 3);
  CHECK(again.naswot == scores.naswot);
  CHECK(again.grad_norm == scores.grad_norm);
  // Wider networks tell images apart by more units.
  CHECK(setting.trainer->score(lower(net_of(8)), {1, 1, 6, 6}, 3).naswot > scores.naswot);
  (void)error_of(Fault::usage, [] { (void)make_network_trainer("gpu9"); });
}
