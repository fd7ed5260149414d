// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>

#include "hwprof/error.hpp"
#include "hwprof/kernel.hpp"
#include "prim_samples.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;

namespace {

std::vector<Kernel> kernels_of(const char* text, const FusionRules& rules, int batch = 1) {
  const Prim prim = normalized(parse_prim(text));
  return group_kernels(lower(prim), {batch, prim.C, prim.spatial_size, prim.spatial_size}, rules);
}

std::vector<std::string> kinds(const std::vector<Kernel>& kernels) {
  std::vector<std::string> out;
  for (const auto& kernel : kernels) out.push_back(kernel.kind + std::to_string(kernel.ops.size()));
  return out;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("without rules every op that does something is a kernel") {
  CHECK(kinds(kernels_of("mobilenet_v2_block:14x24x24s1:activation=relu6:expansion=2:kernel_size=3", {})) ==
        Names{"conv1", "bn1", "relu61", "dwconv1", "bn1", "relu61", "conv1", "bn1", "add1"});
  CHECK(kinds(kernels_of("linear:7x16x10s1", {})) == Names{"fc1"});  // the flatten only renames
  CHECK(kernels_of("identity:7x16x16s1", {}).empty());
}

TEST_CASE("rules fuse chains") {
  CHECK(kinds(kernels_of("mobilenet_v2_block:14x24x24s1:activation=relu6:expansion=2:kernel_size=3", usual_fusion())) ==
        Names{"conv3", "dwconv3", "conv3"});
  // conv + bn alone: the activation stands apart, and so does the addition
  const FusionRules norms{{{"conv", "bn"}, {"dwconv", "bn"}}};
  CHECK(kinds(kernels_of("mobilenet_v2_block:14x24x24s1:activation=relu6:expansion=2:kernel_size=3", norms)) ==
        Names{"conv2", "relu61", "dwconv2", "relu61", "conv2", "add1"});
  // bn + relu without conv + bn
  CHECK(kinds(kernels_of("conv_bn_act:14x24x32s1:kernel_size=3:activation=relu", {{{"bn", "relu"}}})) ==
        Names{"conv1", "bn2"});
  CHECK(kinds(kernels_of("conv_bn_act:14x24x32s1:kernel_size=3:activation=relu:groups=4", usual_fusion())) ==
        Names{"gconv3"});
}

TEST_CASE("what others read, or the graph puts out, is not fused away") {
  // conv -> relu and conv -> sigmoid; both relu and the sigmoid's product are read.
  GraphBuilder builder("fork");
  const int conv = builder.conv(builder.input(), 8, 1);
  const int relu = builder.activation(conv, "relu");
  const int sigmoid = builder.activation(conv, "sigmoid");
  const int sum = builder.add(relu, sigmoid);
  Graph graph = std::move(builder).finish(sum);
  const FusionRules all{{{"conv", "relu"}, {"conv", "sigmoid"}, {"relu", "add"}, {"sigmoid", "add"}}};
  const auto kernels = group_kernels(graph, {1, 4, 6, 6}, all);
  CHECK(kinds(kernels) == Names{"conv1", "relu1", "sigmoid2"});  // the addition follows its latest input
  CHECK(kernels[2].ops == std::vector<int>{sigmoid, sum});
  graph.outputs.push_back(sigmoid);
  CHECK(kinds(group_kernels(graph, {1, 4, 6, 6}, all)) == Names{"conv1", "relu1", "sigmoid1", "add1"});
}

TEST_CASE("ops that only rename are looked through") {
  GraphBuilder builder("head");
  const int conv = builder.conv(builder.input(), 8, 1);
  Op dropout;
  dropout.kind = OpKind::dropout;
  dropout.inputs = {conv};
  const int at = builder.op(dropout);
  const Graph graph = std::move(builder).finish(builder.activation(at, "relu"));
  CHECK(kinds(group_kernels(graph, {1, 4, 6, 6}, usual_fusion())) == Names{"conv2"});
}

TEST_CASE("features are those of a count by hand") {
  const auto kernels =
      kernels_of("mobilenet_v2_block:14x24x24s1:activation=relu6:expansion=2:kernel_size=3", usual_fusion(), 2);
  REQUIRE(kernels.size() == 3);
  const Kernel& dw = kernels[1];
  CHECK(dw.batch == 2);
  CHECK(dw.in_channels == 48);
  CHECK(dw.out_channels == 48);
  CHECK(dw.groups == 48);
  CHECK(dw.kernel == std::array<int, 2>{3, 3});
  CHECK(dw.in_size == std::array<std::int64_t, 2>{14, 14});
  CHECK(dw.work.macs == 2 * 48. * 14 * 14 * 9);
  CHECK(dw.work.params == 48 * 9 + 2 * 48);
  CHECK(dw.work.weight_bytes == 4. * (48 * 9 + 4 * 48));
  CHECK(dw.work.input_bytes == 4. * 2 * 48 * 14 * 14);  // bn and relu6 read what is at hand
  CHECK(dw.work.output_bytes == 4. * 2 * 48 * 14 * 14);
  // The last one reads the residual as well.
  CHECK(kernels[2].work.input_bytes == 4. * 2 * (48 + 24) * 14 * 14);
  CHECK(kernels[2].work.output_bytes == 4. * 2 * 24 * 14 * 14);
  const auto strided = kernels_of("conv_bn:15x8x16s2:kernel_size=5", {});
  CHECK(strided[0].in_size == std::array<std::int64_t, 2>{15, 15});
  CHECK(strided[0].out_size == std::array<std::int64_t, 2>{8, 8});
  CHECK(strided[0].stride == std::array<int, 2>{2, 2});
}

TEST_CASE("every op of every type is in one kernel, and the work adds up") {
  const auto known = list_kernel_kinds();
  for (const Prim& prim : sample_prims()) {
    CAPTURE(to_string(prim));
    const Graph graph = lower(prim);
    const Shape input{1, prim.C, prim.spatial_size, prim.spatial_size};
    const auto work = count_work(graph, input);
    for (const bool fused : {false, true}) {
      std::vector<int> seen(graph.ops.size(), 0);
      double macs = 0, params = 0, bytes = 0, single_bytes = 0;
      for (const auto& kernel : group_kernels(graph, input, fused ? usual_fusion() : FusionRules())) {
        CHECK(std::binary_search(known.begin(), known.end(), kernel.kind));
        CHECK(std::is_sorted(kernel.ops.begin(), kernel.ops.end()));
        for (const int op : kernel.ops) ++seen[static_cast<std::size_t>(op)];
        macs += kernel.work.macs;
        params += kernel.work.params;
        bytes += kernel.work.input_bytes + kernel.work.output_bytes;
      }
      for (std::size_t i = 0; i < seen.size(); ++i) {
        const bool renames = work[i].output_bytes == 0;
        CHECK(seen[i] == (renames ? 0 : 1));
        single_bytes += work[i].input_bytes + work[i].output_bytes;
      }
      CHECK(macs == count_work(prim).macs);
      CHECK(params == count_work(prim).params);
      if (fused)
        CHECK(bytes <= single_bytes);
      else
        CHECK(bytes == single_bytes);
    }
  }
}

TEST_CASE("rules are saved and read back; damaged ones are refused") {
  const TempFolder folder;
  save_fusion(folder.file("f.json"), usual_fusion());
  CHECK(load_fusion(folder.file("f.json")).pairs == usual_fusion().pairs);
  const auto refusal = [&folder](const std::string& text) {
    folder.write("bad.json", text);
    return error_of(Fault::input, [&] { (void)load_fusion(folder.file("bad.json")); });
  };
  CHECK(has(refusal(R"({"schema": "hwprof.fusion/2", "fuse": []})"), "newer"));
  CHECK(has(refusal(R"({"schema": "hwprof.fusion/1"})"), "'fuse' is missing"));
  CHECK(has(refusal(R"({"schema": "hwprof.fusion/1", "fuse": [["conv"]]})"), "two kinds are expected"));
  CHECK(has(refusal(R"({"schema": "hwprof.fusion/1", "fuse": [["conf", "bn"]]})"), "did you mean conv"));
  CHECK(has(refusal(R"({"schema": "hwprof.fusion/1", "fuse": [[1, "bn"]]})"), "a text is expected"));
}
