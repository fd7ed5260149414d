// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <torch/csrc/jit/ir/ir.h>
#include <torch/script.h>

#include <algorithm>
#include <fstream>

#include "hwprof/caffe.hpp"
#include "hwprof/error.hpp"
#include "hwprof/torch.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;

namespace {

using torch::jit::Module;

at::Tensor draw(const std::vector<std::int64_t>& sizes) {
  return torch::randn(sizes) * 0.3;
}

void add_conv(Module& module, const std::string& name, std::int64_t out, std::int64_t in, std::int64_t kernel) {
  module.register_parameter(name, draw({out, in, kernel, kernel}), false);
}
void add_norm(Module& module, const std::string& name, std::int64_t channels) {
  module.register_parameter(name + "_w", torch::rand(channels) + 0.5, false);
  module.register_parameter(name + "_b", draw({channels}), false);
  module.register_buffer(name + "_m", draw({channels}));
  module.register_buffer(name + "_v", torch::rand(channels) + 0.5);
}

/// Saves the module, reads it, and compares what the Graph computes with what TorchScript computes.
OnnxNet compare(Module& module, const Shape& input) {
  const hwprof_test::TempFolder folder;
  module.eval();
  module.save(folder.file("m.pt"));
  OnnxNet net = read_torchscript(folder.file("m.pt"), input);
  const c10::InferenceMode guard;
  const at::Tensor x = torch::randn({input[0], input[1], input[2], input[3]});
  const at::Tensor expected = module.forward({x.clone()}).toTensor();
  GraphModule graph(net.graph, input);
  const at::Tensor found = graph.forward(x.clone());
  REQUIRE(found.numel() == expected.numel());
  const double off = (found.flatten() - expected.flatten()).abs().max().item<double>();
  CHECK(off <= 1e-5 * std::max(1.0, expected.abs().max().item<double>()));
  return net;
}

/// A module of this code and nothing else.
Module of_code(const std::string& body) {
  Module module("M");
  module.define("def forward(self, x):\n" + body);
  return module;
}

std::string refusal(const std::string& body, const Shape& input = {1, 4, 6, 6}) {
  const hwprof_test::TempFolder folder;
  Module module = of_code(body);
  module.save(folder.file("m.pt"));
  return error_of(Fault::unsupported, [&] { (void)read_torchscript(folder.file("m.pt"), input); });
}

}  // namespace

TEST_CASE("a network with everything that vision models have") {
  torch::manual_seed(3);
  Module block("Block");
  block.register_attribute("training", c10::BoolType::get(), true);
  add_conv(block, "w1", 8, 8, 1);
  add_norm(block, "n", 8);
  block.register_parameter("wd", draw({8, 1, 3, 3}), false);
  block.define(R"(
def forward(self, x):
    y = torch.conv2d(x, self.w1, None, [1, 1], [0, 0], [1, 1], 1)
    if self.training:
        y = torch.batch_norm(y, self.n_w, self.n_b, self.n_m, self.n_v, True, 0.1, 1e-5, False)
    else:
        y = torch.batch_norm(y, self.n_w, self.n_b, self.n_m, self.n_v, False, 0.1, 1e-5, False)
    y = torch.hardtanh_(y, 0., 6.)
    y = torch.conv2d(y, self.wd, None, [1, 1], [1, 1], [1, 1], 8)
    return x + y
)");
  Module net("Net");
  add_conv(net, "stem", 8, 3, 3);
  net.register_parameter("bias", draw({8}), false);
  net.register_parameter("fc", draw({5, 24}), false);
  net.register_parameter("fcb", draw({5}), false);
  net.register_module("first", block);
  net.register_module("second", block.clone());
  net.define(R"(
def forward(self, x):
    x = torch.conv2d(x, self.stem, self.bias, [2, 2], [1, 1], [1, 1], 1)
    x = torch.hardswish(x)
    x = self.first.forward(x)
    for i in range(2):
        x = torch.relu_(x)
    x = torch.max_pool2d(x, [3, 3], [2, 2], [1, 1], [1, 1], False)
    x = self.second.forward(x)
    n, c, h, w = x.size()
    x = x.view([n, 2, c // 2, h, w]).transpose(1, 2).contiguous().view([n, -1, h, w])
    a, b = torch.chunk(x, 2, 1)
    g = torch.sigmoid(torch.adaptive_avg_pool2d(a, [1, 1]))
    a = a * g
    s = b * torch.hardtanh(b + 3, 0., 6.) / 6
    u = torch.upsample_nearest2d(torch.avg_pool2d(b, [2, 2], [2, 2], [0, 0], False, True), [h, w])
    x = torch.cat([a, b, s, u, a, b], 1)
    x = torch.dropout(x, 0.2, False)
    x = torch.mean(x, [2, 3])
    x = torch.flatten(x, 1)
    return torch.linear(x, self.fc, self.fcb)
)");
  const OnnxNet read = compare(net, {1, 3, 32, 32});
  bool scoped = false;
  bool shuffled = false;
  bool swish = false;
  for (const auto& op : read.graph.ops) {
    scoped = scoped || op.name == "first" || op.name == "second";
    shuffled = shuffled || op.kind == OpKind::channel_shuffle;
    swish = swish || op.kind == OpKind::h_swish;
  }
  CHECK(scoped);
  CHECK(shuffled);
  CHECK(swish);
}

TEST_CASE("what is read becomes Caffe, and computes the same there") {
  torch::manual_seed(4);
  Module net("Net");
  add_conv(net, "w", 6, 3, 3);
  add_norm(net, "n", 6);
  net.register_parameter("fc", draw({4, 6}), false);
  net.define(R"(
def forward(self, x):
    x = torch.conv2d(x, self.w, None, [1, 1], [1, 1], [1, 1], 1)
    x = torch.relu(torch.batch_norm(x, self.n_w, self.n_b, self.n_m, self.n_v, False, 0.1, 1e-5, False))
    x = torch.max_pool2d(x, [3, 3], [2, 2], [1, 1], [1, 1], False)
    x = x.mean(3).mean(2)
    return torch.linear(x, self.fc)
)");
  const Shape input{1, 3, 12, 12};
  const OnnxNet read = compare(net, input);
  const CaffeText text = to_caffe(read.graph, input);
  CHECK(output_difference(read.graph, parse_caffe(text.deploy, text.weights, "c").graph, input) <= 1e-5);
}

TEST_CASE("values that are changed in place are changed for all who read them later") {
  Module net = of_code(R"(
    y = torch.sigmoid(x)
    z = torch.tanh_(y)
    return y + z
)");
  (void)compare(net, {1, 3, 5, 5});
}

TEST_CASE("changes in place reach the input, not its copies, and through views they are followed or refused") {
  const Shape input{1, 4, 5, 5};
  for (const char* body : {
           "    y = torch.relu_(x)\n    return x + y\n",
           "    y = x.clone()\n    z = torch.relu_(y)\n    return x + z\n",
           "    y = torch.tanh(x)\n    z = y.clone()\n    torch.relu_(y)\n    return z + y\n",
           "    a, b = torch.chunk(torch.tanh(x), 2, 1)\n    torch.relu_(torch.relu_(a))\n    return torch.cat([b, a], "
           "1)\n",
           "    y = torch.tanh(x)\n    z = torch.dropout_(torch.flatten(y, 1), 0.5, False)\n    return "
           "torch.flatten(y, 1) + z\n",
           "    y = torch.tanh(x)\n    z = torch.relu_(y.view(1, 100))\n    n = y.size(1)\n    return z.view(1, n, 5, "
           "5)\n",
       }) {
    CAPTURE(body);
    Module module = of_code(body);
    (void)compare(module, input);
  }
  const auto stale = [&](const std::string& body) { CHECK(has(refusal(body, input), "changed in place")); };
  stale("    y = torch.tanh(x)\n    z = torch.relu_(y[:, 1:3])\n    return torch.cat([y, z], 1)\n");
  stale("    y = torch.tanh(x)\n    z = torch.relu_(torch.flatten(y, 1))\n    return y\n");
  stale("    y = torch.tanh(x)\n    z = torch.flatten(y, 1)\n    torch.relu_(y)\n    return z\n");
  stale("    y = torch.tanh(x)\n    a = y[:, 0:3]\n    b = y[:, 2:4]\n    torch.relu_(a)\n    return b\n");
  stale("    y = torch.tanh(x)\n    z = torch.relu_(torch.dropout(y, 0.5, False))\n    return y + z\n");
  const auto copied = [&](const std::string& body) { CHECK(has(refusal(body, input), "made a copy")); };
  copied("    y = torch.tanh(x)\n    z = torch.relu_(torch.adaptive_avg_pool2d(y, [5, 5]))\n    return y + z\n");
  copied("    y = torch.tanh(x)[:, 1:3]\n    z = torch.relu_(y.contiguous())\n    return y + z\n");
  CHECK(has(refusal("    y = torch.tanh(x)\n    y.add_(3)\n    return y\n"), "in place"));
}

TEST_CASE("sizes as tensors, expanded factors, values that nobody reads") {
  torch::manual_seed(7);
  Module gate("Gate");
  gate.register_parameter("w", draw({6, 6}), false);
  gate.define(R"(
def forward(self, x):
    b, c, h, w = x.size()
    y = torch.linear(torch.adaptive_avg_pool2d(x, [1, 1]).view([b, c]), self.w)
    y = torch.sigmoid(y).view([b, c, 1, 1])
    unread, used = torch.chunk(x, 2, 1)
    unread = torch.tanh(unread)
    return torch.cat([x * y.expand_as(x), y.expand([-1, -1, h, w]) * x, used], 1)
)");
  const OnnxNet net = compare(gate, {2, 6, 5, 5});
  const std::size_t splits = static_cast<std::size_t>(
      std::count_if(net.graph.ops.begin(), net.graph.ops.end(), [](const Op& op) { return op.kind == OpKind::split; }));
  CHECK(splits == 1);
  for (const auto& op : net.graph.ops) CHECK(op.kind != OpKind::tanh);
  const CaffeText text = to_caffe(net.graph, {2, 6, 5, 5}, [] {
    CaffeOptions all;
    all.layers = CaffeLayers::all;
    return all;
  }());
  CHECK(output_difference(net.graph, parse_caffe(text.deploy, text.weights, "c").graph, {2, 6, 5, 5}) <= 1e-5);
  CHECK(has(refusal("    return x.expand([1, 4, 6, 6]) + x.mean([2, 3], True).expand_as(x)\n"), "factors"));
  CHECK(has(refusal("    return x.mean([2, 3], True).expand_as(x)\n"), "no value of the network"));
  CHECK(has(refusal("    return x.expand([7, 4, 6, 6]) * x\n"), "batch"));
}

TEST_CASE("outputs that only training has are left out") {
  const hwprof_test::TempFolder folder;
  Module two("Two");
  two.define(
      "def forward(self, x: Tensor) -> Tuple[Tensor, Optional[Tensor]]:\n    aux: Optional[Tensor] = None\n"
      "    return torch.relu(x), aux\n");
  two.save(folder.file("two.pt"));
  const OnnxNet net = read_torchscript(folder.file("two.pt"), {1, 4, 6, 6});
  CHECK(net.graph.outputs == std::vector<int>{1});
}

TEST_CASE("sizes that tracing wrote as tensors of one number") {
  Module traced("T");
  auto graph = std::make_shared<torch::jit::Graph>();
  graph->addInput()->setType(traced._ivalue()->type());
  torch::jit::Value* x = graph->addInput();
  const auto call = [&](const char* name, std::vector<torch::jit::NamedValue> arguments) {
    return graph->insert(c10::Symbol::fromQualString(name), arguments);
  };
  torch::jit::Value* two = graph->insertConstant(torch::tensor(2));
  torch::jit::Value* images = call("aten::size", {x, 0});
  torch::jit::Value* channels = call("prim::NumToTensor", {call("aten::size", {x, 1})});
  torch::jit::Value* half = call("aten::Int", {call("aten::floor_divide", {channels, two})});
  torch::jit::Value* rest =
      call("aten::Int", {call("aten::mul", {call("aten::mul", {graph->insertConstant(torch::tensor(5)), two}), two})});
  torch::jit::Value* sizes =
      graph->insertNode(graph->createList(c10::IntType::get(), {images, half, rest, graph->insertConstant(5)}))
          ->output();
  graph->registerOutput(call("aten::view", {x, sizes}));
  auto* function = traced._ivalue()->compilation_unit()->create_function(
      c10::QualifiedName(*traced.type()->name(), "forward"), graph);
  traced.type()->addMethod(function);
  const OnnxNet net = compare(traced, {2, 12, 10, 5});
  CHECK(net.graph.ops.size() == 2);
}

TEST_CASE("older spellings") {
  torch::manual_seed(5);
  Module net("Net");
  add_conv(net, "w", 4, 4, 3);
  net.register_parameter("fc", draw({3, 4}), false);
  net.register_parameter("fb", draw({3}), false);
  net.define(R"(
def forward(self, x):
    x = torch._convolution(x, self.w, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, False, False, True, True)
    x = x * torch.clamp(x + 3, 0, 6) * 0.16666666666666666
    x = torch.leaky_relu(x, 0.1)
    x = x[:, 0:2]
    x = torch.cat([x, x], 1)
    x = torch.constant_pad_nd(x, [1, 0, 0, 1], 0)
    x = torch.adaptive_avg_pool2d(x, [1, 1])
    x = x.squeeze(3).squeeze(2)
    return torch.addmm(self.fb, x, torch.t(self.fc))
)");
  (void)compare(net, {2, 4, 7, 7});
}

TEST_CASE("unknown ops are named with the module that they stand in") {
  Module inner("Inner");
  inner.define("def forward(self, x):\n    return torch.gelu(x)\n");
  Module net("Net");
  net.register_module("features", inner);
  net.define("def forward(self, x):\n    return self.features.forward(x)\n");
  const hwprof_test::TempFolder folder;
  net.save(folder.file("m.pt"));
  const auto message = error_of(Fault::unsupported, [&] { (void)read_torchscript(folder.file("m.pt"), {1, 3, 8, 8}); });
  CHECK(has(message, "'features'"));
  CHECK(has(message, "aten::gelu"));
  CHECK(has(refusal("    return x - x\n"), "aten::sub"));
  CHECK(has(refusal("    return x + 2\n"), "other than 3"));
  CHECK(has(refusal("    return torch.softmax(x, 3)\n"), "softmax"));
  CHECK(has(refusal("    if bool(x.sum() > 0):\n        return x\n    else:\n        return torch.relu(x)\n"),
            "aten::sum"));
  CHECK(has(refusal("    return x + torch.ones([1, 4, 6, 6])\n"), "makes a tensor"));
}

TEST_CASE("operators on constants: what is computed is right, what does harm is refused") {
  // Each condition that is wrong adds an op.
  const std::vector<std::string> right = {
      "7 // 2 == 3",
      "-7 // 2 == -4",
      "7 // -2 == -4",
      "-7 % 3 == 2",
      "7 % -3 == -2",
      "-6 % 3 == 0",
      "6 // 2 == 3",
      "abs(-3) == 3",
      "int(2.7) == 2",
      "7 / 2 == 3.5",
      "0.5 * 3000000 == 1500000.0",
      "len([1, 2] * 3) == 6",
      "([1, 2] + [3])[2] == 3",
      "[1, 2, 3][1:] == [2, 3]",
      "'{}x{}'.format(3, 'a') == '3xa'",
      "2 in [1, 2]",
      "x.size()[2:] == [6, 6]",
      "max(x.size(2), 7) == 7",
      "min([3, 2, 4]) == 2",
  };
  for (const auto& one : right) {
    CAPTURE(one);
    const hwprof_test::TempFolder folder;
    std::string body = "    ok = " + one + "\n    if ok:\n        return x\n    else:\n        return torch.relu(x)\n";
    Module module = of_code(body);
    module.save(folder.file("m.pt"));
    CHECK(read_torchscript(folder.file("m.pt"), {1, 4, 6, 6}).graph.ops.size() == 1);
  }
  const hwprof_test::TempFolder written;
  const std::string file = written.file("stolen");
  CHECK(has(refusal("    torch.save(3, '" + file + "')\n    return x\n"), "aten::save"));
  CHECK_FALSE(std::ifstream(file).good());
  // What is computed must be read, or libtorch leaves it out.
  const auto reading = [](const std::string& number) {
    return "\n    if " + number + " == 5:\n        return torch.relu(x)\n    else:\n        return x\n";
  };
  CHECK(has(refusal("    s = 'a'.zfill(100000000000 * x.size(0))" + reading("len(s)")), "aten::zfill"));
  CHECK(has(refusal("    s = 'a'.ljust(100000000000 * x.size(0), 'b')" + reading("len(s)")), "aten::ljust"));
  const auto failure = [](const std::string& body) {
    const hwprof_test::TempFolder folder;
    Module module = of_code(body);
    module.save(folder.file("m.pt"));
    return error_of(Fault::input, [&] { (void)read_torchscript(folder.file("m.pt"), {1, 4, 6, 6}); });
  };
  const std::string least = "    m = -9223372036854775807 - x.size(0)\n";
  const std::string none = "    n = x.size(0) - 1\n";
  CHECK(has(failure(none + "    k = 1 // n" + reading("k")), "divides by 0"));
  CHECK(has(failure(none + "    k = 1 % n" + reading("k")), "divides by 0"));
  CHECK(has(failure(least + "    k = m // (0 - x.size(0))" + reading("k")), "too large"));
  CHECK(has(failure(least + "    k = m - x.size(0)" + reading("k")), "too large"));
  CHECK(has(failure(least + "    k = m * 2" + reading("k")), "too large"));
  CHECK(has(failure("    l = [0] * (1000000000000 * x.size(0))" + reading("len(l)")), "more than 1000000 items"));
  CHECK(has(failure("    l = [0] * (1500000 * x.size(0))" + reading("len(l)")), "more than 1000000 items"));
  const std::string often = "    for i in range(60):\n        ";
  CHECK(has(failure("    l = [0]\n" + often + "l = l + l" + reading("len(l)")), "items at once"));
  CHECK(has(failure("    l = [0]\n" + often + "l += l" + reading("len(l)")), "to itself"));
  CHECK(has(failure("    s = 'ab'\n" + often + "s = s + s" + reading("len(s)")), "items at once"));
  CHECK(has(failure("    l = [0] * 90000\n    n = 0\n" + often + "n += len(l + l)" + reading("n")), "absurdly much"));
}

TEST_CASE("parts without number, and dimensions of 1 that are no map's") {
  const hwprof_test::TempFolder folder;
  Module whole = of_code("    return torch.cat(torch.chunk(x, 9223372036854775807, 1), 1)\n");
  whole.save(folder.file("whole.pt"));  // libtorch itself computes a size of 0 from this
  CHECK(read_torchscript(folder.file("whole.pt"), {1, 4, 6, 6}).graph.ops.size() == 6);  // a chunk per channel
  Module many = of_code("    return torch.cat(torch.split(x, 1, 1), 1)\n");
  many.save(folder.file("many.pt"));
  CHECK(has(error_of(Fault::input,
                     [&] {
                       (void)read_torchscript(folder.file("many.pt"), {1, 1 << 30, 1, 1});
                     }),
            "more than 100000 parts"));
  const std::string squeeze = "    return x.squeeze()\n";
  CHECK(has(refusal(squeeze, {2, 1, 6, 6}), "only channel"));
  CHECK(has(refusal(squeeze, {2, 4, 1, 6}), "of a map"));
  CHECK(has(refusal(squeeze, {2, 1, 1, 1}), "only channel"));
  Module pooled = of_code("    return torch.adaptive_avg_pool2d(x, [1, 1]).squeeze()\n");
  (void)compare(pooled, {2, 4, 6, 6});
}

TEST_CASE("bad files and loops without an end are errors") {
  const hwprof_test::TempFolder folder;
  const auto refused = [&](const std::string& file) {
    return error_of(Fault::input, [&] { (void)read_torchscript(file, {1, 3, 8, 8}); });
  };
  CHECK(has(refused(folder.file("none.pt")), "none.pt"));
  CHECK(has(refused(folder.write("text.pt", "not a zip")), "text.pt"));
  Module net = of_code("    return torch.relu(x)\n");
  net.save(folder.file("m.pt"));
  const std::string bytes = [&] {
    std::ifstream in(folder.file("m.pt"), std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  }();
  for (std::size_t cut = 0; cut < bytes.size(); cut += bytes.size() / 7 + 1)
    CHECK(has(refused(folder.write("cut.pt", bytes.substr(0, cut))), "cut.pt"));
  Module endless = of_code("    i = 0\n    while i < 10:\n        i = i * 1\n    return x\n");
  endless.save(folder.file("endless.pt"));
  CHECK(has(refused(folder.file("endless.pt")), "absurdly long"));
  Module raising = of_code("    assert x.dim() == 3, 'three wanted'\n    return x\n");
  raising.save(folder.file("raising.pt"));
  CHECK(has(refused(folder.file("raising.pt")), "refuses this input"));
}
