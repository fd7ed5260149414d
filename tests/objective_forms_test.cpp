// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <thread>

#include "factor_spaces.hpp"
#include "hwprof/objective.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Counts how often it is asked for primitives.
class CountedSpace : public PositionSpace {
 public:
  CountedSpace() : PositionSpace(2, 3) {}
  mutable std::atomic<int> asked{0};
  [[nodiscard]] std::vector<Prim> primitives(const Arch& arch) const override {
    ++asked;
    return PositionSpace::primitives(arch);
  }
};

/// The task's side: accuracy.
class Task : public Objective {
 public:
  [[nodiscard]] std::vector<std::string> perf_names() const override { return {"acc"}; }
  [[nodiscard]] std::vector<double> get_perfs(const Arch&) const override { return {0.7}; }
  [[nodiscard]] double get_reward(const Arch&) const override { return 0.7; }
  [[nodiscard]] double get_loss(const Arch&) const override { return 1.5; }
  [[nodiscard]] std::vector<Direction> directions() const override { return {Direction::maximize}; }
};

double latency_of(const Arch& arch) {
  double sum = 0;
  for (const auto& prim : PositionSpace(2, 3).primitives(arch)) sum += made_up_cost(prim);
  return sum;
}

}  // namespace

TEST_CASE("each form is its formula") {
  // The numbers on the right were worked out apart from the code.
  CHECK(hard_limit(5e-3)(5e-3).reward_term == 0);
  CHECK(hard_limit(5e-3)(5.1e-3).reward_term == -infinity);
  CHECK(hard_limit(5e-3)(5.1e-3).loss_term == infinity);
  CHECK(hard_limit(5e-3)(std::nan("")).reward_term == -infinity);

  CHECK(mnasnet_form(80e-3)(160e-3).reward_factor == Approx(0.952638));  // 2^-0.07
  CHECK(mnasnet_form(80e-3)(40e-3).reward_factor == Approx(1.049717));   // 2^0.07
  CHECK(mnasnet_form(80e-3, 0, -1)(40e-3).reward_factor == 1);
  CHECK(mnasnet_form(80e-3, 0, -1)(100e-3).reward_factor == Approx(0.8));

  CHECK(bounded_form(5e-3, 0.1)(4e-3).reward_factor == 1);
  CHECK(bounded_form(5e-3, 0.1)(10e-3).reward_factor == Approx(0.933033));  // 2^-0.1

  CHECK(fbnet_sum_form()(32e-3).loss_term == Approx(1.6));  // 0.2 * 32^0.6 = 0.2 * 8
  CHECK(fbnet_sum_form()(32e-3).loss_factor == 1);
  CHECK(fbnet_product_form()(32e-3).loss_factor == Approx(1.6));
  CHECK(fbnet_product_form()(32e-3).loss_term == 0);
  CHECK(fbnet_sum_form(0.5, 2, 1)(3).loss_term == Approx(4.5));

  CHECK(inverse_form(20e-3)(4e-3).reward_term == Approx(0.02));  // 0.1 * (1/4 - 1/20)
  CHECK(inverse_form(20e-3)(20e-3).reward_term == 0);

  CHECK(budget_form(5e8)(1e9).loss_factor == Approx(2));
  CHECK(budget_form(5e8)(1e8).loss_factor == 1);
  CHECK(budget_form(5e8, 0.5, 2)(1.25e8).loss_factor == Approx(0.5));
  CHECK(budget_form(5e8, 0.5, 2)(1e9).loss_factor == Approx(4));

  CHECK(log_barrier_form(10e-3, 0.1)(5e-3).loss_term == Approx(0.0693147));  // 0.1 ln 2
  CHECK(log_barrier_form(10e-3, 0.1)(10e-3).loss_term == infinity);
  CHECK(log_barrier_form(10e-3, 0.1)(11e-3).loss_term == infinity);
  CHECK(log_barrier_form(10e-3, 0.1)(0).loss_term == 0);
}

TEST_CASE("parameters that make no sense are refused") {
  const double nan = std::nan("");
  for (const double bad : {0.0, -1.0, nan, infinity}) {
    (void)error_of(Fault::usage, [&] { (void)hard_limit(bad); });
    (void)error_of(Fault::usage, [&] { (void)mnasnet_form(bad); });
    (void)error_of(Fault::usage, [&] { (void)bounded_form(bad); });
    (void)error_of(Fault::usage, [&] { (void)fbnet_sum_form(0.2, 0.6, bad); });
    (void)error_of(Fault::usage, [&] { (void)fbnet_product_form(0.2, 0.6, bad); });
    (void)error_of(Fault::usage, [&] { (void)inverse_form(bad); });
    (void)error_of(Fault::usage, [&] { (void)budget_form(bad); });
    (void)error_of(Fault::usage, [&] { (void)log_barrier_form(bad, 1); });
    (void)error_of(Fault::usage, [&] { (void)log_barrier_form(1, bad); });
  }
  CHECK(has(error_of(Fault::usage, [&] { (void)mnasnet_form(1, nan); }), "alpha"));
  CHECK(has(error_of(Fault::usage, [&] { (void)bounded_form(1, infinity); }), "weight"));
}

TEST_CASE("forms of several devices and metrics act together") {
  const auto space = std::make_shared<PositionSpace>(2, 3);
  const Model phone = made_up_model(all_prims(*space));
  model::Line twice;
  twice.scale = 2;
  const Model board = made_up_model(all_prims(*space), twice);
  const Model energy = made_up_model(all_prims(*space), {}, Metric::energy);
  const Arch arch{1, 2};
  const double cost = latency_of(arch);
  const HardwareObjective objective(space,
                                    std::vector<HardwarePerf>{{"phone.latency", phone, bounded_form(cost / 2, 1)},
                                                              {"board.latency", board, bounded_form(cost / 2, 0.5)},
                                                              {"energy", energy, fbnet_sum_form(3, 1, 1)},
                                                              {"again", phone, {}}});
  CHECK(objective.perf_names() == std::vector<std::string>{"phone.latency", "board.latency", "energy", "again"});
  const auto perfs = objective.get_perfs(arch);
  CHECK(perfs[0] == Approx(cost));
  CHECK(perfs[1] == Approx(2 * cost));
  CHECK(perfs[2] == Approx(cost));
  CHECK(objective.shaped_reward(arch, 0.8) == Approx(0.8 * 0.5 * 0.5));
  CHECK(objective.shaped_loss(arch, 1.5) == Approx(1.5 + 3 * cost));
  CHECK(objective.get_loss(arch) == Approx(3 * cost));
  CHECK(objective.get_reward(arch) == 0);
  CHECK(objective.directions() == std::vector<Direction>(4, Direction::minimize));
  CHECK(has(error_of(Fault::usage,
                     [&] {
                       HardwareObjective(space, std::vector<HardwarePerf>{{"a", phone, {}}, {"a", board, {}}});
                     }),
            "'a'"));

  const ContainerObjective both({std::make_shared<Task>(), std::make_shared<HardwareObjective>(objective)}, {1, 10});
  CHECK(both.get_loss(arch) == Approx(1.5 + 30 * cost));
  CHECK(both.get_reward(arch) == Approx(0.7 * 0.5 * 0.5));
  // Effects alone act on what is around them; a task within shields what is outside.
  const auto forms = std::make_shared<HardwareObjective>(objective);
  const auto task = std::make_shared<Task>();
  const auto effects = std::make_shared<ContainerObjective>(std::vector<std::shared_ptr<const Objective>>{forms});
  CHECK(ContainerObjective({effects, task}, {10, 1}).get_reward(arch) == Approx(0.7 * 0.25));
  CHECK(ContainerObjective({effects, task}, {10, 1}).get_loss(arch) == Approx(1.5 + 30 * cost));
  CHECK(ContainerObjective({std::make_shared<ContainerObjective>(both), task}, {}, {2, 1}).get_reward(arch) ==
        Approx(2 * 0.7 * 0.25 + 0.7));
  REQUIRE(both.directions().size() == 5);
  CHECK(both.directions()[0] == Direction::maximize);
  CHECK(both.directions()[1] == Direction::minimize);
}

TEST_CASE("costs on paper stand beside models") {
  const auto space = std::make_shared<PositionSpace>(2, 3);
  const PrimCost macs = [](const Prim& prim) { return 1e8 * prim.C_out; };
  const HardwareObjective objective(space, std::vector<HardwarePerf>{{"latency", made_up_model(all_prims(*space)), {}},
                                                                     {"flops", macs, budget_form(5e8, 0, 2)}});
  // 8 + 1 and 8 + 2 channels: 19e8, 3.8 budgets.
  CHECK(objective.get_perfs({1, 2})[1] == Approx(19e8));
  CHECK(objective.shaped_loss({1, 2}, 0.5) == Approx(0.5 * 14.44));
  CHECK(has(error_of(Fault::usage,
                     [&] {
                       HardwareObjective(space, std::vector<HardwarePerf>{{"flops", PrimCost(), {}}});
                     }),
            "'flops'"));
}

TEST_CASE("costs that no formula has a number for are errors, and neither rewards nor nothing") {
  const auto space = std::make_shared<PositionSpace>(2, 3);
  const double nan = std::nan("");
  const auto with = [&](double cost, CostForm form) {
    return HardwareObjective(
        space, std::vector<HardwarePerf>{{"joules", ArchCost([cost](const Arch&) { return cost; }), std::move(form)}});
  };
  const auto refused = [&](double cost, CostForm form) {
    return error_of(Fault::usage, [&] { (void)with(cost, std::move(form)).shaped_reward({1, 2}, 0.5); });
  };
  CHECK(has(refused(nan, bounded_form(1)), "'joules' of architecture 1.2 is not a number"));
  CHECK(has(error_of(Fault::usage, [&] { (void)with(nan, {}).get_perfs({1, 2}); }), "'joules'"));
  const PrimCost unknown = [&](const Prim& prim) { return prim.C_out == 10 ? nan : 1.0; };
  const HardwareObjective of_prims(space, std::vector<HardwarePerf>{{"flops", unknown, budget_form(1, 0, 0)}});
  CHECK(of_prims.shaped_loss({0, 1}, 0.5) == 0.5);
  CHECK(has(error_of(Fault::usage, [&] { (void)of_prims.shaped_loss({0, 2}, 0.5); }), "'flops'"));

  CHECK(has(refused(0, mnasnet_form(1)), "'joules' of architecture 1.2 is 0"));
  CHECK(has(refused(0, inverse_form(1)), "is 0"));
  CHECK(has(refused(-1, mnasnet_form(1)), "is -1"));
  CHECK(has(refused(-1, fbnet_sum_form()), "is -1"));
  CHECK(has(refused(-1, budget_form(1, 0.5)), "is -1"));
  // These have one.
  CHECK(with(0, bounded_form(1)).shaped_reward({1, 2}, 0.5) == 0.5);
  CHECK(with(-1, bounded_form(1, 1)).shaped_reward({1, 2}, 0.5) == 0.5);
  CHECK(with(0, mnasnet_form(1, 0, -1)).shaped_reward({1, 2}, 0.5) == 0.5);
  CHECK(with(0, fbnet_sum_form()).shaped_loss({1, 2}, 0.5) == 0.5);
  CHECK(with(infinity, hard_limit(1)).shaped_reward({1, 2}, 0.5) == -infinity);
  CHECK(with(2, log_barrier_form(1, 1)).shaped_loss({1, 2}, 0.5) == infinity);
  CHECK(std::isnan(bounded_form(1)(nan).reward_factor));
}

TEST_CASE("costs are computed once for each architecture, also from several threads") {
  const auto space = std::make_shared<CountedSpace>();
  const HardwareObjective objective(space, std::vector<Model>{made_up_model(all_prims(*space))});
  space->asked = 0;
  for (int i = 0; i < 5; ++i) CHECK(objective.get_perfs({1, 2})[0] == Approx(latency_of({1, 2})));
  CHECK(space->asked == 1);
  const HardwareObjective copy = objective;
  (void)copy.get_perfs({1, 2});
  CHECK(space->asked == 1);
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 900; ++i) {
        const Arch arch{static_cast<std::uint16_t>(i % 3), static_cast<std::uint16_t>(i / 3 % 3)};
        wrong += std::abs(objective.get_perfs(arch)[0] - latency_of(arch)) > 1e-12;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(space->asked <= 1 + 4 * 9);
}

TEST_CASE("objectives from aw_nas' files of every generation") {
  const auto space = std::make_shared<PositionSpace>(2, 3);
  const Model model = made_up_model(all_prims(*space));
  const TempFolder folder;
  save_model(folder.file("latency.json"), model);
  const Arch arch{2, 0};
  const double cost = latency_of(arch);

  SUBCASE("container of a task and hardware") {
    const auto file = folder.write("objective.yaml", R"(objective_type: container
objective_cfg:
  sub_objectives:
    - objective_type: detection
      objective_cfg: {num_classes: 20}
    - objective_type: hardware
      objective_cfg:
        hardware_perfmodel_type: lstm
        hardware_perfmodel_cfg:
          preprocessors: [ "block_sum", "flatten" ]
          prof_prims_cfg: {strides: [ 1, 2 ], use_ses: [ False, True ]}
        hardware_model_paths: [ "latency.json" ]
        perf_names: [ "latency" ]
  losses_coef: [1., 2]
  rewards_coef: [1, 0.5]
)");
    const auto objective = load_objective(file, space, {}, {{"detection", std::make_shared<Task>()}});
    CHECK(objective->perf_names() == std::vector<std::string>{"acc", "latency"});
    CHECK(objective->get_perfs(arch)[1] == Approx(cost));
    CHECK(objective->get_reward(arch) == Approx(0.7));
    CHECK(objective->get_loss(arch) == Approx(1.5));
    CHECK(has(error_of(Fault::missing, [&] { (void)load_objective(file, space); }), "'detection'"));
  }
  SUBCASE("the first generation, its model given beside") {
    const auto file = folder.write("objective.yaml", R"(hardware_obj_type: table
hardware_obj_cfg:
  prof_prims_cfg: {default_prim_type: mobilenet_v3_block}
hardware_model_path: null
perf_names: ["latency"]
preprocessors: ["flatten"]
)");
    CHECK(load_objective(file, space, {model})->get_perfs(arch)[0] == Approx(cost));
    CHECK(has(error_of(Fault::missing, [&] { (void)load_objective(file, space); }), "'latency'"));
  }
  SUBCASE("the second generation") {
    const auto file = folder.write("objective.yaml", R"(objective_type: hardware
objective_cfg:
  hardware_obj_type: regression
  hardware_obj_cfg:
    preprocessors: ["block_sum", "remove_anomaly", "flatten", "extract_sum_features"]
  prof_prims_cfg: {spatial_size: 224, strides: [1, 2], acts: ["relu6", "h_swish"], use_ses: [False, True]}
  hardware_model_paths: ["latency.json"]
  perf_names: ["latency"]
  schedule_cfg: null
)");
    CHECK(load_objective(file, space)->get_perfs(arch)[0] == Approx(cost));
  }
  SUBCASE("forms") {
    const auto with = [&](const std::string& form) {
      const auto file =
          folder.write("objective.yaml",
                       "hardware_perfmodel_type: table\nhardware_model_paths: [latency.json]\nforms: [" + form + "]\n");
      return std::dynamic_pointer_cast<const HardwareObjective>(load_objective(file, space));
    };
    const std::string half = std::to_string(cost / 2);
    CHECK(with("null")->shaped_reward(arch, 0.5) == 0.5);
    CHECK(with("{type: hard_limit, limit: 1}")->shaped_reward(arch, 0.5) == 0.5);
    CHECK(with("{type: mnasnet, target: 1e-4, alpha: 0, beta: -1.}")->shaped_reward(arch, 0.5) ==
          Approx(0.5 * 1e-4 / cost));
    CHECK(with("{type: bounded, bound: 1e-4, weight: 1}")->shaped_reward(arch, 0.5) == Approx(0.5 * 1e-4 / cost));
    CHECK(with("{type: fbnet_sum}")->shaped_loss(arch, 1) == Approx(1 + 0.2 * std::pow(cost * 1e3, 0.6)));
    CHECK(with("{type: fbnet_product}")->shaped_loss(arch, 2) == Approx(0.4 * std::pow(cost * 1e3, 0.6)));
    CHECK(with("{type: inverse, most: 1}")->shaped_reward(arch, 0.5) == Approx(0.5 + 0.1 * (1e-3 / cost - 1e-3)));
    double most = 0;  // of each position the dearest
    for (std::uint16_t position = 0; position < 2; ++position) {
      double dearest = 0;
      for (std::uint16_t option = 0; option < 3; ++option) {
        Arch other{0, 0};
        other[position] = option;
        dearest = std::max(dearest, made_up_cost(space->primitives(other)[position]));
      }
      most += dearest;
    }
    CHECK(with("{type: inverse}")->shaped_reward(arch, 0.5) == Approx(0.5 + 0.1 * (1e-3 / cost - 1e-3 / most)));
    CHECK(with("{type: budget, budget: 1e-4}")->shaped_loss(arch, 2) == Approx(2 * cost / 1e-4));
    CHECK(with("{type: log_barrier, limit: 1, weight: 2}")->shaped_loss(arch, 2) == Approx(2 - 2 * std::log(1 - cost)));
    CHECK(has(error_of(Fault::input, [&] { (void)with("{type: mnasnett, target: 1}"); }), "mnasnet"));
    CHECK(has(error_of(Fault::input, [&] { (void)with("{type: mnasnet, target: -1}"); }), "target"));
    CHECK(has(error_of(Fault::input, [&] { (void)with("{type: mnasnet}"); }), "target"));
    CHECK(has(error_of(Fault::input, [&] { (void)with("{type: hard_limit, limit: 1, target: 1}"); }), "target"));
    CHECK(has(error_of(Fault::input, [&] { (void)with("null, null"); }), "one per perf"));
  }
  SUBCASE("factors reach the task of their container") {
    const auto with = [&](const std::string& form, const std::string& coefs) {
      const auto file = folder.write("objective.yaml", R"(objective_type: container
objective_cfg:
  sub_objectives:
    - objective_type: classification
    - objective_type: hardware
      objective_cfg:
        hardware_perfmodel_type: table
        hardware_model_paths: [latency.json]
        forms: [)" + form + "]\n" + coefs);
      return load_objective(file, space, {}, {{"classification", std::make_shared<Task>()}});
    };
    const auto mnasnet = with("{type: mnasnet, target: 1e-4, alpha: -0.07, beta: -0.07}", "");
    CHECK(mnasnet->get_reward(arch) == Approx(0.7 * std::pow(cost / 1e-4, -0.07)));
    CHECK(mnasnet->get_reward(arch) < 0.69);
    CHECK(mnasnet->get_loss(arch) == Approx(1.5));
    CHECK(with("{type: bounded, bound: 1e-4, weight: 1}", "")->get_reward(arch) == Approx(0.7 * 1e-4 / cost));
    const auto product = with("{type: fbnet_product}", "  losses_coef: [2, 3]\n");
    CHECK(product->get_loss(arch) == Approx(2 * 1.5 * 0.2 * std::pow(cost * 1e3, 0.6)));
    CHECK(product->get_reward(arch) == Approx(0.7));
    CHECK(with("{type: budget, budget: 1e-4}", "")->get_loss(arch) == Approx(1.5 * cost / 1e-4));
    CHECK(with("{type: fbnet_sum}", "  losses_coef: [2, 3]\n")->get_loss(arch) ==
          Approx(3 + 3 * 0.2 * std::pow(cost * 1e3, 0.6)));
    const auto out = with("{type: hard_limit, limit: 1e-9}", "  losses_coef: [1, 0]\n");
    CHECK(out->get_loss(arch) == Approx(1.5));
    CHECK(out->get_reward(arch) == -infinity);
  }
  SUBCASE("aw_nas' own types with a cost") {
    folder.write("speed.txt", "1.5 2 4\n0.25\t3 1.e+0\n\n");
    const auto load = [&](const std::string& content) {
      return load_objective(folder.write("objective.yaml", content), space, {},
                            {{"classification", std::make_shared<Task>()}});
    };
    // Option 2, then 0: 4.25 of at most 7 ms.
    const auto fbnet = load("objective_type: latency\nobjective_cfg: {alpha: 0.5, beta: 0.25}\n");
    CHECK(fbnet->perf_names() == std::vector<std::string>{"acc", "mean_latency"});
    CHECK(fbnet->get_perfs(arch)[1] == Approx(4.25e-3));
    CHECK(fbnet->get_loss(arch) == Approx(1.5 + 0.5 * std::pow(4.25, 0.25)));
    CHECK(fbnet->get_reward(arch) == Approx(0.7));
    CHECK(load("objective_type: latency\n")->get_loss(arch) == Approx(1.5 + 0.2 * std::pow(4.25, 0.6)));
    const auto bbssp =
        load("objective_type: latency\nobjective_cfg: {lamb: 0.1, loss: product, latency_file: speed.txt}\n");
    CHECK(bbssp->get_loss(arch) == Approx(1.5 * 0.2 * std::pow(4.25, 0.6)));
    CHECK(bbssp->get_reward(arch) == Approx(0.7 + 0.1 * (1 / 4.25 - 1 / 7.0)));
    const auto in_seconds = load("objective_type: latency\nobjective_cfg: {unit: 1}\n");
    CHECK(in_seconds->get_perfs(arch)[1] == Approx(4.25));
    CHECK(in_seconds->get_loss(arch) == Approx(1.5 + 0.2 * std::pow(4.25, 0.6)));
    // A layer whose cell group has one block left, as ssprofile's choice leaves some, costs what it costs.
    folder.write("speed.txt", "1\n1.5 2 4\n0.5\n0.25 3 1\n");
    CHECK(load("objective_type: latency\n")->get_perfs(arch)[1] == Approx(5.75e-3));
    CHECK(load("objective_type: latency\nobjective_cfg: {lamb: 0.1}\n")->get_reward(arch) ==
          Approx(0.7 + 0.1 * (1 / 5.75 - 1 / 8.5)));
    // As ssprofile writes it, and as its files may be written by hand.
    folder.write("speed.txt", "# dry run: random latencies\n1.5,2, 4 # stem\n\n0.25 3 1#\n");
    CHECK(load("objective_type: latency\n")->get_perfs(arch)[1] == Approx(4.25e-3));
    folder.write("speed.txt", "1.5 2 4\n0.25 3 1\n");
    const auto nested = load(
        "objective_type: container\nobjective_cfg: {sub_objectives: [{objective_type: latency}], losses_coef: [2]}\n");
    CHECK(nested->get_loss(arch) == Approx(2 * (1.5 + 0.2 * std::pow(4.25, 0.6))));

    // conv_1x1 at 8 px from 8 to 8 + 2, and at 9 px from 8 to 8.
    const double flops = 2 * (64.0 * 8 * 10 + 81.0 * 8 * 8);
    const auto paper = load("objective_type: flops\n");
    CHECK(paper->get_perfs(arch) == std::vector<double>{flops});
    CHECK(paper->get_reward(arch) == 0);
    const std::string budget = "objective_type: classification-with-flops-reg\nobjective_cfg:\n  flops_budget: 1.e+4\n";
    CHECK(load(budget)->get_loss(arch) == Approx(1.5 * flops / 1e4));
    CHECK(load(budget + "  flops_penalty_cfg: {a: 0, b: 0.5}\n")->get_loss(arch) ==
          Approx(1.5 * std::sqrt(flops / 1e4)));
    CHECK(load("objective_type: classification-with-flops-reg\n")->get_loss(arch) == Approx(1.5));

    const auto bad = [&](const std::string& content) { return error_of(Fault::input, [&] { (void)load(content); }); };
    CHECK(has(bad("objective_type: latency\nobjective_cfg: {alhpa: 1}\n"), "alpha"));
    CHECK(has(bad("objective_type: latency\nobjective_cfg: {loss: both}\n"), "sum or product"));
    CHECK(has(bad("objective_type: latency\nobjective_cfg: {unit: -1}\n"), "unit"));
    CHECK(has(bad("objective_type: latency\nobjective_cfg: {latency_file: none.txt}\n"), "none.txt"));
    folder.write("speed.txt", "1 2 3\n1 2\n");
    CHECK(has(bad("objective_type: latency\n"), "speed.txt:2: decision 'position1' has 3 options"));
    folder.write("speed.txt", "1 2 3\n");
    CHECK(has(bad("objective_type: latency\n"), "2 decisions"));
    folder.write("speed.txt", "1 2 3\n1 2 3\n1 2 3\n");
    CHECK(has(bad("objective_type: latency\n"), "speed.txt:3"));
    folder.write("speed.txt", "1 2 3\n1 x 3\n");
    CHECK(has(bad("objective_type: latency\n"), "'x'"));
    const auto file = folder.write("objective.yaml", "objective_type: latency\n");
    CHECK(has(error_of(Fault::missing, [&] { (void)load_objective(file, space); }), "'classification'"));
  }
  SUBCASE("what cannot be") {
    const auto refused = [&](Fault fault, const std::string& content) {
      const auto file = folder.write("objective.yaml", content);
      return error_of(fault, [&] { (void)load_objective(file, space, {model}); });
    };
    CHECK(has(refused(Fault::unsupported, "hardware_perfmodel_type: table\nhardware_model_paths: [a.pkl]\n"),
              "export_awnas_pickle.py"));
    (void)refused(Fault::input, "hardware_perfmodel_type: table\nhardware_model_paths: [none.json]\n");
    CHECK(has(refused(Fault::input, "hardware_perfmodel_type: table\nhardware_model_paths: [a.json, b.json]\n"),
              "one per perf"));
    CHECK(has(refused(Fault::input, "hardware_perfmodel_type: table\nhardware_model_pahts: [a]\n"),
              "hardware_model_paths"));
    CHECK(has(refused(Fault::input, "search_space_type: ofa\n"), "objective_type"));
    CHECK(has(refused(Fault::input,
                      "objective_type: container\nobjective_cfg:\n  sub_objectives:\n  - {objective_type: hardware, "
                      "objective_cfg: {hardware_perfmodel_type: table}}\n  losses_coef: [1, 2]\n"),
              "one per objective"));
    (void)refused(Fault::input, "objective_type: hardware\n");
    const std::string container =
        "objective_type: container\nobjective_cfg:\n  sub_objectives:\n  - {objective_type: hardware, objective_cfg: "
        "{hardware_perfmodel_type: table}}\n";
    const auto misspelt = refused(Fault::input, container + "  loses_coef: [2]\n");
    CHECK(has(misspelt, "objective.yaml:5"));
    CHECK(has(misspelt, "did you mean losses_coef"));
    CHECK(
        has(refused(Fault::input, "objective_type: container\nobjective_cfg: {sub_objectives: [{objective_typ: a}]}\n"),
            "did you mean objective_type"));
    CHECK(has(refused(Fault::input,
                      "hardware_perfmodel_type: table\nhardware_model_paths: [latency.json]\nperf_names: [energy]\n"),
              "'latency'"));
    const auto energy = made_up_model(all_prims(*space), {}, Metric::energy);
    save_model(folder.file("energy.json"), energy);
    CHECK(has(refused(Fault::input, "hardware_perfmodel_type: table\nhardware_model_paths: [energy.json]\n"),
              "'energy'"));
  }
}
