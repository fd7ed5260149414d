// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <torch/script.h>

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
