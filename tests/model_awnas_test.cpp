// SPDX-License-Identifier: Apache-2.0
// aw_nas' pickled models by way of scripts/export_awnas_pickle.py, and the JSON that it writes.
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/files.hpp"
#include "base/subprocess.hpp"
#include "hwprof/model.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;
using nlohmann::json;

namespace {

const std::string script = std::string(HWPROF_SOURCE_DIR) + "/scripts/export_awnas_pickle.py";

/// Writes pickles whose layout is that of NumPy's and scikit-learn's objects, with neither at hand: classes of their
/// names, reduced as theirs are. kind.pkl for each case below; argv: the folder and the protocol.
const std::string pickler = R"(
import collections, os, pickle, struct, sys, types

def module(name):
    out = types.ModuleType(name)
    sys.modules[name] = out
    return out

numpy = module("numpy"); module("numpy.core"); multiarray = module("numpy.core.multiarray")
sklearn = module("sklearn"); linear = module("sklearn.linear_model"); base = module("sklearn.linear_model._base")
evil = module("evil")

def into(mod, name):
    def place(thing):
        thing.__module__ = mod.__name__
        thing.__qualname__ = thing.__name__ = name
        setattr(mod, name, thing)
        return thing
    return place

@into(numpy, "dtype")
class dtype:
    def __init__(self, *args): pass
    def __setstate__(self, state): pass
    def __reduce__(self): return (dtype, ("f8", False, True), (3, "<", None, None, None, -1, -1, 0))

@into(multiarray, "scalar")
def scalar(*args): pass
@into(multiarray, "_reconstruct")
def reconstruct(*args): return object.__new__(ndarray)

@into(numpy, "ndarray")
class ndarray:
    def __init__(self, *values): self.values = values
    def __setstate__(self, state): pass
    def __reduce__(self):
        data = struct.pack("<%dd" % len(self.values), *self.values)
        return (reconstruct, (ndarray, (0,), b"b"), (1, (len(self.values),), dtype(), False, data))

class float64:
    def __init__(self, value): self.value = value
    def __reduce__(self): return (scalar, (dtype(), struct.pack("<d", self.value)))

@into(base, "LinearRegression")
class LinearRegression:
    pass
@into(base, "MLPRegressor")
class MLPRegressor:
    pass
@into(evil, "system")
def system(*args): open(os.path.join(sys.argv[1], "harm"), "w")
class Evil:
    def __reduce__(self): return (system, ("anything",))

stem = dict(prim_type="conv_3x3", spatial_size=224, C=3, C_out=16, stride=2, affine=True)
block = dict(prim_type="mobilenet_v3_block", spatial_size=112, C=16, C_out=24, stride=2, affine=True,
             activation="relu", expansion=4, kernel_size=5, use_se=False)
table = [(stem, float64(0.5)), (block, float64(1.25))]
model = LinearRegression()
model.__dict__.update(fit_intercept=True, normalize=False, n_features_in_=1, coef_=ndarray(0.98),
                      intercept_=float64(-0.03), rank_=1, singular_=ndarray(3.0))
two = LinearRegression()
two.__dict__.update(coef_=ndarray(0.98, 0.1), intercept_=float64(0))
cases = dict(table={"table": table}, regression={"table": table, "model": model},
             two={"table": table, "model": two}, mlp={"table": table, "model": MLPRegressor()},
             evil={"table": [Evil()]}, nan={"table": [(stem, float64(float("nan")))]}, empty={"table": []},
             listed=table, extra={"table": table, "lookup": 1}, ordered=collections.OrderedDict(table=table))
for name, content in cases.items():
    with open(os.path.join(sys.argv[1], name + ".pkl"), "wb") as file:
        pickle.dump(content, file, protocol=int(sys.argv[2]))
)";

struct Python {
  TempFolder folder;
  std::string program;

  Python() {
    const auto found = base::find_program("python3");
    if (found) program = *found;
  }
  [[nodiscard]] bool missing() const {
    if (program.empty()) MESSAGE("skipped: no python3 on this machine");
    return program.empty();
  }
  [[nodiscard]] base::CommandResult run(const std::vector<std::string>& arguments) const {
    base::Command command;
    command.argv = {program};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    command.timeout_s = 60;
    return base::run_command(command);
  }
  void make_pickles(int protocol) const {
    const auto made = run({folder.write("make.py", pickler), folder.path(), std::to_string(protocol)});
    REQUIRE_MESSAGE(made.good(), made.errors);
  }
  [[nodiscard]] base::CommandResult convert(const std::string& name) const {
    return run({script, folder.file(name + ".pkl"), folder.file(name + ".json")});
  }
  std::string refusal(const std::string& name) const {
    const auto result = convert(name);
    CHECK(result.exit_status == 1);
    CHECK_FALSE(base::exists(folder.file(name + ".json")));
    return result.errors;
  }
};

const Prim stem = parse_prim("conv_3x3:224x3x16s2");
const Prim block = parse_prim("mobilenet_v3_block:112x16x24s2:activation=relu:expansion=4:kernel_size=5:use_se=0");

}  // namespace

TEST_CASE("pickled tables and regressions become models") {
  const Python python;
  if (python.missing()) return;
  for (const int protocol : {2, 3, 4}) {
    CAPTURE(protocol);
    python.make_pickles(protocol);
    for (const char* name : {"table", "ordered"}) {
      const auto converted = python.convert(name);
      REQUIRE_MESSAGE(converted.good(), converted.errors);
      const Model table = load_model(python.folder.file(std::string(name) + ".json"));
      CHECK(table.kind() == "table");
      CHECK(table.metric() == Metric::latency);
      CHECK(table.known().size() == 2);
      CHECK(table.predict({stem, block, block}) == Approx(3.0e-3));
    }
    const auto converted = python.convert("regression");
    REQUIRE_MESSAGE(converted.good(), converted.errors);
    const Model linear = load_model(python.folder.file("regression.json"));
    CHECK(linear.kind() == "linear");
    CHECK(linear.predict({stem, block}) == Approx(0.98 * 1.75e-3 - 0.03e-3));
    CHECK(linear.summary().coefficients.at("scale") == 0.98);
    // It is a model like any other.
    save_model(python.folder.file("own.json"), linear);
    CHECK(load_model(python.folder.file("own.json")).predict({stem, block}) == linear.predict({stem, block}));
  }
}

TEST_CASE("what a pickle should not hold is refused, and none of it is run") {
  const Python python;
  if (python.missing()) return;
  python.make_pickles(4);
  CHECK(has(python.refusal("evil"), "evil.system"));
  CHECK_FALSE(base::exists(python.folder.file("harm")));
  CHECK(has(python.refusal("mlp"), "MLPRegressor"));
  CHECK(has(python.refusal("two"), "coef_"));
  CHECK(has(python.refusal("nan"), "not a finite number"));
  CHECK(has(python.refusal("empty"), "'table'"));
  CHECK(has(python.refusal("listed"), "a dictionary with 'table'"));
  CHECK(has(python.refusal("extra"), "lookup"));
  const std::string whole = base::read_file(python.folder.file("regression.pkl"));
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    python.folder.write("cut.pkl", whole.substr(0, size));
    CHECK(has(python.refusal("cut"), "cut.pkl"));
  }
  CHECK(has(python.refusal("absent"), "absent.pkl"));
}

TEST_CASE("the exported JSON is read strictly") {
  const json good = json::parse(R"({"schema": "hwprof.awnas_model/1", "kind": "regression", "perf_name": "energy",
    "coefficient": 2, "intercept": 1, "table": [{"prim": {"prim_type": "conv_3x3", "spatial_size": 224, "C": 3,
    "C_out": 16, "stride": 2, "affine": true}, "value": 3}]})");
  const TempFolder folder;
  const Model model = load_model(folder.write("m.json", good.dump()));
  CHECK(model.metric() == Metric::energy);
  CHECK(model.predict({stem}) == Approx(2 * 3e-3 + 1e-3));  // mJ
  const auto refusal = [&](auto change) {
    json content = good;
    change(content);
    const std::string file = folder.write("bad.json", content.dump());
    const std::string what = error_of(Fault::input, [&] { (void)load_model(file); });
    CHECK(has(what, "bad.json"));
    return what;
  };
  CHECK(has(refusal([](json& m) { m["schema"] = "hwprof.awnas_model/2"; }), "hwprof.awnas_model/1"));
  CHECK(has(refusal([](json& m) { m["kind"] = "lstm"; }), "table or regression"));
  CHECK(has(refusal([](json& m) { m["perf_name"] = "power"; }), "unknown metric"));
  CHECK(has(refusal([](json& m) { m.erase("coefficient"); }), "coefficient"));
  CHECK(has(refusal([](json& m) { m["table"][0]["value"] = -1; }), "value"));
  CHECK(has(refusal([](json& m) { m["table"][0]["prim"]["prim_type"] = "conv_3x4"; }), "conv_3x3"));
  CHECK(has(refusal([](json& m) { m["table"][0]["prim"]["spatial_size"] = 1e9; }), "spatial_size"));
  CHECK(has(refusal([](json& m) { m["table"].push_back(m["table"][0]); }), "stands twice"));
  CHECK(has(refusal([](json& m) { m["table"] = json::array(); }), "empty"));
  CHECK(has(refusal([](json& m) { m["unit"] = "ms"; }), "unknown key"));
}
