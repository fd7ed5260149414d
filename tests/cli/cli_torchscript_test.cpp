// SPDX-License-Identifier: Apache-2.0
// Networks of TorchScript from the command line into other formats, and what is refused.
#include <doctest/doctest.h>
#include <torch/script.h>

#include "hwprof/caffe.hpp"
#include "hwprof/format.hpp"
#include "program.hpp"
#include "throws.hpp"

using hwprof_test::cli;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

using torch::jit::Module;

at::Tensor draw(const std::vector<std::int64_t>& sizes) {
  return torch::randn(sizes) * 0.3;
}

/// A stem, an inverted residual, and a head.
void save_network(const std::string& file) {
  torch::manual_seed(11);
  Module block("Block");
  block.register_parameter("expand", draw({16, 8, 1, 1}), false);
  block.register_parameter("deep", draw({16, 1, 3, 3}), false);
  block.register_parameter("project", draw({8, 16, 1, 1}), false);
  block.register_parameter("scale", torch::rand(16) + 0.5, false);
  block.register_parameter("shift", draw({16}), false);
  block.register_buffer("mean", draw({16}));
  block.register_buffer("var", torch::rand(16) + 0.5);
  block.define(R"(
def forward(self, x):
    y = torch.conv2d(x, self.expand, None, [1, 1], [0, 0], [1, 1], 1)
    y = torch.hardtanh(torch.batch_norm(y, self.scale, self.shift, self.mean, self.var, False, 0.1, 1e-5, True), 0., 6.)
    y = torch.hardtanh_(torch.conv2d(y, self.deep, None, [1, 1], [1, 1], [1, 1], 16), 0., 6.)
    return x + torch.conv2d(y, self.project, None, [1, 1], [0, 0], [1, 1], 1)
)");
  Module net("Net");
  net.register_parameter("stem", draw({8, 3, 3, 3}), false);
  net.register_parameter("fc", draw({5, 8}), false);
  net.register_parameter("bias", draw({5}), false);
  net.register_module("block", block);
  net.define(R"(
def forward(self, x):
    x = torch.relu(torch.conv2d(x, self.stem, None, [2, 2], [1, 1], [1, 1], 1))
    x = torch.max_pool2d(self.block.forward(x), [3, 3], [2, 2], [1, 1], [1, 1], False)
    return torch.linear(torch.flatten(torch.adaptive_avg_pool2d(x, [1, 1]), 1), self.fc, self.bias)
)");
  net.eval();
  net.save(file);
}

}  // namespace

TEST_CASE("export takes TorchScript to Caffe and ONNX, and checks what it wrote") {
  const TempFolder folder;
  const std::string file = folder.file("net.pt");
  save_network(file);
  for (const std::string format : {"caffe", "onnx"}) {
    CAPTURE(format);
    const std::string out = folder.file(format);
    const auto done = cli({"export", "--torchscript", file, "--input", "1,3,32,32", "--format", format, "--check",
                           "--json", "--out", out});
    if (done.code == 4 && has(done.err, "HWPROF_")) continue;  // a build without the format
    REQUIRE_MESSAGE(done.code == 0, done.err);
    const auto row = done.json()["files"][0];
    CHECK(row["source"] == file);
    CHECK(row["difference"].get<double>() <= 1e-5);
    const std::string written = out + "/" + row["file"].get<std::string>();
    const hwprof::OnnxNet net = format == "onnx"
                                    ? hwprof::read_onnx(written)
                                    : hwprof::read_caffe(written, out + "/" + row["weights"].get<std::string>());
    CHECK(net.input == hwprof::Shape{1, 3, 32, 32});
    std::size_t scoped = 0;
    for (const auto& op : net.graph.ops) scoped += has(op.name, "block") ? 1 : 0;
    CHECK(scoped == 7);  // three convolutions, batch norm, two times relu6, add
  }
  const auto images = cli({"export", "--torchscript", file, "--input", "1,3,32,32", "--format", "caffe", "--fold-bn",
                           "--check", "--json", "--out", folder.file("folded")});
  if (images.code == 0) CHECK(images.json()["files"][0]["difference"].get<double>() <= 1e-4);
}

TEST_CASE("files and inputs that are none end in an error") {
  const TempFolder folder;
  const std::string file = folder.file("net.pt");
  save_network(file);
  const auto refused = [&](const std::string& name, const std::string& input) {
    return cli(
        {"export", "--torchscript", name, "--input", input, "--format", "caffe", "--out", folder.file("o"), "--force"});
  };
  if (has(refused(file, "1,3,32,32").err, "HWPROF_")) return;
  CHECK(refused(folder.file("none.pt"), "1,3,32,32").code == 3);
  const std::string whole = hwprof_test::read_all(file);
  CHECK(refused(folder.write("half.pt", whole.substr(0, whole.size() / 2)), "1,3,32,32").code == 3);
  CHECK(refused(folder.write("text.pt", "no zip"), "1,3,32,32").code == 3);
  CHECK(refused(folder.write("empty.pt", ""), "1,3,32,32").code == 3);
  CHECK(refused(file, "1,4,32,32").code == 3);
  CHECK(refused(file, "1,3,32").code == 2);
  CHECK(refused(file, "1,3,32,-1").code == 2);
  Module odd("Odd");
  odd.define("def forward(self, x):\n    return torch.gelu(x)\n");
  odd.save(folder.file("odd.pt"));
  const auto named = refused(folder.file("odd.pt"), "1,3,32,32");
  CHECK(named.code == 4);
  CHECK(has(named.err, "aten::gelu"));
}
