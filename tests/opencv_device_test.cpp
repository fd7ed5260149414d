// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "hwprof/compiler.hpp"
#include "hwprof/error.hpp"
#include "hwprof/opencv.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;

namespace {

Net small_net(const std::string& id) {
  const auto block = [](int size, int in, int out, int stride) {
    return Layer{normalized({"mobilenet_v2_block",
                             size,
                             in,
                             out,
                             stride,
                             true,
                             {{"expansion", Attr(std::int64_t{3})}, {"kernel_size", Attr(std::int64_t{3})}}}),
                 false,
                 {}};
  };
  Net net;
  net.id = id;
  net.image_size = 32;
  net.layers = {{normalized({"conv_bn_relu_3x3", 32, 3, 8, 2, true, {}}), false, {}},
                block(16, 8, 8, 1),
                block(16, 8, 16, 2),
                {normalized({"max_pool",
                             8,
                             16,
                             16,
                             2,
                             true,
                             {{"kernel_size", Attr(std::int64_t{3})}, {"padding", Attr(std::int64_t{1})}}}),
                 false,
                 {}},
                {normalized({"head",
                             4,
                             16,
                             10,
                             1,
                             true,
                             {{"last_channels", Attr(std::int64_t{24})}, {"activation", Attr(std::string("relu6"))}}}),
                 false,
                 {}}};
  return net;
}

}  // namespace

TEST_CASE("opencv: compile, measure, resume and attribute every microsecond") {
  register_opencv_compiler();
  const hwprof_test::TempFolder folder;
  const auto compiler = make_compiler("opencv");
  std::vector<Artifact> artifacts;
  for (const char* id : {"a", "b"}) artifacts.push_back(compiler->compile(small_net(id), folder.file(id)));
  CHECK(compiler->hwobj_net_to_primitive(artifacts[0]).state == RunState::failed);
  MeasureOptions options;
  options.budget_s = 1.5;
  options.max_rel_ci = 0.5;
  compiler->measure(artifacts, options);
  for (const auto& artifact : artifacts) {
    const NetRecord record = compiler->hwobj_net_to_primitive(artifact);
    CHECK_MESSAGE((record.state == RunState::measured || record.state == RunState::unsteady), record.reason);
    REQUIRE(record.prims.size() == artifact.net.layers.size());
    REQUIRE(record.nodes.size() > 5);
    double sum = record.overhead.count(Metric::latency) == 0 ? 0 : record.overhead.at(Metric::latency).value;
    for (const auto& prim : record.prims) {
      REQUIRE(prim.perf.count(Metric::latency) == 1);
      CHECK(prim.perf.at(Metric::latency).value > 0);
      sum += prim.perf.at(Metric::latency).value;
    }
    CHECK(sum == doctest::Approx(record.overall.at(Metric::latency).value).epsilon(1e-9));
    // Batch norms and activations run inside the convolutions, and have no node of their own.
    std::size_t ops = 0;
    for (const auto& node : record.nodes) {
      CHECK(has(node.name, "."));
      ops += node.ops.size();
    }
    CHECK(ops > record.nodes.size());
  }
  const NetRecord first = compiler->hwobj_net_to_primitive(artifacts[0]);
  compiler->measure(artifacts, options);  // nothing is left to do, or goes on where it was
  const NetRecord second = compiler->hwobj_net_to_primitive(artifacts[0]);
  CHECK(second.overall.at(Metric::latency).samples >= first.overall.at(Metric::latency).samples);
}

TEST_CASE("opencv: what it cannot do is said") {
  register_opencv_compiler();
  const hwprof_test::TempFolder folder;
  const auto compiler = make_compiler("opencv");
  CHECK(has(error_of(Fault::usage, [] { (void)make_compiler("opencv:1"); }), "nothing behind"));
  const std::vector<Artifact> artifacts{compiler->compile(small_net("a"), folder.file("a"))};
  MeasureOptions options;
  options.channels_last = true;
  CHECK(has(error_of(Fault::unsupported, [&] { compiler->measure(artifacts, options); }), "contiguous"));
  options.channels_last = false;
  options.device_options = {{"runtime", "GPU"}};
  CHECK(has(error_of(Fault::usage, [&] { compiler->measure(artifacts, options); }), "'runtime'"));
  Net zeros = small_net("z");
  zeros.layers[1] = {normalized({"none", 16, 8, 8, 1, true, {}}), false, {}};
  CHECK(has(error_of(Fault::unsupported, [&] { (void)compiler->compile(zeros, folder.file("z")); }), "L1."));
}
