// SPDX-License-Identifier: Apache-2.0
// Transfer models of made-up devices, whose true costs are known.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "hwprof/exact.hpp"
#include "hwprof/predictor.hpp"
#include "hwprof/space.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"
#include "transfer_support.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;

namespace {

const MixinProfilingSearchSpace& ofa() {
  static const TempFolder folder;
  static const SpaceFile file = load_space(folder.write("ofa.yaml", small_ofa));
  return *file.space;
}

PaperDevice gpu() {
  PaperDevice device;
  device.launch = 1e-4;
  device.noise = 0.01;
  return device;
}
PaperDevice cpu() {
  PaperDevice device;
  device.per_mac = 2e-11;
  device.large_kernels = 2;
  device.noise = 0.02;
  return device;
}
PaperDevice board() {
  PaperDevice device;
  device.per_byte = 4e-10;
  device.launch = 3e-5;
  device.noise = 0.02;
  return device;
}
/// None of the three: between them.
PaperDevice novel() {
  PaperDevice device;
  device.launch = 6e-5;
  device.per_mac = 8e-12;
  device.per_byte = 9e-11;
  device.large_kernels = 1.5;
  device.noise = 0.02;
  return device;
}

const std::vector<TransferSource>& sources() {
  static const std::vector<TransferSource> all{{"gpu", measure(ofa(), gpu(), 600, 1)},
                                               {"cpu", measure(ofa(), cpu(), 600, 2)},
                                               {"board", measure(ofa(), board(), 600, 3)}};
  return all;
}
const TransferBase& base() {
  static const TransferBase all(ofa(), sources());
  return all;
}

Evaluation against_truth(const Model& model, PaperDevice device, std::uint64_t seed = 99) {
  device.noise = 0;
  return evaluate(model, measure(ofa(), device, 500, seed));
}

}  // namespace

TEST_CASE("a new device is ranked and predicted from a few samples") {
  // Thresholds leave room: with these seeds the figures are some hundredths better.
  const Model model = base().fit(measure(ofa(), novel(), 12, 5));
  const Evaluation truth = against_truth(model, novel());
  CHECK(truth.n == 500);
  CHECK(truth.spearman > 0.97);
  CHECK(truth.median_ape < 0.04);
  CHECK(model.kind() == "transfer");
  CHECK(model.summary().nets_used == 12);
  double total = 0;
  for (const char* member : {"scaling", "stacking", "mixed", "analytic", "transfer"}) {
    const auto& figures = model.summary().coefficients;
    REQUIRE(figures.count("weight." + std::string(member)) == 1);
    CHECK(figures.count("loo_spearman." + std::string(member)) == 1);
    CHECK(figures.count("loo_median_ape." + std::string(member)) == 1);
    total += figures.at("weight." + std::string(member));
  }
  CHECK(total == Approx(1));
}

TEST_CASE("never far behind the best member") {
  for (const std::uint64_t seed : {11U, 12U, 13U, 14U}) {
    for (const PaperDevice& device : {gpu(), cpu(), novel()}) {
      const auto samples = measure(ofa(), device, 15, seed);
      double best = 0;
      for (const char* member : {"scaling", "stacking", "mixed", "analytic", "transfer"}) {
        TransferOptions options;
        options.member = member;
        best = std::max(best, against_truth(base().fit(samples, options), device).spearman);
      }
      CHECK(against_truth(base().fit(samples), device).spearman > best - 0.02);
    }
  }
}

TEST_CASE("no sources, one source, three samples") {
  const auto samples = measure(ofa(), novel(), 20, 6);
  const TransferBase alone(ofa(), {});
  CHECK(against_truth(alone.fit(samples), novel()).spearman > 0.93);
  const TransferBase one(ofa(), {sources()[1]});
  CHECK(against_truth(one.fit(samples), novel()).spearman > 0.93);
  const std::vector<NetRecord> three(samples.begin(), samples.begin() + 3);
  for (const auto* from : {&alone, &one, &base()}) {
    const Evaluation truth = against_truth(from->fit(three), novel());
    CHECK(truth.spearman > 0.6);
    CHECK(truth.median_ape < 0.3);
  }
  const std::vector<NetRecord> two(samples.begin(), samples.begin() + 2);
  CHECK(has(error_of(Fault::missing, [&] { (void)base().fit(two); }), "found 2"));
  TransferOptions options;
  options.member = "stacking";
  CHECK(has(error_of(Fault::usage, [&] { (void)alone.fit(samples, options); }), "stacking"));
}

TEST_CASE("compiled, a transfer model is a sum for the exact tools, unless it is cut off below") {
  const auto cells = load_space("nasbench201").space;
  PaperDevice device = novel();
  device.noise = 0.01;
  for (const auto* space : {&ofa(), static_cast<const MixinProfilingSearchSpace*>(cells.get())}) {
    device.launch = 1e-3;  // far from nothing
    const Model model = TransferBase(*space, {}).fit(measure(*space, device, 40, 31));
    const Predictor predictor(*space, model);
    REQUIRE(predictor.is_sum());
    std::mt19937_64 rng(4);
    std::vector<double> costs;
    for (int i = 0; i < 200; ++i) {
      const Arch arch = space->sample(rng);
      costs.push_back(model.predict_arch(arch).value);
      CHECK(predictor.predict(arch) == Approx(costs.back()).epsilon(1e-12));
    }
    // The share under the median of a sample is near one half.
    std::nth_element(costs.begin(), costs.begin() + 100, costs.end());
    const FeasibleSet under(predictor, costs[100]);
    CHECK(under.at_most() > .35 * count_archs(predictor));
    CHECK(under.at_least() < .65 * count_archs(predictor));
    CHECK(cheapest(predictor).cost == Approx(model.predict_arch(cheapest(predictor).arch).value));
    // All on one option is no expectation but a prediction.
    std::vector<double> one_hot;
    const Arch arch = space->sample(rng);
    for (std::size_t d = 0; d < arch.size(); ++d)
      for (std::size_t o = 0; o < predictor.num_options()[d]; ++o) one_hot.push_back(arch[d] == o ? 1 : 0);
    CHECK(predictor.expect(one_hot.data(), nullptr) == Approx(predictor.predict(arch)));
  }
}

TEST_CASE("a transfer model that is cut off below is no sum, and is searched all the same") {
  const Model model = TransferBase(ofa(), {}).fit(measure(ofa(), novel(), 40, 31));
  std::mt19937_64 rng(4);
  const Arch some = ofa().sample(rng);
  const TempFolder folder;
  const std::string file = folder.write("m.json", "");
  save_model(file, model);
  nlohmann::json content;
  std::ifstream(file) >> content;
  content["least"] = model.predict_arch(some).value;
  const Model cut = load_model(folder.write("cut.json", content.dump()));
  const Predictor predictor(ofa(), cut);
  CHECK(!predictor.is_sum());
  CHECK(has(error_of(Fault::unsupported, [&] { (void)cheapest(predictor); }), "fall below the least that it predicts"));
  for (int i = 0; i < 100; ++i) {
    const Arch arch = ofa().sample(rng);
    const double expected = std::max(model.predict_arch(arch).value, model.predict_arch(some).value);
    CHECK(predictor.predict(arch) == Approx(expected).epsilon(1e-9));
  }
}

TEST_CASE("many samples") {
  PaperDevice device = novel();
  const Model model = base().fit(measure(ofa(), device, 400, 7));
  CHECK(against_truth(model, device).spearman > 0.995);
}

TEST_CASE("units, other metrics and fewer architectures of sources do not matter") {
  auto energy = measure(ofa(), cpu(), 300, 21, Metric::energy);
  for (auto& record : energy) record.overall[Metric::energy].value *= 1e-3;
  auto memory = measure(ofa(), board(), 200, 22, Metric::memory);
  for (auto& record : memory) record.overall[Metric::memory].value *= 1e12;
  const auto few = measure(ofa(), gpu(), 4, 23);
  const TransferBase mixed(ofa(), {{"energy", energy}, {"memory", memory}, {"few", few}});
  const Model model = mixed.fit(measure(ofa(), novel(), 20, 8));
  CHECK(against_truth(model, novel()).spearman > 0.96);
  const auto& notes = model.summary().notes;
  CHECK(std::any_of(notes.begin(), notes.end(),
                    [](const std::string& note) { return note.find("source few left out") != std::string::npos; }));
}

TEST_CASE("samples measured again count as their mean, those without a cost not at all") {
  auto samples = measure(ofa(), novel(), 15, 9);
  const Model once = base().fit(samples);
  auto doubled = samples;
  for (auto& record : doubled) record.overall[Metric::latency].value *= 1.1;
  for (auto record : samples) {
    record.overall[Metric::latency].value *= 0.9;
    doubled.push_back(record);
  }
  NetRecord failed = samples[0];
  failed.state = RunState::failed;
  failed.reason = "no";
  doubled.push_back(failed);
  const Model again = base().fit(doubled);
  CHECK(again.summary().nets_used == 15);
  CHECK(again.summary().samples_used == 30);
  CHECK(again.summary().nets_dropped == 1);
  const Arch arch = parse_arch(ofa(), samples[0].arch);
  CHECK(again.predict_arch(arch).value == Approx(once.predict_arch(arch).value).epsilon(1e-6));
}

TEST_CASE("an outlier does not lead the model astray") {
  auto samples = measure(ofa(), novel(), 20, 10);
  samples[3].overall[Metric::latency].value *= 8;
  CHECK(against_truth(base().fit(samples), novel()).spearman > 0.93);
}

TEST_CASE("neither do two of ten") {
  for (const std::uint64_t seed : {70U, 71U, 72U}) {
    auto samples = measure(ofa(), novel(), 10, seed);
    std::sort(samples.begin(), samples.end(), [](const auto& a, const auto& b) {
      return a.overall.at(Metric::latency).value < b.overall.at(Metric::latency).value;
    });
    samples[0].overall[Metric::latency].value *= 2;
    samples[1].overall[Metric::latency].value *= 1.7;
    CHECK(against_truth(base().fit(samples), novel()).spearman > 0.85);
  }
}

TEST_CASE("constant, tiny and whole-number costs") {
  auto samples = measure(ofa(), novel(), 12, 31);
  for (auto& record : samples) record.overall[Metric::latency].value = 0.007;
  const Model flat = base().fit(samples);
  const Arch arch = parse_arch(ofa(), samples[0].arch);
  CHECK(flat.predict_arch(arch).value == Approx(0.007).epsilon(0.01));
  for (auto& record : samples) record.overall[Metric::latency].value = 0;
  CHECK(has(error_of(Fault::missing, [&] { (void)base().fit(samples); }), "costs 0"));

  auto phone = measure(ofa(), novel(), 20, 32);
  for (auto& record : phone) {
    auto& value = record.overall[Metric::latency].value;
    value = std::max(1e-3, std::round(value * 1e3) * 1e-3);
  }
  phone[0].overall[Metric::latency].value = 0;  // a dead network
  CHECK(against_truth(base().fit(phone), novel()).spearman > 0.9);
}

TEST_CASE("intervals hold what they promise") {
  // 90 % of new measurements within 1.645 standard errors, on average over fits.
  std::size_t within = 0, all = 0;
  for (std::uint64_t seed = 40; seed < 52; ++seed) {
    PaperDevice device = novel();
    device.noise = 0.04;
    const Model model = base().fit(measure(ofa(), device, 20, seed));
    for (const auto& record : measure(ofa(), device, 200, seed + 1000)) {
      const Prediction prediction = model.predict_arch(parse_arch(ofa(), record.arch));
      const double measured = record.overall.at(Metric::latency).value;
      within += std::abs(prediction.value - measured) <= 1.645 * prediction.standard_error ? 1 : 0;
      ++all;
    }
  }
  const double share = static_cast<double>(within) / static_cast<double>(all);
  CHECK(share > 0.80);
  CHECK(share < 0.98);
}

TEST_CASE("labels that are exact sums are found, measurements are not") {
  PaperDevice table = cpu();
  table.noise = 0;
  const auto mentions = [](const Model& model, const std::string& what) {
    const auto& notes = model.summary().notes;
    return std::any_of(notes.begin(), notes.end(),
                       [&](const std::string& note) { return note.find(what) != std::string::npos; });
  };
  const TransferBase derived(ofa(), {{"sums", measure(ofa(), table, 900, 60)}, {"cpu", sources()[1].records}});
  const Model model = derived.fit(measure(ofa(), novel(), 15, 61));
  CHECK(mentions(model, "source sums: the labels are exact sums"));
  CHECK_FALSE(mentions(model, "source cpu: the labels"));
  CHECK_FALSE(model.from().derived);

  PaperDevice sums = novel();
  sums.noise = 0;
  const Model exact = base().fit(measure(ofa(), sums, 900, 62));
  CHECK(exact.from().derived);
  CHECK(mentions(exact, "the labels are exact sums over decisions"));
  CHECK(exact.summary().coefficients.at("weight.additive") == 1);
  CHECK(against_truth(exact, sums).max_ape < 1e-4);
  CHECK_FALSE(base().fit(measure(ofa(), novel(), 900, 62)).from().derived);
}

TEST_CASE("figures of look-ups are those of the model and of samples that were left out") {
  // A cost per block that no column tells, known to 1 part in 50000.
  std::mt19937_64 rng(5);
  std::normal_distribution<double> normal;
  const auto records = [&](std::size_t count, double noise) {
    std::vector<NetRecord> out;
    for (std::size_t i = 0; i < count; ++i) {
      const auto arch = ofa().sample(rng);
      double cost = 0;
      for (const auto& prim : ofa().primitives(arch)) cost += 1e-4 * (1 + static_cast<double>(hash(prim) % 1009) / 300);
      out.push_back(arch_record(arch, cost * (1 + noise * normal(rng))));
    }
    return out;
  };
  const TransferBase alone(ofa(), {});
  const auto samples = records(1000, 2e-5), truth = records(300, 0);
  TransferOptions options;
  for (const std::string member : {"", "additive", "scaling"}) {
    CAPTURE(member);
    options.member = member;
    const Model model = alone.fit(samples, options);
    CHECK(model.from().derived);
    const auto& summary = model.summary();
    const auto& figures = summary.coefficients;
    CHECK(summary.fit_mape == Approx(evaluate(model, samples).mape).epsilon(1e-3));
    if (member == "scaling") {
      CHECK(figures.at("weight.scaling") == 1);
      CHECK(summary.fit_mape > 0.01);
      CHECK(summary.notes.back().find("alone") == std::string::npos);
      continue;
    }
    CHECK(figures.at("weight.additive") == 1);
    CHECK(evaluate(model, truth).max_ape < 1e-4);
    // Mean size of the noise: .798 deviations; less where it was fitted, more where it was not.
    CHECK(summary.fit_mape > 0.5 * 0.798 * 2e-5);
    CHECK(summary.fit_mape < 0.95 * 0.798 * 2e-5);
    CHECK(summary.cv_mape > 1.05 * 0.798 * 2e-5);
    CHECK(summary.cv_mape < 3 * 0.798 * 2e-5);
    CHECK(figures.at("loo_median_ape.additive") > 0);
    CHECK(figures.at("loo_median_ape.combined") == figures.at("loo_median_ape.additive"));
  }
}

TEST_CASE("sources may have any metric") {
  const TransferBase training(ofa(), {{"steps", measure(ofa(), cpu(), 300, 21, Metric::backward_latency)}});
  CHECK(training.fit(measure(ofa(), novel(), 20, 8)).summary().coefficients.count("weight.stacking") == 1);
}

TEST_CASE("the same samples give the same model, saved and loaded") {
  const auto samples = measure(ofa(), novel(), 15, 70);
  const TempFolder folder;
  const Model first = base().fit(samples), second = TransferBase(ofa(), sources()).fit(samples);
  save_model(folder.file("first.json"), first);
  save_model(folder.file("second.json"), second);
  const Model loaded = load_model(folder.file("first.json"));
  CHECK(loaded.kind() == "transfer");
  CHECK(loaded.arch_options() == first.arch_options());
  CHECK(loaded.summary().coefficients == first.summary().coefficients);
  CHECK(loaded.from().device == "paper");
  std::mt19937_64 rng(3);
  for (int i = 0; i < 200; ++i) {
    const Arch arch = ofa().sample(rng);
    const Prediction here = first.predict_arch(arch), there = loaded.predict_arch(arch),
                     again = second.predict_arch(arch);
    CHECK(here.value == there.value);
    CHECK(here.standard_error == there.standard_error);
    CHECK(here.value == again.value);
    CHECK(here.value > 0);
    CHECK(here.standard_error > 0);
  }
  Arch wrong = ofa().sample(rng);
  wrong[0] = 3;
  CHECK(has(error_of(Fault::usage, [&] { (void)loaded.predict_arch(wrong); }), "decision 0"));
  wrong.pop_back();
  CHECK(has(error_of(Fault::usage, [&] { (void)loaded.predict_arch(wrong); }), "decisions"));
  CHECK(has(error_of(Fault::unsupported, [&] { (void)loaded.predict({}); }), "architecture"));
}

TEST_CASE("architectures of another space are refused, with their place") {
  auto samples = measure(ofa(), novel(), 10, 80);
  samples[4].arch = "0.1";
  CHECK(has(error_of(Fault::usage, [&] { (void)base().fit(samples); }), "0.1"));
  CHECK(has(error_of(Fault::usage, [&] { TransferBase(ofa(), {{"bad", samples}}); }), "source 'bad'"));
}

TEST_CASE("cells: dead edges and near-zero costs") {
  const auto file = load_space("nasbench201");
  std::mt19937_64 rng(4);
  std::vector<NetRecord> samples, query;
  const auto cost = [&](const Arch& arch) {
    double sum = 1e-5;
    for (const auto& prim : file.space->primitives(arch)) sum += 1e-12 * count_work(prim).macs;
    return sum - 1e-12 * 2e7;  // what every network has
  };
  std::set<Arch> seen;
  for (int i = 0; i < 225; ++i) {
    const Arch arch = file.space->sample(rng);
    if (!seen.insert(arch).second) continue;
    (i < 25 ? samples : query).push_back(arch_record(arch, std::max(1e-6, cost(arch))));
  }
  const Model model = TransferBase(*file.space, {}).fit(samples);
  CHECK(evaluate(model, query).spearman > 0.95);
}
