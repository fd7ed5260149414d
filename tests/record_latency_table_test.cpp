// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "base/files.hpp"
#include "hwprof/error.hpp"
#include "hwprof/latency_table.hpp"
#include "hwprof/model.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
namespace fs = std::filesystem;
namespace base = hwprof::base;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

const std::string module =
    "Conv[in_channels=192,out_channels=192,kernel=[5,5],stride=[1,1],pad=[2,2],dilation=None,base_axis=1,group=192,"
    "with_bias=False,fix_parameters=False,channel_last=False][[1,192,16,16]]";

/// The nine rows that nnabla-nas' page on SNPE shows.
std::string nine_rows() {
  std::string text;
  for (const auto* rest :
       {"Forward Propagate,Min_Time,595", "Forward Propagate,Avg_Time,672", "Forward Propagate,Max_Time,783",
        "Total Inference Time,Min_Time,623", "Total Inference Time,Avg_Time,700", "Total Inference Time,Max_Time,812",
        "Layers Time,Min_Time,37.0", "Layers Time,Avg_Time,37.0", "Layers Time,Max_Time,38.0"})
    text += "\"" + module + "\",GPU," + rest + "\n";
  return text;
}

std::string stats(int least, int mean, int most) {
  return R"({"Avg_Time": )" + std::to_string(mean) + R"(, "Max_Time": )" + std::to_string(most) + R"(, "Min_Time": )" +
         std::to_string(least) + R"(, "Runtime": "GPU"})";
}

std::string results(const std::string& runtimes, const std::string& data) {
  return R"({"Devices": "PHONE", "Date": "2020-03-20 12:00:00", "ro.product.model": "J9110", "SNPE SDK version:": "1.33.1", )"
         R"("Runtimes": ")" +
         runtimes + R"(", "Execution_Data": {)" + data + "}}";
}

std::string gpu_data() {
  return R"("GPU": {"Forward Propagate": )" + stats(595, 672, 783) + R"(, "Total Inference Time": )" +
         stats(623, 700, 812) + R"x(, "layer_000 (Name:x0 Type:data)": )x" + stats(5, 6, 9) +
         R"x(, "layer_001 (Name:conv, \"a\" (b) Type:c Type:convolutional)": )x" + stats(30, 30, 31) +
         R"x(, "layer_002 (Name:y Type:neuron)": )x" + stats(7, 7, 7) + "}";
}

}  // namespace

TEST_CASE("the documented rows come back byte for byte, from CSV and through JSON") {
  const TempFolder folder;
  const std::string csv = folder.write("table.csv", nine_rows());
  const auto table = load_latency_table(csv);
  REQUIRE(table.rows.size() == 1);
  CHECK(table.rows[0].uid == module);
  CHECK(table.rows[0].runtime == "GPU");
  CHECK(table.rows[0].forward->min_us == 595);
  CHECK(table.rows[0].total->avg_us == 700);
  CHECK(table.rows[0].layers->max_us == 38);
  const auto files = save_latency_table(folder.file("again"), table);
  CHECK(base::read_file(folder.file("again.csv")) == nine_rows());
  save_latency_table(folder.file("third"), load_latency_table(folder.file("again.json")));
  CHECK(base::read_file(folder.file("third.csv")) == nine_rows());
  CHECK(base::read_file(folder.file("third.json")) == base::read_file(folder.file("again.json")));
  CHECK(files.size() == 3);
  CHECK(has(base::read_file(folder.file("again.json")), "\"Avg_Time\": 37.0"));
  CHECK(has(base::read_file(folder.file("again.json")), "\"Avg_Time\": 672,"));
  std::string python = nine_rows();  // whose csv module ends lines so
  for (std::size_t at = 0; (at = python.find('\n', at)) != std::string::npos; at += 2) python.insert(at, "\r");
  const auto returned = load_latency_table(folder.write("python.csv", python));
  CHECK(returned.rows[0].layers->avg_us == 37);
  save_latency_table(folder.file("returned"), returned);
  CHECK(base::read_file(folder.file("returned.csv")) == python);
  // Of CSV and .meta apart, and by the first line where a file has both.
  for (const std::string meta : {"key:value\r\nother:1\r\n", "key:value\nother:1\n"})
    for (const std::string& rows : {python, nine_rows()}) {
      folder.write("ends.meta", meta);
      save_latency_table(folder.file("kept"), load_latency_table(folder.write("ends.csv", rows)));
      CHECK(base::read_file(folder.file("kept.csv")) == rows);
      CHECK(base::read_file(folder.file("kept.meta")) == meta);
    }
  folder.write("mixed.meta", "key:value\nother:1\r\n");
  save_latency_table(folder.file("kept"), load_latency_table(folder.write("mixed.csv", python)));
  CHECK(base::read_file(folder.file("kept.meta")) == "key:value\nother:1\n");
  folder.write("odd.meta", "no pair\n");
  const std::string odd = folder.write("odd.csv", nine_rows());
  CHECK(has(error_of(Fault::input, [&] { (void)load_latency_table(odd); }), "odd.meta:1: key:value is expected"));
  Notes notes;
  CHECK(load_records(odd, &notes).size() == 1);
  REQUIRE(notes.size() == 1);
  CHECK(has(notes[0], "odd.meta:1"));
  const std::string mark = "\xef\xbb\xbf";
  const auto marked = load_latency_table(folder.write("marked.csv", mark + python));
  CHECK(marked.rows[0].uid == module);
  CHECK(load_records(folder.file("marked.csv"))[0].prims.size() == 1);
  CHECK(
      load_latency_table(folder.write("marked.json", mark + base::read_file(folder.file("again.json")))).rows[0].uid ==
      module);
}

TEST_CASE("results of the phone become the documented rows") {
  const auto parsed = parse_snpe_results(results("GPU", gpu_data()), "r.json");
  REQUIRE(parsed.runs.size() == 1);
  const auto& run = parsed.runs[0];
  CHECK(run.problem.empty());
  REQUIRE(run.layers.size() == 3);
  CHECK(run.layers[0].is_data());
  CHECK(run.layers[1].name == "conv, \"a\" (b) Type:c");
  CHECK(run.layers[1].type == "convolutional");
  CHECK(run.layers_time()->avg_us == 37);
  LatencyTable table;
  CHECK(add_results(table, module, parsed).empty());
  const TempFolder folder;
  save_latency_table(folder.file("t"), table);
  CHECK(base::read_file(folder.file("t.csv")) == nine_rows());
  const std::string layers = base::read_file(folder.file("t.layers.csv"));
  CHECK(has(layers, "GPU,\"conv, \"\"a\"\" (b) Type:c\",convolutional,Avg_Time,30\n"));
  const std::string meta = base::read_file(folder.file("t.meta"));
  CHECK(has(meta, "ro.product.model:J9110\n"));
  CHECK(has(meta, "Date:\"2020-03-20 12:00:00\"\n"));
  CHECK(has(meta, "\"SNPE SDK version:\":1.33.1\n"));
  CHECK(load_latency_table(folder.file("t.csv")).meta == table.meta);
}

TEST_CASE("a runtime that is missing or answers no number has no row, and the others keep theirs") {
  const std::string bad = R"(, "DSP": {"Total Inference Time": {"Min_Time": 1, "Avg_Time": NaN, "Max_Time": 3}})";
  const std::string zero = R"(, "CPU": {"Total Inference Time": )" + stats(0, 0, 0) + "}";
  const auto parsed = parse_snpe_results(results("CPU,GPU,GPU_FP16,DSP", gpu_data() + bad + zero), "r.json");
  REQUIRE(parsed.runs.size() == 4);
  CHECK(has(parsed.runs[0].problem, "is 0"));
  CHECK(parsed.runs[1].problem.empty());
  CHECK(has(parsed.runs[2].problem, "has no 'GPU_FP16'"));
  CHECK(has(parsed.runs[3].problem, "'Avg_Time' is missing or no finite number"));
  LatencyTable table;
  const auto problems = add_results(table, "net", parsed);
  CHECK(problems.size() == 3);
  REQUIRE(table.rows.size() == 1);
  CHECK(table.rows[0].runtime == "GPU");
  const auto negative =
      parse_snpe_results(results("GPU", R"("GPU": {"Total Inference Time": )" + stats(-1, 2, 3) + "}"), "r.json");
  CHECK(has(negative.runs[0].problem, "Min_Time"));
  const auto empty = parse_snpe_results(results("GPU", R"("GPU": {})"), "r.json");
  CHECK(has(empty.runs[0].problem, "neither"));
  CHECK_FALSE(empty.runs[0].layers_time());
}

TEST_CASE("what is no results file is refused with its place") {
  const std::string whole = results("GPU", gpu_data());
  for (const std::size_t cut : {std::size_t{0}, whole.size() / 3, whole.size() / 2, whole.size() - 1})
    CHECK(has(error_of(Fault::input, [&] { (void)parse_snpe_results(whole.substr(0, cut), "r.json"); }), "r.json"));
  CHECK(has(error_of(Fault::input, [] { (void)parse_snpe_results("{}", "r.json"); }), "Execution_Data"));
  CHECK(has(error_of(Fault::input, [] { (void)parse_snpe_results(results(" , ", ""), "r.json"); }), "no runtime"));
  CHECK(has(
      error_of(Fault::input, [] { (void)parse_snpe_results(R"({"Runtimes": 3, "Execution_Data": {}})", "r.json"); }),
      "a text is expected"));
}

TEST_CASE("tables are recognised by content and become records") {
  const TempFolder folder;
  const std::string file = folder.write("some.txt", nine_rows());
  const auto records = load_records(file);
  REQUIRE(records.size() == 1);
  CHECK(records[0].from.device == "snpe:GPU");
  CHECK(records[0].overall.at(Metric::latency).value == doctest::Approx(700e-6));
  CHECK(records[0].overhead.at(Metric::latency).value == doctest::Approx(663e-6));
  REQUIRE(records[0].prims.size() == 1);
  CHECK(records[0].prims[0].prim == parse_module_uid(module));
  CHECK(records[0].prims[0].perf.at(Metric::latency).value == doctest::Approx(37e-6));

  save_latency_table(folder.file("t"), load_latency_table(file));
  CHECK(load_records(folder.file("t.json"))[0].prims[0].prim == records[0].prims[0].prim);
  folder.write("t.meta", "latency_key:forward\n");  // as ours have it
  const auto forward = load_records(folder.file("t.json"));
  CHECK(forward[0].overall.at(Metric::latency).value == doctest::Approx(672e-6));
  CHECK(forward[0].overhead.at(Metric::latency).value == doctest::Approx(635e-6));
  const auto bench = load_records(folder.write("bench.json", results("GPU", gpu_data())));
  REQUIRE(bench.size() == 1);
  CHECK(bench[0].net_id == "bench");
  CHECK(bench[0].nodes.size() == 3);
  CHECK(bench[0].prims.empty());
}

TEST_CASE("nnabla's own tables are in milliseconds") {
  const TempFolder folder;
  const std::string relu = "ReLU6[][[1,32,16,16]]";
  const std::string csv =
      folder.write("t.csv", "\"" + relu + "\",cudnn:float,0.010152\n\"" + relu + "\",cpu:float,0.5\n");
  const auto records = load_records(csv);
  REQUIRE(records.size() == 2);
  CHECK(records[0].from.device == "nnabla:cudnn:float");
  CHECK(records[0].prims[0].perf.at(Metric::latency).value == doctest::Approx(10.152e-6));
  save_latency_table(folder.file("again"), load_latency_table(csv));
  CHECK(base::read_file(folder.file("again.csv")) == base::read_file(csv));
  const auto json =
      load_records(folder.write("t.json", "{\"" + relu + "\": {\"cudnn:float\": 0.010152, \"cpu:float\": 0.5}}"));
  REQUIRE(json.size() == 2);
  CHECK(json[1].prims[0].perf.at(Metric::latency).value == doctest::Approx(0.5e-3));
  CHECK(load_records(folder.write("quotes.json", R"({"Foo[x=\"a\\\\\"][[1,3,4,4]]": {"cpu:float": 0.5}})")).size() ==
        1);
  FitOptions options;
  options.kind = "table";
  CHECK(fit({records[0]}, options).predict({parse_module_uid(relu), parse_module_uid(relu)}) ==
        doctest::Approx(2 * 10.152e-6));
}

TEST_CASE("rows that do not fit are refused with their line") {
  const TempFolder folder;
  const auto refused = [&folder](const std::string& text) {
    const std::string file = folder.write("bad.csv", text);
    return error_of(Fault::input, [&] { (void)load_latency_table(file); });
  };
  const std::string good = "a[][[2]],GPU,Total Inference Time,";
  const std::string three = good + "Min_Time,1\n" + good + "Avg_Time,2\n" + good + "Max_Time,3\n";
  CHECK(has(refused(three + "a,b\n"), ":4: 5 cells"));
  CHECK(has(refused(three + good + "Avg_Time,2\n"), ":4: Avg_Time of Total Inference Time is given twice"));
  CHECK(has(refused(good + "Avg_Time,2\n"), "lacks one"));
  CHECK(has(refused(three + "b[][[2]],GPU,Total Inference Time,Avg_Time,nan\n"), ":4: a number"));
  CHECK(has(refused(three + "b[][[2]],GPU,Total Inference Time,Avg_Time,-1\n"), ":4: a number"));
  CHECK(has(refused(three + "b[][[2]],GPU,Total Time,Avg_Time,1\n"), ":4: unknown key"));
  CHECK(has(refused(three + "b[][[2]],GPU,Total Inference Time,Med_Time,1\n"), ":4: unknown statistic"));
  CHECK(has(refused(three + "\"b[][[2]]\n"), ":4: a double quote"));
  CHECK(has(refused("x,GPU,0.5,7\n"), "no latency table"));
  CHECK(has(refused("r[][[2]],cpu,1\nr[][[2]],cpu,2\n"), "given twice"));
}

TEST_CASE("a module that has only the time of a whole run is no entry of a table") {
  const TempFolder folder;
  const std::string good = "\"ReLU[][[1,2,4,4]]\",GPU,Total Inference Time,";
  Notes notes;
  const auto records = load_records(
      folder.write("t.csv", good + "Min_Time,1\n" + good + "Avg_Time,2\n" + good + "Max_Time,3\n"), &notes);
  REQUIRE(records.size() == 1);
  CHECK(records[0].prims[0].perf.empty());
  REQUIRE(notes.size() == 1);
  CHECK(has(notes[0], "no Layers Time"));
}

TEST_CASE("what is no time or not known is noted and left out, and the rest of the file counts") {
  const TempFolder folder;
  const std::string relu = "\"ReLU6[][[1,32,16,16]]\",GPU,";
  const auto three = [&relu](const std::string& key, const std::string& mean) {
    return relu + key + ",Min_Time,1\n" + relu + key + ",Avg_Time," + mean + "\n" + relu + key + ",Max_Time,3\n";
  };
  const std::string csv =
      folder.write("t.csv", three("Total Inference Time", "nan") + three("Overhead", "2") +
                                three("Layers Time", "2.0") + relu + "Layers Time,Std_Time,1\n" + nine_rows());
  Notes notes;
  const auto table = load_latency_table(csv, &notes);
  REQUIRE(table.rows.size() >= 2);
  CHECK_FALSE(table.rows[0].total);
  CHECK(table.rows[0].layers->avg_us == 2);
  CHECK(table.rows[1].total->avg_us == 700);
  REQUIRE(notes.size() == 5);
  CHECK(has(notes[0], "t.csv:2: a number from 0 to 1e15 is expected, found 'nan'"));
  CHECK(has(notes[1], "t.csv:4: unknown key 'Overhead'"));
  CHECK(has(notes[4], "unknown statistic 'Std_Time'"));
  CHECK(has(error_of(Fault::input, [&] { (void)load_latency_table(csv); }), "t.csv:2"));
  notes.clear();
  const auto json = load_latency_table(
      folder.write("t.json", R"({"ReLU6[][[1,32,16,16]]": {"cpu:float": NaN, "cudnn:float": 0.010152, "GPU": {
        "Overhead": {"Min_Time": 1, "Avg_Time": 2, "Max_Time": 3},
        "Layers Time": {"Min_Time": 1, "Avg_Time": 2, "Max_Time": 3},
        "Total Inference Time": {"Min_Time": 1, "Avg_Time": NaN, "Max_Time": 3}}}})"),
      &notes);
  REQUIRE(json.rows.size() == 2);
  CHECK(json.rows[0].latency_ms == 0.010152);
  CHECK(json.rows[1].layers->avg_us == 2);
  CHECK_FALSE(json.rows[1].total);
  CHECK(notes.size() == 3);
  notes.clear();
  const std::string own = "\"ReLU6[][[1,32,16,16]]\",cpu:float,";
  CHECK(load_latency_table(folder.write("o.csv", own + "\n\"ReLU6[][[1,8,16,16]]\",cpu:float,0.5\n"), &notes)
            .rows.size() == 1);
  CHECK(notes.size() == 1);
}

TEST_CASE("a Layers Time of 0, which nnabla-nas writes without layers, is missing and no cost") {
  const TempFolder folder;
  std::string text = nine_rows();
  for (const char* time : {"37.0", "37.0", "38.0"}) text.replace(text.find(time), 4, "0.0");
  const std::string csv = folder.write("t.csv", text);
  Notes notes;
  const auto records = load_records(csv, &notes);
  REQUIRE(records.size() == 1);
  CHECK(records[0].prims[0].perf.empty());
  CHECK(records[0].overhead.empty());
  CHECK(records[0].overall.at(Metric::latency).value == doctest::Approx(700e-6));
  REQUIRE(notes.size() == 1);
  CHECK(has(notes[0], "Layers Time is 0"));
  save_latency_table(folder.file("again"), load_latency_table(csv));
  CHECK(base::read_file(folder.file("again.csv")) == text);

  // The phone's own results: the input's layer alone, or layers that took no time.
  LatencyTable table;
  const std::string total = R"("GPU": {"Total Inference Time": )" + stats(623, 700, 812);
  const std::string input = R"x(, "layer_000 (Name:x0 Type:data)_1": )x" + stats(5, 6, 9);
  const std::string idle = R"x(, "layer_001 (Name:c Type:convolutional)": )x" + stats(0, 0, 0);
  CHECK(add_results(table, "input alone", parse_snpe_results(results("GPU", total + input + "}"), "r.json")).empty());
  const auto problems =
      add_results(table, "idle", parse_snpe_results(results("GPU", total + input + idle + "}"), "r.json"));
  REQUIRE(problems.size() == 1);
  CHECK(has(problems[0], "the layers take no time"));
  REQUIRE(table.rows.size() == 2);
  CHECK(table.rows[0].per_layer[0].is_data());
  CHECK_FALSE(table.rows[0].layers);
  CHECK_FALSE(table.rows[1].layers);
}

TEST_CASE("the folder that nas_snpe_bench leaves becomes a table keyed by its folders") {
  const TempFolder folder;
  const auto put = [&folder](const std::string& uid, const std::string& name, const std::string& text) {
    folder.write("space/" + uid + "/latest_results/" + name, text);
  };
  const std::string relu = "ReLU6[][[1,32,16,16]]";
  put(module, "benchmark_stats_SampleNet.json", results("GPU", gpu_data()));
  put(module, "benchmark_stats_SampleNet.csv", "not used");
  put(relu, "a.json", results("GPU,DSP", gpu_data()));
  put("BatchNormalization[n_features=32][[1,32,16,16]]", "a.json", "{\"Runtimes\":");
  put("Tanh[][[1,2]]", "a.json", results("GPU", gpu_data()));
  put("Tanh[][[1,2]]", "b.json", results("GPU", gpu_data()));
  folder.write("space/notes.txt", "mine");
  REQUIRE(is_bench_folder(folder.file("space")));
  CHECK_FALSE(is_bench_folder(folder.file("space/" + relu)));
  folder.write("own/raw/bench-0/latest_results/x.json", results("GPU", gpu_data()));
  folder.write("own/raw/config-0.json", "{}");
  CHECK_FALSE(is_bench_folder(folder.file("own/raw")));
  fs::remove_all(folder.file("own"));
  Notes notes;
  const auto table = load_bench_folder(folder.file("space"), notes);
  REQUIRE(table.rows.size() == 2);
  CHECK(table.rows[0].uid == module);
  CHECK(table.rows[0].layers->avg_us == 37);
  CHECK(table.rows[1].uid == relu);
  CHECK(notes.size() == 4);
  Notes read;
  const auto records = load_records(folder.file("space"), &read);
  REQUIRE(records.size() == 2);
  CHECK(records[0].prims[0].prim == parse_module_uid(module));
  CHECK(records[0].prims[0].perf.at(Metric::latency).value == doctest::Approx(37e-6));
  CHECK(load_records(folder.path()).size() == 2);
  folder.write("none/a/latest_results/x.json", "{");
  CHECK(has(error_of(Fault::input, [&] { (void)load_bench_folder(folder.file("none"), notes); }), "holds no results"));
}
