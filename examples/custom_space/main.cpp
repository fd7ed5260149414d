// SPDX-License-Identifier: Apache-2.0
// A NAS code base's own search space, with a block of its own, made profilable: it derives from
// MixinProfilingSearchSpace and says which decisions there are and which primitives an architecture uses.
#include <cmath>
#include <exception>
#include <iostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "hwprof/hwprof.hpp"

namespace {

using hwprof::Arch;
using hwprof::Metric;
using hwprof::Prim;

/// The block of our own: half of the channels from a 1x1 convolution, the other half from those by a
/// depthwise one.
void register_ghost_block() {
  const hwprof::AttrSpec kernel{"kernel_size", hwprof::AttrKind::integer, {}, {}};
  hwprof::register_prim_type({"ghost_block", {kernel}}, [](const Prim& prim) {
    const int kernel_size = static_cast<int>(std::get<std::int64_t>(prim.attrs.at("kernel_size")));
    const int half = prim.C_out / 2;
    hwprof::GraphBuilder graph("ghost_block");
    const int real = graph.batch_norm(graph.conv(graph.input(), half, 1, prim.stride));
    const int cheap = graph.batch_norm(graph.conv(real, half, kernel_size, 1, half));
    hwprof::Op concat;
    concat.kind = hwprof::OpKind::concat;
    concat.name = "concat";
    concat.inputs = {real, cheap};
    const int output = graph.activation(graph.op(concat), "relu");
    return std::move(graph).finish(output);
  });
}

/// Three stages; each chooses its kernel size and its number of blocks.
class GhostSpace : public hwprof::MixinProfilingSearchSpace {
 public:
  [[nodiscard]] std::vector<hwprof::Decision> decisions() const override {
    std::vector<hwprof::Decision> all;
    for (const std::string stage : {"stage1", "stage2", "stage3"}) {
      all.push_back({stage + ".kernel", {"3", "5"}});
      all.push_back({stage + ".depth", {"1", "2", "3"}});
    }
    return all;
  }

  [[nodiscard]] std::vector<Prim> primitives(const Arch& arch) const override {
    hwprof::check_arch(*this, arch);
    std::vector<Prim> prims = {hwprof::parse_prim("conv_bn_relu_3x3:64x3x16s2")};
    int size = 32;
    int channels = 16;
    for (std::size_t stage = 0; stage < 3; ++stage) {
      const std::int64_t kernel = arch[2 * stage] == 0 ? 3 : 5;
      const int depth = arch[2 * stage + 1] + 1;
      for (int block = 0; block < depth; ++block) {
        const int stride = block == 0 ? 2 : 1;
        const int out_channels = block == 0 ? 2 * channels : channels;
        prims.push_back({"ghost_block", size, channels, out_channels, stride, true, {{"kernel_size", kernel}}});
        size /= stride;
        channels = out_channels;
      }
    }
    return prims;
  }
};

/// Stands in for a device: some time for each block, and its arithmetic and traffic at fixed rates.
double latency_on_toy_board(const Prim& prim) {
  const hwprof::Work work = hwprof::count_work(prim);
  return 5e-6 + work.macs / 2e9 + (work.input_bytes + work.output_bytes + work.weight_bytes) / 4e9;
}

hwprof::NetRecord measure_on_toy_board(const hwprof::Net& net) {
  const auto latency = [](double seconds) {
    hwprof::Measured measured;
    measured.value = seconds;
    measured.samples = 1;
    return hwprof::Perf{{Metric::latency, measured}};
  };
  hwprof::NetRecord record;
  record.net_id = net.id;
  record.purpose = net.purpose;
  double total = 0;
  for (const hwprof::Layer& layer : net.layers) {
    const double seconds = latency_on_toy_board(layer.prim);
    record.prims.push_back({layer.prim, latency(seconds), layer.glue});
    total += seconds;
  }
  record.overall = latency(total);
  record.from.device = "toy-board";
  return record;
}

int run() {
  register_ghost_block();
  const GhostSpace space;

  // Which blocks are there, and in how few networks can they all be measured?
  const std::vector<Prim> prims = space.generate_profiling_primitives();
  hwprof::AssembleOptions packing;
  packing.image_size = 64;
  hwprof::AssembleSummary packed;
  std::vector<hwprof::NetRecord> records;
  for (const hwprof::Net& net : hwprof::assemble(prims, packing, &packed)) records.push_back(measure_on_toy_board(net));
  std::cout << prims.size() << " primitives in " << packed.nets << " networks with " << packed.glue_layers
            << " glue layers\n";

  // From the measurements to a model, and from the model to any architecture.
  hwprof::FitOptions options;
  options.kind = "table";
  const hwprof::Model model = space.parse_profiling_primitives(records, options);
  std::mt19937_64 rng(1);
  for (int i = 0; i < 5; ++i) {
    const Arch arch = space.sample(rng);
    const std::vector<Prim> used = space.primitives(arch);
    const double predicted = model.predict(used);
    double expected = 0;
    for (const Prim& prim : used) expected += latency_on_toy_board(prim);
    std::cout << hwprof::to_string(arch) << "  " << predicted * 1e6 << " us\n";
    if (std::abs(predicted - expected) > 1e-9 * expected) {
      std::cerr << "the toy board says " << expected * 1e6 << " us\n";
      return 1;
    }
  }
  return 0;
}

}  // namespace

int main() {
  try {
    return run();
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
