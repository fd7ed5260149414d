// SPDX-License-Identifier: Apache-2.0
// The whole job with a trainer and a device that are made up.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <new>
#include <set>

#include "base/files.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "fake_compiler.hpp"
#include "hwprof/ssprofile.hpp"
#include "ssprofile/job.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

struct Killed {};  // ends a call as nothing else does, without a chance to tidy up

std::atomic<int> trained{0}, kill_at{-1}, loaded{0};
std::string broken;  // the network that cannot be trained, or "all"
enum class Broken { diverges, file, memory } how = Broken::diverges;

std::uint64_t hash_of(const std::string& text) {
  std::uint64_t hash = 5381;
  for (const char c : text) hash = hash * 33 + static_cast<unsigned char>(c);
  return hash;
}

/// What a network comes to depends on its graph, its seed and the checkpoint that it starts from.
class FakeTrainer : public NetworkTrainer {
 public:
  [[nodiscard]] std::string device() const override { return "fake"; }
  [[nodiscard]] bool parallel() const override { return true; }
  TrainedNet train(const TrainJob& job) override {
    if (trained++ == kill_at) throw Killed();
    if (job.graph.name == broken || broken == "all") {
      if (how == Broken::file) throw Error(Fault::input, job.partial + ": is damaged");
      if (how == Broken::memory) throw std::bad_alloc();
      throw Error(Fault::device, "the loss is no number any more");
    }
    std::string text = job.graph.name + std::to_string(job.seed);
    for (const auto& prefix : job.fresh) text += prefix;
    if (!job.start.empty()) text += base::read_file(job.start);
    base::write_file(job.checkpoint, text);
    TrainedNet out;
    out.images = job.split->validation.size();
    out.right = hash_of(text) % (out.images + 1);
    for (int e = 0; e < job.schedule.epochs; ++e)
      out.curve.push_back({1. / (e + 1), static_cast<double>(out.right) / static_cast<double>(out.images), 0.1, 1});
    job.learned(10);
    return out;
  }
  std::size_t count_right(const Graph&, const Shape&, const std::string& checkpoint, const DataSet&, const ImageSet&,
                          const std::vector<std::uint32_t>& indices) override {
    return hash_of(base::read_file(checkpoint)) % indices.size();
  }
  /// All weights of an op are the number that its network and its checkpoint make.
  Graph with_checkpoint(const Graph& graph, const Shape& input, const std::string& checkpoint) override {
    ++loaded;
    const auto value = static_cast<float>(hash_of(base::read_file(checkpoint)) % 1000);
    Graph out = with_weights(graph, input);
    for (auto& op : out.ops)
      for (auto& weights : op.weights) weights = std::make_shared<std::vector<float>>(weights->size(), value);
    return out;
  }
  ProxyScores score(const Graph& graph, const Shape&, std::uint64_t) override {
    return {static_cast<double>(graph.ops.size()), 1};
  }
};

/// Its files hold weights.
class WeightedCompiler : public hwprof_test::FakeCompiler {
 public:
  using FakeCompiler::FakeCompiler;
  [[nodiscard]] bool takes_weights() const override { return true; }
};

std::string big_endian(std::uint32_t value) {
  std::string out;
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(value >> shift & 0xFF);
  return out;
}

/// A space of two families, two groups and three blocks; a data set of its form; a fake device and trainer.
struct Setting {
  TempFolder folder;
  SsprofileOptions options;

  explicit Setting(const std::string& more = "") {
    options.config = folder.write(
        "config.yaml",
        "image_size: 8\nsearch_space_cfg:\n  num_cell_groups: 2\n  cell_layout: [0, 1]\n  reduce_cell_groups: [1]\n"
        "  shared_primitives: [Resblock_0, Resblock_1, Resblock_2, VGGblock_0, VGGblock_1, VGGblock_2]\n"
        "  cell_shared_primitives: null\nweights_manager_cfg:\n  num_classes: 10\n"
        "  cell_group_kwargs: [{C_in: 1, C_out: 8}, {C_in: 8, C_out: 8}]\n"
        "ss_profiler_cfg:\n  validation_images: 100\n  select_ss_threshold: 2\n" +
            more);
    for (const std::string part : {"train", "t10k"}) {
      const std::uint32_t n = part == "train" ? 300 : 50;
      folder.write("data/" + part + "-images-idx3-ubyte",
                   big_endian(0x803) + big_endian(n) + big_endian(8) + big_endian(8) + std::string(n * 64, 'x'));
      std::string labels = big_endian(0x801) + big_endian(n);
      for (std::uint32_t i = 0; i < n; ++i) labels += static_cast<char>(i % 10);
      folder.write("data/" + part + "-labels-idx1-ubyte", labels);
    }
    options.data = "idx:" + folder.file("data");
    options.dir = folder.file("profile");
    options.device = "fake";
    options.seed = 3;
    register_network_trainer([](const std::string&) { return std::make_unique<FakeTrainer>(); });
    hwprof_test::register_fake_compiler();
    trained = 0;
    kill_at = -1;
    broken.clear();
    how = Broken::diverges;
  }
  [[nodiscard]] std::string text(const std::string& name) const { return base::read_file(options.dir + "/" + name); }
};

const std::vector<std::string> tables{"accuracy_table.yaml", "latency_table.yaml", "networks.csv", "output.yaml",
                                      "speed.txt",           "speed.json",         "ssprofile.svg"};

std::vector<std::string> all(const Setting& setting) {
  std::vector<std::string> out;
  for (const auto& name : tables) out.push_back(setting.text(name));
  return out;
}

}  // namespace

TEST_CASE("all of it: tables, choice, files") {
  Setting setting("  isolated_table: true\n");
  const auto summary = ssprofile(setting.options);
  CHECK(trained == 10);  // 1 + 2 * 2 for each family
  CHECK(summary.accuracies.size() == 10);
  CHECK(summary.results.size() == 10);
  CHECK(summary.accuracies[0].id == "Res_1_1");
  CHECK(summary.accuracies[0].test_images == 50);
  CHECK(summary.accuracies[1].test_images == 0);  // nothing but base networks sees the test set
  CHECK(summary.dry_run.empty());
  // The fake device adds up its primitives, so the table in context is that of the blocks, give or take its noise.
  const auto prims = ssbn_layer_prims(load_ssbn(setting.options.config));
  for (std::size_t l = 0; l < 2; ++l)
    for (std::size_t b = 0; b < 6; ++b)
      CHECK(summary.in_context.layers[l][b].latency->value ==
            doctest::Approx(hwprof_test::FakeCompiler::seconds(prims[l][b])).epsilon(0.1));
  CHECK(summary.isolated_over_in_context.n == 12);
  CHECK(summary.isolated_over_in_context.median == doctest::Approx(1).epsilon(0.05));
  CHECK(has(setting.text("accuracy_table.yaml"), "Res_1_1: 0."));
  CHECK(has(setting.text("output.yaml"), "cell_shared_primitives:"));
  CHECK(load_ssbn(setting.options.dir + "/output.yaml").own == summary.selection.cell_shared_primitives);
  CHECK(has(setting.text("checkpoints/Res_1_1.repr.txt"), "ss_res_block:8x1x8s1"));
  // Three columns a row at most: those that were chosen.
  const auto chosen = load_ssbn(setting.options.dir + "/output.yaml");
  CHECK(load_lut_text(setting.options.dir + "/speed.txt", chosen).layers.size() == 2);
  for (const auto& line : base::split(std::string(base::trim(setting.text("speed.txt"))), '\n'))
    for (const auto& part : base::split(line, ' ')) CHECK_MESSAGE(base::to_double(part), line);  // as aw_nas reads it
  for (const auto& file : summary.files) CHECK(base::exists(file));
}

TEST_CASE("the same seed gives the same tables, with any number of jobs; another seed does not") {
  Setting one, two, three;
  (void)ssprofile(one.options);
  two.options.jobs = 3;
  (void)ssprofile(two.options);
  three.options.seed = 4;
  (void)ssprofile(three.options);
  CHECK(all(one) == all(two));
  CHECK(one.text("accuracy_table.yaml") != three.text("accuracy_table.yaml"));
}

TEST_CASE("killed anywhere and resumed it ends in the same tables, and trains nothing twice") {
  Setting whole;
  (void)ssprofile(whole.options);
  const auto expected = all(whole);
  for (int at = 0; at < 10; ++at) {
    CAPTURE(at);
    Setting setting;
    kill_at = at;
    CHECK_THROWS_AS((void)ssprofile(setting.options), Killed);
    kill_at = -1;
    trained = 0;
    CHECK(has(error_of(Fault::usage, [&] { (void)ssprofile(setting.options); }), "--resume"));
    setting.options.resume = true;
    const auto summary = ssprofile(setting.options);
    CHECK(trained == 10 - at);
    CHECK(std::count_if(summary.accuracies.begin(), summary.accuracies.end(),
                        [](const AccuracyRow& row) { return row.reused; }) == at);
    CHECK(all(setting) == expected);
  }
}

TEST_CASE("accuracies first, the rest later") {
  Setting setting, whole;
  (void)ssprofile(whole.options);
  setting.options.only_accuracy = true;
  const auto first = ssprofile(setting.options);
  CHECK(first.results.empty());
  CHECK_FALSE(base::exists(setting.options.dir + "/output.yaml"));
  trained = 0;
  setting.options.only_accuracy = false;
  setting.options.resume = true;
  (void)ssprofile(setting.options);
  CHECK(trained == 0);
  CHECK(all(setting) == all(whole));
}

TEST_CASE("a network that fails is left out and named; without a base network its family is") {
  Setting setting;
  broken = "Res_0_1";
  const auto summary = ssprofile(setting.options);
  CHECK(summary.results.size() == 9);
  CHECK(std::any_of(summary.notes.begin(), summary.notes.end(), [](const std::string& note) {
    return note.find("Res_0_1") != std::string::npos && note.find("no number") != std::string::npos;
  }));
  CHECK(setting.text("accuracy_table.yaml").find("Res_0_1") == std::string::npos);
  Setting other;
  broken = "Res_1_1";
  CHECK(ssprofile(other.options).results.size() == 5);
}

TEST_CASE("a damaged file ends the call and is nothing that a network has done; too little memory is") {
  Setting setting;
  broken = "Res_0_1";
  how = Broken::file;
  CHECK(has(error_of(Fault::input, [&] { (void)ssprofile(setting.options); }), "Res_0_1.partial: is damaged"));
  broken.clear();  // the user has moved it away
  setting.options.resume = true;
  CHECK(ssprofile(setting.options).results.size() == 10);

  Setting other;
  broken = "Res_0_1";
  how = Broken::memory;
  const auto summary = ssprofile(other.options);
  CHECK(summary.results.size() == 9);
  CHECK(std::count(summary.notes.begin(), summary.notes.end(), "network Res_0_1 is left out: ran out of memory") == 1);
  broken.clear();  // fewer at once, or another machine
  trained = 0;
  other.options.resume = true;
  CHECK(ssprofile(other.options).results.size() == 10);
  CHECK(trained == 1);

  Setting without_base;
  broken = "Res_1_1";
  how = Broken::memory;
  CHECK(ssprofile(without_base.options).results.size() == 5);
  broken.clear();
  without_base.options.resume = true;
  CHECK(ssprofile(without_base.options).results.size() == 10);
}

TEST_CASE("the rule of the choice can be another one afterwards, what was trained not") {
  Setting setting;
  (void)ssprofile(setting.options);
  const std::string before = setting.text("output.yaml"), text = base::read_file(setting.options.config);
  const auto with = [&](const std::string& more) { (void)setting.folder.write("config.yaml", text + more); };
  trained = 0;
  setting.options.resume = true;
  with("  select_rule: pareto\n  measure_budget_s: 5\n");
  (void)ssprofile(setting.options);
  CHECK(trained == 0);
  CHECK(setting.text("output.yaml") != before);
  with("  select_rule: budget\n  latency_limit_s: 1.e-9\n");
  (void)error_of(Fault::missing, [&] { (void)ssprofile(setting.options); });
  for (const std::string name : {"output.yaml", "networks.csv", "speed.json"})
    CHECK_FALSE(base::exists(setting.options.dir + "/" + name));
  CHECK(base::exists(setting.options.dir + "/accuracy_table.yaml"));
  with("");
  (void)ssprofile(setting.options);
  CHECK(setting.text("output.yaml") == before);
  with("  finetune_epochs: 2\n");
  CHECK(has(error_of(Fault::usage, [&] { (void)ssprofile(setting.options); }), "finetune"));
  with("  isolated_table: true\n");
  CHECK(has(error_of(Fault::usage, [&] { (void)ssprofile(setting.options); }), "isolated-table"));
  std::string wider = text;
  wider.replace(wider.find("C_out: 8"), 8, "C_out: 9").replace(wider.find("C_in: 8"), 7, "C_in: 9");
  (void)setting.folder.write("config.yaml", wider);
  CHECK(has(error_of(Fault::usage, [&] { (void)ssprofile(setting.options); }), "space has changed"));
}

TEST_CASE("an earlier choice in the configuration does not stand for what can be chosen") {
  Setting plain, chosen;
  std::string text = base::read_file(chosen.options.config);
  text.replace(text.find("cell_shared_primitives: null"), 28, "cell_shared_primitives: [[Resblock_2], [Resblock_2]]");
  (void)chosen.folder.write("config.yaml", text);
  (void)ssprofile(plain.options);
  const auto summary = ssprofile(chosen.options);
  CHECK(all(chosen) == all(plain));
  CHECK(has(summary.notes.at(0), "cell_shared_primitives is filled in already"));
}

TEST_CASE("tables of an earlier choice do not stay beside another one") {
  Setting setting("  isolated_table: true\n");
  auto summary = ssprofile(setting.options);
  const std::vector<std::string> names{"speed.json", "speed.txt", "speed_isolated.json"};
  for (const auto& name : names) CHECK(base::exists(setting.options.dir + "/" + name));
  const auto config = load_ssprofile_config(setting.options.config);
  const auto nets = list_ssbn(config.space);
  run::Folder folder(setting.options.dir);
  const ssprofiling::Job job{setting.options, config, folder, nets};
  // A block that was chosen has come out at no latency, which the text has no way to say.
  const auto& chosen = summary.selection.cell_shared_primitives.at(0).at(0);
  for (auto& entry : summary.in_context.layers.at(0))
    if (entry.block == chosen) entry.latency.reset();
  ssprofiling::save_results(job, {}, summary);
  CHECK(base::exists(setting.options.dir + "/speed.json"));
  CHECK_FALSE(base::exists(setting.options.dir + "/speed.txt"));
  summary.in_context = summary.isolated = {};
  ssprofiling::save_results(job, {}, summary);
  for (const auto& name : names) CHECK_FALSE(base::exists(setting.options.dir + "/" + name));
}

TEST_CASE("dry runs are marked in every file and mix with nothing real") {
  Setting setting;
  setting.options.dry_accuracy = setting.options.dry_latency = true;
  setting.options.data = "no such data";  // nothing is read
  const auto summary = ssprofile(setting.options);
  CHECK(trained == 0);
  CHECK(summary.dry_run == std::vector<std::string>{"accuracy", "latency"});
  for (const auto& name :
       {"accuracy_table.yaml", "latency_table.yaml", "networks.csv", "output.yaml", "speed.txt", "ssprofile.svg"})
    CHECK_MESSAGE(setting.text(name).find("dry run") != std::string::npos, name);
  CHECK(base::JsonReader::load(setting.options.dir + "/ssprofile.json")["dry_run"].list().size() == 2);
  CHECK(has(setting.text("records.jsonl"), "dry-run"));
  CHECK(has(setting.text("speed.json"), "dry-run"));
  setting.options.resume = true;
  setting.options.dry_accuracy = false;
  const std::string none = setting.options.data;
  setting.options.data = "idx:" + setting.folder.file("data");
  CHECK(has(error_of(Fault::usage, [&] { (void)ssprofile(setting.options); }), "dry-run-accuracy"));
  setting.options.dry_accuracy = true;
  setting.options.data = none;
  setting.options.dry_latency = false;
  CHECK(has(error_of(Fault::usage, [&] { (void)ssprofile(setting.options); }), "dry_run"));
}

TEST_CASE("words for the device bind later calls once something was measured with them") {
  Setting setting;
  setting.options.measure.batch = 2;
  setting.options.stop = [] { return trained == 10; };
  (void)error_of(Fault::interrupted, [&] { (void)ssprofile(setting.options); });
  CHECK(base::exists(setting.options.dir + "/measure.json"));
  setting.options.stop = nullptr;
  setting.options.resume = true;
  setting.options.measure.batch = 3;
  (void)ssprofile(setting.options);
  CHECK(trained == 10);
  setting.options.measure.batch = 2;
  CHECK(has(error_of(Fault::usage, [&] { (void)ssprofile(setting.options); }), "batch 3, now it is 2"));
  setting.options.measure.batch = 3;
  CHECK(ssprofile(setting.options).results.size() == 10);
}

TEST_CASE("where every network is left out the reasons are said") {
  Setting setting;
  broken = "all";
  const auto text = error_of(Fault::missing, [&] { (void)ssprofile(setting.options); });
  CHECK(has(text, "network Res_1_1 is left out: the loss is no number any more; network "));
  CHECK(has(text, "; and 5 more"));
  CHECK(base::exists(setting.options.dir + "/records.jsonl"));  // what was measured is not lost
}

TEST_CASE("a run lists its files one by one; what somebody carries beside them is not erased with it") {
  Setting setting("  isolated_table: true\n");
  (void)ssprofile(setting.options);
  const std::vector<std::string> carried{"accuracy/theirs.json", "checkpoints/theirs.pth",
                                         "hardwares/0-fake/0/raw/theirs.txt", "hardwares/theirs.txt"};
  for (const auto& name : carried) (void)setting.folder.write("profile/" + name, "theirs");
  base::Manifest(setting.options.dir).erase_listed();
  CHECK(base::list_tree(setting.options.dir) == carried);
}

TEST_CASE("what an older version did not note of the images is completed") {
  Setting setting;
  (void)ssprofile(setting.options);
  const std::string file = setting.options.dir + "/accuracy/data.json";
  const auto whole = base::read_file(file);
  auto json = base::JsonReader::load(file).raw();
  json.erase("mean");
  json.erase("deviation");
  base::save_json(file, json);
  setting.options.resume = true;
  (void)ssprofile(setting.options);
  CHECK(base::read_file(file) == whole);
}

TEST_CASE("checkpoints are loaded for what is compiled, and not again") {
  Setting setting;
  register_compiler("weighted", [](const std::string& name) { return std::make_unique<WeightedCompiler>(name); });
  setting.options.device = "weighted";
  loaded = 0;
  (void)ssprofile(setting.options);
  CHECK(loaded == 10);
  setting.options.resume = true;
  (void)ssprofile(setting.options);
  CHECK(loaded == 10);
}

TEST_CASE("objectives without data are ranks") {
  Setting setting;
  setting.options.objective = "macs";
  const auto summary = ssprofile(setting.options);
  CHECK(trained == 0);
  std::vector<double> macs, ranks;
  for (std::size_t i = 0; i < 10; ++i) {
    macs.push_back(summary.accuracies[i].macs);
    ranks.push_back(summary.results[i].accuracy.value);
  }
  for (std::size_t i = 0; i < 10; ++i)
    for (std::size_t k = 0; k < 10; ++k)
      if (macs[i] < macs[k]) CHECK(ranks[i] < ranks[k]);
  CHECK(*std::max_element(ranks.begin(), ranks.end()) <= 1);
  CHECK_FALSE(base::exists(setting.options.dir + "/accuracy_table.yaml"));
  CHECK(has(setting.text("proxy_table.csv"), "id,params,macs\nRes_1_1,"));
  CHECK(has(setting.text("ssprofile.json"), "rank of macs"));
  std::vector<AccuracyRow> rows(4);
  for (std::size_t i = 0; i < 4; ++i) rows[i].macs = std::vector<double>{5, 5, 1, 9}[i];
  CHECK(ssprofiling::proxy_ranks(rows, "macs") == std::vector<double>{0.5, 0.5, 0, 1});
}

TEST_CASE("what cannot be is refused before anything is written") {
  Setting setting;
  const auto refused = [&](Fault fault, const auto& change) {
    SsprofileOptions options = setting.options;
    change(options);
    const std::string text = error_of(fault, [&] { (void)ssprofile(options); });
    CHECK_FALSE(base::exists(setting.options.dir));
    return text;
  };
  CHECK(has(refused(Fault::usage, [](auto& o) { o.objective = "mac"; }), "macs"));
  (void)refused(Fault::usage, [](auto& o) { o.jobs = 0; });
  (void)refused(Fault::usage, [](auto& o) { o.device = "no device"; });
  CHECK(has(refused(Fault::usage,
                    [](auto& o) {
                      o.device = "dpu";
                      o.measure.device_options["calib_iter"] = "3";
                    }),
            "calib-iter"));
  CHECK(has(refused(Fault::usage,
                    [](auto& o) {
                      o.device = "dpu";
                      o.measure.batch = 2;
                    }),
            "batch must be 1"));
  CHECK(has(refused(Fault::usage,
                    [](auto& o) {
                      o.device = "snpe";
                      o.measure.device_options["runtimes"] = "GPU";
                    }),
            "runtime"));
  CHECK(has(refused(Fault::usage, [](auto& o) { o.measure.threads = 0; }), "threads"));
  CHECK(has(refused(Fault::unsupported,
                    [&](auto& o) {
                      std::string text = base::read_file(o.config);
                      text.replace(text.find("C_out: 8"), 8, "C_out: 5000");
                      text.replace(text.find("C_in: 8"), 7, "C_in: 5000");
                      o.config = setting.folder.write("wide.yaml", text);
                      o.device = "dpu";
                    }),
            "none of the networks can go to the DPU; the last one, VGG_1_2, breaks the rules of B4096"));
  CHECK(has(refused(Fault::missing,
                    [&](auto& o) {
                      o.config =
                          setting.folder.write("many.yaml", base::read_file(o.config) + "  select_ss_threshold: 6\n");
                    }),
            "no family has the 6 networks that select_ss_threshold asks for; the largest has 5"));
  CHECK(trained == 0);
  (void)refused(Fault::missing, [](auto& o) { o.data = "idx:/nowhere"; });
  (void)refused(Fault::usage, [](auto& o) {
    o.objective = "macs";
    o.dry_accuracy = true;
  });
  CHECK(has(refused(Fault::input,
                    [&](auto& o) {
                      o.config =
                          setting.folder.write("bad.yaml", base::read_file(o.config) + "  first_train_epoch: 3\n");
                    }),
            "first_train_epochs"));
  (void)setting.folder.write("profile/mine.txt", "not yours");
  CHECK(has(error_of(Fault::usage, [&] { (void)ssprofile(setting.options); }), "mine.txt"));
  CHECK(base::read_file(setting.folder.file("profile/mine.txt")) == "not yours");
}
