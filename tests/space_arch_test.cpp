// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <set>

#include "hwprof/space.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;

namespace {

/// A user's space: a width and two kernels, the second used only at width 32.
class UserSpace : public MixinProfilingSearchSpace {
 public:
  [[nodiscard]] std::vector<Decision> decisions() const override {
    return {{"width", {"8", "16", "32"}}, {"kernel", {"3", "5"}}, {"second", {"3", "5", "7"}}};
  }
  [[nodiscard]] std::vector<Prim> primitives(const Arch& arch) const override {
    check_arch(*this, arch);
    const int width = 8 << arch[0];
    std::vector<Prim> out{normalized({"conv_3x3", 32, 3, width, 2, true, {}}), block(width, 3 + 2 * arch[1])};
    if (arch[0] == 2) out.push_back(block(width, 3 + 2 * arch[2]));
    return out;
  }

 private:
  static Prim block(int width, int kernel) {
    return normalized(
        {"fused_conv_block",
         16,
         width,
         width,
         1,
         true,
         {{"expansion", std::int64_t{1}}, {"kernel_size", std::int64_t{kernel}}, {"activation", std::string("relu")}}});
  }
};

}  // namespace

TEST_CASE("the defaults of a user's space") {
  const UserSpace space;
  std::set<Prim> wanted;
  for (std::uint16_t width = 0; width < 3; ++width)
    for (std::uint16_t kernel = 0; kernel < 2; ++kernel)
      for (std::uint16_t second = 0; second < 3; ++second)
        for (const auto& prim : space.primitives({width, kernel, second})) wanted.insert(prim);
  const auto found = space.generate_profiling_primitives();
  CHECK(std::set<Prim>(found.begin(), found.end()) == wanted);
  CHECK(found.size() == 3 + 2 + 2 + 3);
  CHECK(std::is_sorted(found.begin(), found.end()));

  const Net net = space.network({2, 1, 0});
  CHECK(net.arch == "2.1.0");
  CHECK(net.image_size == 32);
  CHECK(net.image_channels == 3);
  CHECK(net.layers.size() == 3);
  CHECK(space.network({2, 1, 1}).id != net.id);
  CHECK_NOTHROW(static_cast<void>(lower(net)));
}

TEST_CASE("samples are uniform over each decision, and the same for the same seed") {
  const UserSpace space;
  std::mt19937_64 rng(3), again(3);
  std::vector<std::vector<int>> counts{{0, 0, 0}, {0, 0}, {0, 0, 0}};
  constexpr int draws = 6000;
  for (int i = 0; i < draws; ++i) {
    const Arch arch = space.sample(rng);
    CHECK(arch == space.sample(again));
    for (std::size_t d = 0; d < arch.size(); ++d) ++counts[d][arch[d]];
  }
  for (const auto& decision : counts)
    for (const int count : decision)
      CHECK(count == doctest::Approx(draws / static_cast<double>(decision.size())).epsilon(0.08));
}

TEST_CASE("both texts of an architecture come back") {
  const UserSpace space;
  const Arch arch{2, 1, 0};
  CHECK(to_string(arch) == "2.1.0");
  CHECK(describe(space, arch) == "width=32,kernel=5,second=3");
  CHECK(parse_arch(space, "2.1.0") == arch);
  CHECK(parse_arch(space, "  2.1.0\n") == arch);
  CHECK(parse_arch(space, describe(space, arch)) == arch);
  CHECK(parse_arch(space, "second=3, width = 32, kernel=5") == arch);
}

TEST_CASE("bad architectures are refused with the reason") {
  const UserSpace space;
  const auto refused = [&](const std::string& text) {
    return error_of(Fault::usage, [&] { static_cast<void>(parse_arch(space, text)); });
  };
  CHECK(has(refused(""), "3 decisions"));
  CHECK(has(refused("1.1"), "3 decisions"));
  CHECK(has(refused("1.1.1.1"), "3 decisions"));
  CHECK(has(refused("3.0.0"), "'width' has the options 0 (8), 1 (16), 2 (32), found '3'"));
  CHECK(has(refused("0.-1.0"), "'kernel'"));
  CHECK(has(refused("0.x.0"), "'x'"));
  CHECK(has(refused("0.99999999999999999999.0"), "'kernel'"));
  CHECK(has(refused("width=8,kernel=3"), "'second' is not given"));
  CHECK(has(refused("width=8,kernel=3,second=4"), "no option '4'"));
  CHECK(has(refused("width=8,kernel=3,sekond=3"), "second"));
  CHECK(has(refused("width=8,width=8,kernel=3,second=3"), "twice"));
  CHECK(has(refused("width=8,3,second=3"), "name=option"));
  CHECK(has(error_of(Fault::usage, [&] { check_arch(space, {0, 0}); }), "3 decisions"));
  CHECK(has(error_of(Fault::usage, [&] { check_arch(space, {0, 2, 0}); }), "'kernel'"));
  CHECK(has(error_of(Fault::usage, [&] { static_cast<void>(describe(space, {0, 2, 0})); }), "'kernel'"));
}

TEST_CASE("a model that a space makes of records says of which space it is") {
  const auto space_of = [](int image_size) {
    const auto file = load_space("fbnet", {}, image_size);
    NetRecord record;
    record.net_id = "0";
    for (const auto& prim : file.space->primitives(Arch(22, 0))) {
      record.prims.push_back({prim, {}, false});
      record.prims.back().perf[Metric::latency].value = 1e-3;
    }
    FitOptions options;
    options.kind = "table";
    return file.space->parse_profiling_primitives({record}, options).from().environment.at("space");
  };
  CHECK(space_of(32).size() == 16);
  CHECK(space_of(32) == space_of(32));
  CHECK(space_of(32) != space_of(64));
}
