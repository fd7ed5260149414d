// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>

#include "hwprof/error.hpp"
#include "hwprof/prim.hpp"
#include "prim_samples.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;

namespace {

/// The module that nnabla-nas' SNPE page shows.
constexpr const char* documented =
    "Conv[in_channels=192,out_channels=192,kernel=[5,5],stride=[1,1],pad=[2,2],dilation=None,base_axis=1,group=192,"
    "with_bias=False,fix_parameters=False,channel_last=False][[1,192,16,16]]";

std::string conv(const std::string& pad, const std::string& dilation, const std::string& fixed) {
  return "Conv[in_channels=16,out_channels=48,kernel=[1,1],stride=[1,1],pad=" + pad + ",dilation=" + dilation +
         ",base_axis=1,group=1,with_bias=False,fix_parameters=" + fixed + ",channel_last=False][[1,16,16,16]]";
}

}  // namespace

TEST_CASE("the documented module is a depthwise convolution") {
  const Prim prim = parse_module_uid(documented);
  CHECK(prim ==
        normalized({"conv", 16, 192, 192, 1, true, {{"kernel_size", std::int64_t{5}}, {"groups", std::int64_t{192}}}}));
  std::string canonical = documented;
  canonical.replace(canonical.find("dilation=None"), 13, "dilation=[1,1]");
  CHECK(to_module_uid(prim) == canonical);
  CHECK(to_module_uid(parse_prim("dw_conv:16x192x192s1:kernel_size=5")) == canonical);
  CHECK(parse_module_uid("DwConv(in_channels=192, kernel=(5, 5), stride=(1, 1), pad=(2, 2), dilation=None, "
                         "multiplier=1, base_axis=1, with_bias=False, fix_parameters=False)((1, 192, 16, 16))") ==
        prim);
}

TEST_CASE("texts that differ in what costs nothing are one primitive") {
  const Prim one = parse_module_uid(conv("None", "None", "False"));
  for (const char* pad : {"None", "[0,0]"})
    for (const char* dilation : {"None", "[1,1]"})
      for (const char* fixed : {"False", "True"}) CHECK(parse_module_uid(conv(pad, dilation, fixed)) == one);
  CHECK(parse_module_uid(conv("[1,1]", "None", "False")) != one);
  CHECK(parse_module_uid(conv("None", "[2,2]", "False")) != one);
  CHECK(
      parse_module_uid(
          "BatchNormalization[n_features=32,fix_parameters=False,eps=1e-05,decay_rate=0.9][[1,32,16,16]]") ==
      parse_module_uid("BatchNormalization[n_features=32,fix_parameters=True,eps=0.001,decay_rate=0.5][[1,32,16,16]]"));
  CHECK(parse_module_uid(
            "BatchNormalization[n_features=32,fix_parameters=False,eps=1e-05,decay_rate=0.9][[1,32,16,16]]") ==
        normalized({"batch_norm", 16, 32, 32, 1, true, {}}));
  CHECK(parse_module_uid("ReLU6[][[1,32,16,16]]") == normalized({"relu6", 16, 32, 32, 1, true, {}}));
}

TEST_CASE("every primitive type has a name that reads back") {
  int converted = 0;
  for (const auto& prim : sample_prims()) {
    const std::string text = to_module_uid(prim);
    CAPTURE(text);
    const Prim again = parse_module_uid(text);
    CHECK(to_module_uid(again) == text);
    if (prim.prim_type == "dw_conv" || prim.prim_type == "conv_1x1" || prim.prim_type == "conv_3x3")
      ++converted;
    else if (prim.affine || prim.prim_type == "batch_norm")
      CHECK(again == prim);
    CHECK(text.find(' ') == std::string::npos);
  }
  CHECK(converted > 0);
}

TEST_CASE("a class that is not known keeps its fields and its shapes") {
  const std::string text = "Fancy[C_out=8,stride=1,affine=True,kernel=[1,7],mode=fast,rate=0.5][[2,8,4,6],[2,8,4,6]]";
  const Prim prim = parse_module_uid(text);
  CHECK(prim.prim_type == "Fancy");
  CHECK(prim.attrs.at("kernel") == Attr(std::string("[1,7]")));
  CHECK(prim.attrs.at("rate") == Attr(0.5));
  CHECK(to_module_uid(prim) == text);
  CHECK(to_module_uid(parse_prim(to_string(prim))) == text);  // also through a table's key
  const Prim wide = parse_module_uid(
      "Conv[in_channels=8,out_channels=8,kernel=[1,7],stride=[1,1],pad=[0,3],dilation=None,base_axis=1,group=1,"
      "with_bias=False,fix_parameters=False,channel_last=False][[1,8,4,4]]");
  CHECK(wide.prim_type == "Conv");
  CHECK(wide.attrs.at("pad") == Attr(std::string("[0,3]")));
}

TEST_CASE("what is no module is refused with its column") {
  const auto refused = [](const std::string& text) {
    return error_of(Fault::input, [&] { (void)parse_module_uid(text); });
  };
  CHECK(has(refused(""), "column 1"));
  CHECK(has(refused("ReLU"), "'[' is expected"));
  CHECK(has(refused("ReLU["), "not closed"));
  CHECK(has(refused("ReLU[][[1,2]"), "column 7"));
  CHECK(has(refused("ReLU[][]"), "shape of an input"));
  CHECK(has(refused("ReLU[][[1]]"), "shape"));
  CHECK(has(refused("ReLU[][[1,0,4,4]]"), "positive"));
  CHECK(has(refused("ReLU[][[1,99999999999999999999,4,4]]"), "positive"));
  CHECK(has(refused("ReLU[][[1,8,4,4]]x"), "the end"));
  CHECK(has(refused("Conv[kernel][[1,8,4,4]]"), "field=value"));
  CHECK(has(refused("A[k=1,k=2][[1,8,4,4]]"), "given twice"));
  CHECK(has(refused("A[k=\x01][[1,8,4,4]]"), "control"));
  CHECK(has(refused(std::string(100000, '[')), "column 1"));
  Prim prim = parse_prim("relu:4x8x8s1");
  prim.prim_type = "Mine";
  prim.attrs["note"] = std::string("a,b=c");
  CHECK(has(error_of(Fault::input, [&] { (void)to_module_uid(prim); }), "note"));
}
