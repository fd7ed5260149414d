// SPDX-License-Identifier: Apache-2.0
// From logs of perf4sight's kind and listed networks to predictions, as a user does it.
#include <doctest/doctest.h>

#include <filesystem>

#include "hwprof/caffe.hpp"
#include "hwprof/fingerprint.hpp"
#include "program.hpp"
#include "throws.hpp"

using hwprof_test::cli;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

int kept(int channels, int level) {
  return channels * (100 - level) / 100;
}

/// A network of three convolutions, as a listed file, and what a step of it costs on a device that is made up: MACs
/// over a rate and a constant; what lives, and a constant.
struct Net {
  std::string name;
  int level = 0, channels = 0, kernel = 0;

  [[nodiscard]] std::string id() const { return name + "_" + std::to_string(level); }
  [[nodiscard]] std::string yaml() const {
    const std::string c = std::to_string(kept(channels, level)), d = std::to_string(kept(2 * channels, level));
    const std::string k = std::to_string(kernel);
    std::string text = "kind: listed\nname: " + name + "\nimage_size: 32\nlayers:\n";
    text += "- {prim_type: conv_bn_act, C_out: " + c + ", stride: 2, kernel_size: 3, activation: relu}\n";
    text += "- {prim_type: conv_bn_act, C_out: " + d + ", kernel_size: " + k + ", activation: relu}\n";
    text += "- {prim_type: conv_bn_act, C_out: " + d + ", stride: 2, kernel_size: 3, activation: relu}\n";
    return text + "- {prim_type: global_avg_pool}\n- {prim_type: linear, C_out: 10}\n";
  }
  [[nodiscard]] double macs() const {
    const double c = kept(channels, level), d = kept(2 * channels, level);
    return 256 * c * 27 + 256 * d * c * kernel * kernel + 64 * d * d * 9 + 10 * d;
  }
  [[nodiscard]] double values() const {
    const double c = kept(channels, level), d = kept(2 * channels, level);
    return 2 * (256 * c + 256 * d + 64 * d);
  }
  [[nodiscard]] double latency_ms(int batch) const { return 5 + 3 * macs() * batch / 1e7; }
  [[nodiscard]] double memory_mb(int batch) const { return 200 + 4 * values() * batch / 1048576; }
};

/// A log of each cost per network in dir/logs, a file per network in dir/nets.
void write(const TempFolder& folder, const std::vector<Net>& nets, const std::vector<int>& batches,
           const std::string& where = "") {
  for (const auto& net : nets) {
    (void)folder.write(where + "nets/" + net.id() + ".yaml", net.yaml());
    std::string memory = "passed|bs|net_name|model|dataset|mem_used\n",
                latency = "passed|bs|net_name|model|dataset|latency\n";
    for (const int batch : batches) {
      const std::string start = "True|" + std::to_string(batch) + "|" + net.name + "|pruned/" + net.id() + ".py|cifar|";
      memory += start + std::to_string(net.memory_mb(batch)) + "\n";
      latency += start + std::to_string(net.latency_ms(batch)) + "\n";
    }
    memory += "False|4096|" + net.name + "|pruned/" + net.id() + ".py|cifar|\n";
    (void)folder.write(where + "logs/memory/" + net.id() + "-gt.csv", memory);
    (void)folder.write(where + "logs/latency/" + net.id() + "-gt.csv", latency);
  }
}

std::vector<Net> known_nets() {
  std::vector<Net> out;
  for (const auto& [name, channels, kernel] :
       {std::tuple{"wide", 64, 1}, std::tuple{"narrow", 24, 3}, std::tuple{"large", 48, 5}})
    for (const int level : {0, 30, 50, 70}) out.push_back({name, level, channels, kernel});
  return out;
}

}  // namespace

TEST_CASE("fingerprint fits logs and networks, predict answers, an update adapts") {
  const TempFolder folder;
  write(folder, known_nets(), {2, 8, 32, 64});
  const std::string model = folder.file("model.json");
  std::vector<std::string> words{"fingerprint", "--out", model, "--device", "board", "--trees", "30", "--records"};
  for (const char* kind : {"memory", "latency"})
    for (const auto& entry : std::filesystem::directory_iterator(folder.file("logs/" + std::string(kind))))
      words.push_back(entry.path().string());  // as a shell expands logs/*.csv
  words.insert(words.end(), {"--networks", folder.file("nets"), "--json"});
  const auto run = cli(words);
  REQUIRE_MESSAGE(run.code == 0, run.err);
  const auto report = run.json();
  CHECK(report["samples"] == 2 * 48);
  CHECK(report["failed"] == 12);
  CHECK(report["unpaired"] == 0);
  REQUIRE(report["costs"].size() == 2);
  for (const auto& cost : report["costs"]) {
    CHECK(cost["mode"] == "training");
    CHECK(cost["families"] == 3);
    CHECK(cost["by_network"].size() == 7);
    for (const auto& kind : cost["by_network"])
      if (kind["chosen"] == true) CHECK(kind["mean"].get<double>() < 0.1);
    CHECK(cost["importance"].size() > 0);
  }
  CHECK(cli(words).code == 2);  // the file is there
  words.emplace_back("--force");
  words[words.size() - 2] = "--quiet";
  CHECK(cli(words).out.empty());

  const Net held{"wide", 40, 64, 1};
  const auto file = folder.write("wide_40.yaml", held.yaml());
  const auto predicted =
      cli({"predict", "--model", model, "--mode", "train", "--batch", "16,32", "--net", file, "--json"});
  REQUIRE_MESSAGE(predicted.code == 0, predicted.err);
  const auto rows = predicted.json()["predictions"];
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["batch"] == 16);
  CHECK(rows[0]["latency_s"]["value"].get<double>() == doctest::Approx(held.latency_ms(16) / 1e3).epsilon(0.1));
  CHECK(rows[0]["memory_bytes"]["value"].get<double>() == doctest::Approx(held.memory_mb(16) * 1048576).epsilon(0.05));
  CHECK(has(cli({"predict", "--model", model, "--batch", "32", "--net", file}).out, "batch 32"));

  if (hwprof::has_caffe()) {
    const auto costed = hwprof::load_costed_net(file);
    const auto caffe = hwprof::write_caffe(folder.file("caffe/wide_40"), costed.parts.at(0).graph, {1, 3, 32, 32});
    const auto same = cli({"predict", "--model", model, "--batch", "16", "--caffe", caffe.deploy, "--json"});
    REQUIRE_MESSAGE(same.code == 0, same.err);
    const auto row = same.json()["predictions"][0];
    CHECK(row["net"] == "wide_40");
    CHECK(row["latency_s"]["value"].get<double>() == doctest::Approx(rows[0]["latency_s"]["value"].get<double>()));
  }

  // Inversely: the largest batch for which the step fits into memory.
  const std::string limit = "memory=" + std::to_string(static_cast<int>(held.memory_mb(48))) + "MiB";
  const auto largest = cli({"predict", "--model", model, "--limit", limit, "--net", file, "--json"});
  REQUIRE_MESSAGE(largest.code == 0, largest.err);
  const int batch = largest.json()["predictions"][0]["largest_batch"].get<int>();
  CHECK(batch > 30);
  CHECK(batch < 64);

  // A network with a constant of its own that no other has.
  std::vector<Net> strange{{"strange", 0, 40, 3}};
  write(folder, strange, {4, 16, 64}, "few/");
  const std::string updated = folder.file("updated.json");
  const auto update = cli({"fingerprint", "--update", model, "--records", folder.file("few/logs/latency"), "--networks",
                           folder.file("few/nets"), "--device", "board", "--out", updated});
  REQUIRE_MESSAGE(update.code == 0, update.err);
  const auto after = cli({"predict", "--model", updated, "--batch", "32", "--net",
                          folder.write("strange_20.yaml", Net{"strange", 20, 40, 3}.yaml()), "--json"});
  REQUIRE_MESSAGE(after.code == 0, after.err);
  CHECK(after.json()["predictions"][0]["latency_s"]["updated"] == true);
  CHECK(after.json()["predictions"][0]["latency_s"]["value"].get<double>() ==
        doctest::Approx(Net{"strange", 20, 40, 3}.latency_ms(32) / 1e3).epsilon(0.15));
}

TEST_CASE("what is missing is named") {
  const TempFolder folder;
  write(folder, known_nets(), {2, 8, 32});
  const std::string model = folder.file("model.json");
  std::filesystem::remove(folder.file("nets/large_50.yaml"));
  const auto run = cli({"fingerprint", "--records", folder.file("logs"), "--networks", folder.file("nets"), "--out",
                        model, "--type", "physical"});
  REQUIRE_MESSAGE(run.code == 0, run.err);
  CHECK(has(run.out, "no network for 'large_50'"));
  CHECK(cli({"fingerprint", "--records", folder.file("logs"), "--networks", folder.file("logs"), "--out",
             folder.file("b.json")})
            .code == 3);
  const auto none = cli({"fingerprint", "--records", folder.file("logs"), "--networks",
                         folder.write("other.yaml", known_nets()[0].yaml()), "--out", folder.file("b.json")});
  CHECK(none.code == 6);
  CHECK(has(none.err, "8 rows to fit on"));
  CHECK(cli({"fingerprint", "--records", folder.file("logs"), "--networks", folder.file("nets"), "--out",
             folder.file("b.json"), "--type", "forrest"})
            .code == 2);
  CHECK(cli({"fingerprint", "--records", folder.file("logs"), "--networks", folder.file("nets"), "--out",
             folder.file("b.json"), "--choose-by", "chance"})
            .code == 2);

  const std::string net = folder.file("nets/wide_0.yaml");
  CHECK(cli({"predict", "--model", model, "--net", net, "--mode", "sleep"}).code == 2);
  CHECK(cli({"predict", "--model", model, "--net", net, "--mode", "inference"}).code == 6);
  CHECK(cli({"predict", "--model", model, "--net", net, "--batch", "0"}).code == 2);
  CHECK(cli({"predict", "--model", model, "--net", net, "--limit", "energy=1J"}).code == 6);
  CHECK(cli({"predict", "--model", model, "--net", net, "--limit", "memory"}).code == 2);
  CHECK(cli({"predict", "--model", model, "--net", net, "--limit", "memory=1e300GB"}).code == 2);
  for (const char* name : {"train_memory", "backward_latency", "accuracy"}) {
    const auto refused = cli({"predict", "--model", model, "--net", net, "--limit", std::string(name) + "=1"});
    CHECK(refused.code == 2);
    CHECK(has(refused.err, "--limit takes latency, memory or energy, found '" + std::string(name) + "'"));
  }
  CHECK(cli({"predict", "--model", model, "--sample", "3"}).code == 2);
  CHECK(cli({"predict", "--model", model}).code == 2);
  CHECK(cli({"predict", "--model", folder.write("t.json", "{}"), "--net", net, "--batch", "2"}).code == 2);
}
