// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <Eigen/Dense>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/files.hpp"
#include "model/bayes.hpp"
#include "model_support.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;

namespace {

/// A device on which every primitive costs more or less inside a network than alone.
struct ContextDevice {
  double deviation = 0.2, noise = 0.004, prim_noise = 0.01, scale = 1.1, bias = 2e-4;
  std::uint64_t seed = 7;

  [[nodiscard]] double inside(int prim) const {
    std::mt19937_64 rng(seed + static_cast<std::uint64_t>(prim));
    std::normal_distribution<double> normal;
    return Device::cost(prim) * scale * std::max(0.1, 1 + deviation * normal(rng));
  }

  [[nodiscard]] std::vector<NetRecord> measure(int nets, std::uint64_t draw, const std::string& purpose = "") const {
    std::mt19937_64 rng(draw);
    std::normal_distribution<double> normal;
    std::vector<NetRecord> records;
    for (int n = 0; n < nets; ++n) {
      std::vector<int> prims;
      std::vector<double> costs;
      double sum = bias;
      const int count = 6 + static_cast<int>(rng() % 9);
      for (int i = 0; i < count; ++i) {
        prims.push_back(static_cast<int>(rng() % 24));
        costs.push_back(Device::cost(prims.back()) * (1 + prim_noise * normal(rng)));
        sum += inside(prims.back());
      }
      records.push_back(record_of(purpose + std::to_string(n), prims, costs, sum * (1 + noise * normal(rng)), purpose));
    }
    return records;
  }
};

Model fit_kind(const std::vector<NetRecord>& records, const std::string& kind) {
  FitOptions options;
  options.kind = kind;
  return fit(records, options);
}

model::BayesProblem random_problem(Eigen::Index nets, Eigen::Index prims) {
  std::mt19937_64 rng(3);
  std::normal_distribution<double> normal;
  model::BayesProblem problem;
  problem.a =
      Eigen::MatrixXd::NullaryExpr(nets, prims, [&] { return std::abs(normal(rng)) / static_cast<double>(prims); });
  problem.d = Eigen::VectorXd::NullaryExpr(nets, [&] { return 1 + std::abs(normal(rng)); });
  problem.weights = Eigen::VectorXd::NullaryExpr(nets, [&] { return rng() % 2 == 0 ? 1.0 : 0.25; });
  problem.own = Eigen::VectorXd::NullaryExpr(prims, [&] { return 1e-3 * std::abs(normal(rng)); });
  problem.bias_prior = 0.5;
  return problem;
}

/// The joint prior of (t, bias) and the noise, written out: mean 1 and 0, covariance V + 1·1ᵀ and bias².
struct Plain {
  Eigen::MatrixXd x, prior, noise;
  Eigen::VectorXd mean, rest;

  Plain(const model::BayesProblem& problem, const model::BayesSettings& settings) {
    const Eigen::Index p = problem.a.cols();
    x.resize(problem.a.rows(), p + 1);
    x << problem.a, problem.d;
    prior = Eigen::MatrixXd::Zero(p + 1, p + 1);
    prior.topLeftCorner(p, p).setOnes();
    for (Eigen::Index i = 0; i < p; ++i)
      prior(i, i) += std::max(1e-6, settings.deviation * settings.deviation + problem.own[i]);
    prior(p, p) = problem.bias_prior * problem.bias_prior;
    noise = (settings.noise * settings.noise * problem.weights.cwiseInverse()).asDiagonal();
    mean = Eigen::VectorXd::Ones(p + 1);
    mean[p] = 0;
    rest = Eigen::VectorXd::Ones(problem.a.rows()) - x * mean;
  }
  [[nodiscard]] Eigen::MatrixXd covariance() const { return x * prior * x.transpose() + noise; }
};

}  // namespace

TEST_CASE("the evidence and the posterior are those of the joint normal distribution") {
  for (const auto& sizes : {std::pair<int, int>{9, 20}, {40, 12}}) {
    const int nets = sizes.first, prims = sizes.second;
    CAPTURE(nets);
    const auto problem = random_problem(nets, prims);
    std::vector<double> constants;
    for (const model::BayesSettings settings : {model::BayesSettings{0.1, 0.05}, {0.3, 0.2}, {0.02, 0.01}}) {
      const Plain plain(problem, settings);
      const Eigen::MatrixXd covariance = plain.covariance();
      const double expected =
          -0.5 * (std::log(covariance.determinant()) + plain.rest.dot(covariance.inverse() * plain.rest));
      CHECK(model::log_evidence(problem, settings) == Approx(expected).epsilon(1e-6));

      const auto solution = model::solve_bayes(problem, settings);
      const Eigen::MatrixXd gain = plain.prior * plain.x.transpose() * covariance.inverse();
      const Eigen::VectorXd mean = plain.mean + gain * plain.rest;
      const Eigen::MatrixXd posterior = plain.prior - gain * plain.x * plain.prior;
      if ((mean.head(prims).array() > 0).all()) {
        CHECK((solution.factors - mean.head(prims)).cwiseAbs().maxCoeff() < 1e-6);
        CHECK(solution.bias == Approx(mean[prims]).epsilon(1e-6));
      }
      const Eigen::MatrixXd found = solution.error_factor * solution.error_factor.transpose();
      CHECK((found - posterior).cwiseAbs().maxCoeff() < 1e-6);
      CHECK(solution.information.minCoeff() >= 0);
      CHECK(solution.information.maxCoeff() <= 1);
    }
  }
}

TEST_CASE("no cost is below 0, and the bounded posterior mode is a minimum") {
  auto problem = random_problem(40, 6);
  // Such that column 0 would like a negative factor.
  problem.a.rowwise() += Eigen::RowVectorXd::Constant(6, 0.3);
  for (Eigen::Index row = 0; row < 40; ++row) problem.a(row, 0) += 0.8 * (problem.a.row(row).tail(5).sum() - 1);
  const model::BayesSettings settings{2.0, 0.02};
  const auto solution = model::solve_bayes(problem, settings);
  CHECK(solution.factors.minCoeff() >= 0);
  const auto objective = [&](const Eigen::VectorXd& t, double scale, double bias) {
    const Eigen::VectorXd rest = Eigen::VectorXd::Ones(40) - problem.a * t - problem.d * bias;
    double sum = rest.cwiseProduct(problem.weights).dot(rest) / std::pow(settings.noise, 2);
    for (Eigen::Index i = 0; i < 6; ++i) sum += std::pow(t[i] - scale, 2) / (4 + problem.own[i]);
    return sum + std::pow(scale - 1, 2) + std::pow(bias / problem.bias_prior, 2);
  };
  const double least = objective(solution.factors, solution.scale, solution.bias);
  for (int i = 0; i < 6; ++i)
    for (const double step : {-1e-4, 1e-4}) {
      Eigen::VectorXd t = solution.factors;
      t[i] = std::max(0.0, t[i] + step);
      CHECK(objective(t, solution.scale, solution.bias) >= least - 1e-9);
    }
}

TEST_CASE("costs that differ inside networks are found, and beat the line over isolated costs") {
  const ContextDevice device;
  const auto train = device.measure(80, 1);
  const auto test = device.measure(200, 2, "validation");
  const Model calibrated = fit_kind(train, "calibrated");
  const double line = evaluate(fit_kind(train, "linear"), test).mape;
  const double ours = evaluate(calibrated, test).mape;
  CHECK(line > 0.03);  // so there is something to win
  CHECK(ours < line / 3);
  CHECK(calibrated.summary().cv_mape == Approx(ours).epsilon(0.5));
  CHECK(calibrated.summary().coefficients.at("scale") == Approx(1.1).epsilon(0.1));
  CHECK(calibrated.summary().coefficients.at("noise") == Approx(0.004).epsilon(0.5));
  for (int prim = 0; prim < 24; ++prim)
    CHECK(calibrated.entry(prim_of(prim))->value == Approx(device.inside(prim)).epsilon(0.08));
}

TEST_CASE("where the sum is all there is, it costs next to nothing") {
  ContextDevice device;
  device.deviation = 0;
  const auto train = device.measure(60, 1);
  const auto test = device.measure(200, 2, "validation");
  CHECK(evaluate(fit_kind(train, "calibrated"), test).mape < 1.15 * evaluate(fit_kind(train, "linear"), test).mape);
}

TEST_CASE("the standard error is that of held-out networks") {
  const ContextDevice device;
  for (const int nets : {12, 80}) {
    const Model model = fit_kind(device.measure(nets, 5), "calibrated");
    int within = 0;
    int n = 0;
    for (const auto& record : device.measure(300, 6)) {
      const auto prims = prims_of(record);
      if (!model.missing(prims).empty()) continue;
      const auto prediction = model.predict_with_error(prims);
      ++n;
      if (std::abs(prediction.value - record.overall.at(Metric::latency).value) < 1.96 * prediction.standard_error)
        ++within;
    }
    CAPTURE(nets);
    CHECK(within > 0.85 * n);  // 0.95 expected
    CHECK(within < 0.999 * n);
  }
}

TEST_CASE("says what the networks do not tell") {
  const ContextDevice device;
  auto records = device.measure(60, 1);
  // 30 and 31 are in every network that has one of them, once each; 32 was measured alone only.
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (i % 2 == 0) continue;
    const auto more = record_of("", {30, 31}, {3e-4, 4e-4}, 0);
    records[i].prims.insert(records[i].prims.end(), more.prims.begin(), more.prims.end());
    records[i].overall[Metric::latency].value += 9e-4;
  }
  records.push_back(record_of("alone", {32}, {5e-4}, -1));
  const Model model = fit_kind(records, "calibrated");
  const auto list = identified(model);
  REQUIRE(list.size() == 27);
  CHECK(list.front().prim == prim_of(32));
  CHECK(list.front().information < 1e-6);
  CHECK_FALSE(list.front().separate);
  CHECK(list.front().isolated == 5e-4);
  for (const auto& one : list) {
    const bool pair = one.prim == prim_of(30) || one.prim == prim_of(31);
    CHECK(one.separate == !(pair || one.prim == prim_of(32)));
    if (pair) CHECK(one.information < 0.9);
  }
  CHECK(model.predict({prim_of(30), prim_of(31)}) - model.predict({}) == Approx(9e-4).epsilon(0.03));
  const auto& notes = model.summary().notes;
  CHECK(std::any_of(notes.begin(), notes.end(), [](const auto& note) {
    return note.find("not identified") != std::string::npos && note.find(to_string(prim_of(32))) != std::string::npos;
  }));
  CHECK(has(error_of(Fault::usage, [&] { (void)identified(fit_kind(records, "table")); }), "calibrated"));
}

TEST_CASE("too few networks are refused, and so are options of another kind") {
  const ContextDevice device;
  CHECK(has(error_of(Fault::missing, [&] { (void)fit_kind(device.measure(3, 1), "calibrated"); }), "at least 4"));
  FitOptions options;
  options.kind = "calibrated";
  options.ridge = 1;
  CHECK(has(error_of(Fault::usage, [&] { (void)fit(device.measure(30, 1), options); }), "'calibrated'"));
}

TEST_CASE("a saved model predicts identically, and damaged files are refused") {
  const ContextDevice device;
  const Model model = fit_kind(device.measure(30, 1), "calibrated");
  const TempFolder folder;
  save_model(folder.file("m.json"), model);
  const Model again = load_model(folder.file("m.json"));
  for (const auto& record : device.measure(10, 9)) {
    const auto prims = prims_of(record);
    CHECK(again.predict(prims) == model.predict(prims));
    CHECK(again.predict_with_error(prims).standard_error == model.predict_with_error(prims).standard_error);
  }
  CHECK(identified(again).front().information == identified(model).front().information);
  const std::string text = base::read_file(folder.file("m.json"));
  save_model(folder.file("again.json"), again);
  CHECK(base::read_file(folder.file("again.json")) == text);

  const auto refusal = [&](auto change) {
    auto content = nlohmann::json::parse(text);
    change(content);
    const std::string file = folder.write("bad.json", content.dump());
    return error_of(Fault::input, [&] { (void)load_model(file); });
  };
  using nlohmann::json;
  CHECK(has(refusal([](json& m) { m["errors"].erase(0); }), "25 rows are expected"));
  CHECK(has(refusal([](json& m) { m["errors"][3].push_back(1); }),
            "errors[3]: 22 numbers are expected, or one; found 23"));
  CHECK(has(refusal([](json& m) { m["errors"][0] = json::array(); }), "found 0"));
  CHECK(has(refusal([](json& m) { m["errors"][0][0] = 1e30; }), "errors[0]"));
  CHECK(has(refusal([](json& m) { m["errors"][0][0] = nullptr; }), "errors[0]"));
  CHECK(has(refusal([](json& m) { m["table"][2]["information"] = 1.5; }), "table[2]: information"));
  CHECK(has(refusal([](json& m) { m["table"][2].erase("separate"); }), "separate"));
  CHECK(has(refusal([](json& m) { m["coefficients"]["scale"] = 1; }), "unknown key 'scale'"));
}
