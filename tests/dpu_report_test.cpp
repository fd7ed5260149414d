// SPDX-License-Identifier: Apache-2.0
// What the compilers of Vitis AI and DNNDK print.
#include <doctest/doctest.h>

#include "hwprof/error.hpp"
#include "hwprof/vitis.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;

namespace {

DpuCompilerReport report(const std::string& text) {
  return parse_compiler_report(text, "compile.log");
}

/// The list of a published guide (ProxylessNAS-mobile of width 0.5 for a ZCU102), as the compiler prints it.
const std::string guide =
    "kernel list info for network \"proxylessmobile05\"\n"
    "                               Kernel ID : Name\n"
    "                                       0 : proxylessmobile05\n\n"
    "                             Kernel Name : proxylessmobile05\n" +
    std::string(80, '-') +
    "\n                             Kernel Type : DPUKernel\n"
    "                               Code Size : 0.17MB\n"
    "                              Param Size : 2.06MB\n"
    "                           Workload MACs : 207.17MOPS\n"
    "                         IO Memory Space : 0.34MB\n"
    "                              Mean Value : 0, 0, 0, \n"
    "                      Total Tensor Count : 43\n"
    "                Boundary Input Tensor(s)   (H*W*C)\n"
    "               default_name_input_1:0(0) : 224*224*3\n\n"
    "               Boundary Output Tensor(s)   (H*W*C)\n"
    "             proxylessmobile05_fc_1:0(0) : 1*1*1000\n\n"
    "                        Total Node Count : 42\n"
    "                           Input Node(s)   (H*W*C)\n"
    "             proxylessmobile05_conv_1(0) : 224*224*3\n\n"
    "                          Output Node(s)   (H*W*C)\n"
    "               proxylessmobile05_fc_1(0) : 1*1*1000\n\n\n\n\n"
    "**************************************************\n* VITIS_AI Compilation - Xilinx Inc.\n"
    "**************************************************\n";

}  // namespace

TEST_CASE("the guide's list, whole and with other line ends") {
  std::string crlf;
  for (const char c : guide) crlf += c == '\n' ? std::string("\r\n") : std::string(1, c);
  for (const auto& text : {guide, crlf, "* VITIS_AI Compilation - Xilinx Inc.\n[VAI_C][Info] x : y\n" + guide}) {
    const auto found = report(text);
    CHECK(found.network == "proxylessmobile05");
    REQUIRE(found.kernels.size() == 1);
    const auto& kernel = found.kernels[0];
    CHECK(kernel.name == "proxylessmobile05");
    CHECK_FALSE(kernel.on_cpu);
    CHECK(kernel.code_bytes.value() == doctest::Approx(0.17 * 1048576));
    CHECK(kernel.parameter_bytes.value() == doctest::Approx(2.06 * 1048576));
    CHECK(kernel.io_bytes.value() == doctest::Approx(0.34 * 1048576));
    CHECK(kernel.operations.value() == doctest::Approx(207.17e6));
    CHECK(kernel.tensors == 43);
    CHECK(kernel.nodes == 42);
    REQUIRE(kernel.inputs.size() == 1);
    CHECK(kernel.inputs[0].name == "default_name_input_1:0(0)");
    CHECK(kernel.inputs[0].shape == std::array<std::int64_t, 3>{224, 224, 3});
    REQUIRE(kernel.outputs.size() == 1);
    CHECK(kernel.outputs[0].shape == std::array<std::int64_t, 3>{1, 1, 1000});
    REQUIRE(kernel.input_nodes.size() == 1);
    CHECK(kernel.input_nodes[0].name == "proxylessmobile05_conv_1(0)");
    CHECK(kernel.output_nodes.size() == 1);
    CHECK(found.errors.empty());
  }
}

TEST_CASE("DNNC's spelling, several kernels, and work for the processor") {
  const auto found = report(
      "[DNNC][Warning] layer [prob] (type: Softmax) is not supported in DPU, deploy it in CPU instead.\n\n"
      "DNNC Kernel topology \"net_kernel_graph.jpg\" for network \"net\"\n"
      "DNNC kernel list info for network \"net\"\n"
      "   Kernel ID : Name\n   0 : net_0\n   1 : net_1\n   2 : net_2\n\n"
      "   Kernel Name : net_0\n---\n   Kernel Type : DPUKernel\n   Code Size : 5.50KB\n   Param Size : 1.5GB\n"
      "   Workload MACs : 7.71GOPS\n   IO Memory Space : 12B\n   Mean Value : 104, 117, 123,\n   Node Count : 54\n"
      "   Tensor Count : 55\n   Input Node(s)(H*W*C)\n   conv1(0) : 224*224*3\n   Output Node(s)(H*W*C)\n"
      "   res5(0) : 7*7*2048\n   res5(1) : 7*7*2048\n\n"
      "   Kernel Name : net_1\n---\n   Kernel Type : CPUKernel\n   Boundary Input Tensor(s)   (H*W*C)\n"
      "   pool5:0(0) : 7*7*2048\n\n   Boundary Output Tensor(s)   (H*W*C)\n   prob:0(0) : 1*1*1000\n\n"
      "   Kernel Name : net_2\n---\n   Kernel Type : DPUKernel\n   Total Node Count : 1\n");
  REQUIRE(found.kernels.size() == 3);
  CHECK(found.kernels[0].code_bytes.value() == 5632);
  CHECK(found.kernels[0].parameter_bytes.value() == doctest::Approx(1.5 * 1073741824));
  CHECK(found.kernels[0].operations.value() == doctest::Approx(7.71e9));
  CHECK(found.kernels[0].io_bytes.value() == 12);
  CHECK(found.kernels[0].nodes == 54);
  CHECK(found.kernels[0].output_nodes.size() == 2);
  CHECK(found.kernels[1].on_cpu);
  CHECK_FALSE(found.kernels[1].code_bytes.has_value());
  CHECK_FALSE(found.kernels[1].nodes.has_value());
  CHECK(found.kernels[1].outputs.size() == 1);
  CHECK(found.kernels[2].nodes == 1);
  REQUIRE(found.warnings.size() == 1);
  CHECK(has(found.advice.at(0), "runs on the processor"));
}

TEST_CASE("of two lists in a log the last counts; a list that ends midway gives what it has") {
  const auto twice = report(guide + "kernel list info for network \"b\"\nKernel Name : b\nKernel Type : DPUKernel\n");
  CHECK(twice.network == "b");
  REQUIRE(twice.kernels.size() == 1);
  CHECK(twice.kernels[0].name == "b");
  for (std::size_t end = 0; end < guide.size(); end += 7) {
    try {
      const auto cut = report(guide.substr(0, end));
      CHECK(cut.kernels.size() <= 1);
    } catch (const Error& error) {
      CHECK(error.fault() == Fault::input);
    }
  }
  CHECK(report("").kernels.empty());
}

TEST_CASE("a value that is not what its key promises is named with its line") {
  const auto broken = [](const std::string& from, const std::string& to) {
    std::string text = guide;
    text.replace(text.find(from), from.size(), to);
    return error_of(Fault::input, [&] { (void)report(text); });
  };
  CHECK(has(broken("0.17MB", "large"), "compile.log:8: a number with a unit is expected, found 'large'"));
  CHECK(has(broken("207.17MOPS", "207.17MFLOPS"), "compile.log:10: OPS, KOPS, MOPS or GOPS"));
  CHECK(has(broken(": 42", ": -42"), "a count is expected"));
  CHECK(has(broken("DPUKernel", "GPUKernel"), "DPUKernel or CPUKernel"));
  CHECK(has(broken(": 43", ": 99999999999999999999"), "a count is expected"));
}

TEST_CASE("vai_c_xir's numbers, and errors with what to do about them") {
  const auto xir = report(
      "[UNILOG][INFO] Target architecture: DPUCZDX8G_ISA0_B4096_MAX_BG2\n"
      "[UNILOG][INFO] Total device subgraph number 3, DPU subgraph number 1\n");
  CHECK(xir.subgraphs == 3);
  CHECK(xir.dpu_subgraphs == 1);
  const auto redundant = report(
      "[VAI_C][Error] There are multiple layers with same name existed in deploy.prototxt, the duplicate name is "
      "[input].\n");
  REQUIRE(redundant.errors.size() == 1);
  CHECK(has(redundant.advice.at(0), "phase: TRAIN"));
  CHECK(has(report("[VAI_C-BACKEND][Check Failed: kernel_param * input_channel_group <= weights_buf_depth]"
                   "[/home/xbuild/OperatorDptConv.cpp:31][DATA_OUTRANGE][Data value is out of range!]\n")
                .advice.at(0),
            "2048"));
  CHECK(
      has(report("F0607 10:02:11.500 7 x.cpp:3] Unknown layer type: HSwish (known types: …)\n").advice.at(0), "check"));
  CHECK(report("F0607 is a part number\nFast : 3\n").errors.empty());
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "[VAI_C][Error] " + std::string(100000, 'x') + "\n";
  const auto flood = report(many);
  CHECK(flood.errors.size() == 50);
  CHECK(flood.errors[0].size() == 400);
}
