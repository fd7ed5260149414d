// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>

#include "hwprof/error.hpp"
#include "hwprof/prim.hpp"

using namespace hwprof;

namespace {

std::string message(const Prim& prim) {
  try {
    (void)normalized(prim);
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::input);
    return error.what();
  }
  return "accepted";
}

Prim v2(std::map<std::string, Attr> attrs) {
  return {"mobilenet_v2_block", 8, 8, 8, 1, true, std::move(attrs)};
}

}  // namespace

TEST_CASE("normalising fills defaults and brings values into their kind") {
  const Prim prim =
      normalized(v2({{"expansion", std::int64_t{6}}, {"kernel_size", 3.0}, {"use_se", std::string("None")}}));
  CHECK(std::get<double>(prim.attrs.at("expansion")) == 6);
  CHECK(std::get<std::int64_t>(prim.attrs.at("kernel_size")) == 3);
  CHECK(std::get<std::string>(prim.attrs.at("activation")) == "relu");
  CHECK(prim.attrs.size() == 3);
  const Prim v3 =
      normalized(parse_prim("mobilenet_v3_block:8x8x8s1:activation=relu:expansion=6:kernel_size=3:use_se=1"));
  CHECK(std::get<bool>(v3.attrs.at("use_se")));
  CHECK(std::get<std::int64_t>(normalized({"se_module", 8, 8, 8, 1, true, {}}).attrs.at("reduction")) == 4);
  CHECK(normalized(prim) == prim);
}

TEST_CASE("what does not fit its type is refused") {
  CHECK(message({"mobilenet_v2_blok", 8, 8, 8, 1, true, {}}).find("did you mean mobilenet_v2_block") !=
        std::string::npos);
  CHECK(message(v2({{"kernel_size", std::int64_t{3}}})).find("needs the attribute 'expansion'") != std::string::npos);
  CHECK(message(v2({{"expansion", 6.0}, {"kernel_size", std::int64_t{3}}, {"use_se", false}}))
            .find("takes no attribute 'use_se'") != std::string::npos);
  CHECK(
      message(v2({{"expansion", 6.0}, {"kernel_size", 3.5}})).find("'kernel_size' must be a whole number, found 3.5") !=
      std::string::npos);
  CHECK(message(v2({{"expansion", 6.0}, {"kernel_size", 1e300}})).find("whole number") != std::string::npos);
  CHECK(message(v2({{"expansion", std::string("6")}, {"kernel_size", std::int64_t{3}}}))
            .find("'expansion' must be a number") != std::string::npos);
  CHECK(message(v2({{"expansion", std::numeric_limits<double>::quiet_NaN()}, {"kernel_size", std::int64_t{3}}}))
            .find("finite") != std::string::npos);
  CHECK(message({"relu", 0, 8, 8, 1, true, {}}).find("spatial_size must be within 1 to 65536, found 0") !=
        std::string::npos);
  CHECK(message({"relu", 8, -1, 8, 1, true, {}}).find("C must be within") != std::string::npos);
  CHECK(message({"relu", 8, 8, 2000000, 1, true, {}}).find("C_out must be within 1 to 1048576") != std::string::npos);
  CHECK(message({"relu", 8, 8, 8, 0, true, {}}).find("stride must be within 1 to 64") != std::string::npos);
}

TEST_CASE("types can be declared and replaced, bad declarations not") {
  declare_prim_type({"my_block", {{"width", AttrKind::integer, Attr(4.0), {}}}});
  CHECK(std::get<std::int64_t>(normalized({"my_block", 8, 8, 8, 1, true, {}}).attrs.at("width")) == 4);
  declare_prim_type({"my_block", {}});
  CHECK(find_prim_type("my_block").attrs.empty());
  const auto names = list_prim_types();
  CHECK(std::is_sorted(names.begin(), names.end()));
  CHECK(std::count(names.begin(), names.end(), "my_block") == 1);
  CHECK_THROWS_AS(declare_prim_type({"", {}}), Error);
  CHECK_THROWS_AS(declare_prim_type({"bad", {{"stride", AttrKind::integer, {}, {}}}}), Error);
  CHECK_THROWS_AS(declare_prim_type({"bad", {{"a", AttrKind::integer, {}, {}}, {"a", AttrKind::real, {}, {}}}}), Error);
  CHECK_THROWS_AS(declare_prim_type({"bad", {{"a", AttrKind::integer, Attr(std::string("x")), {}}}}), Error);
  CHECK_THROWS_AS((void)find_prim_type("bad"), Error);
}
