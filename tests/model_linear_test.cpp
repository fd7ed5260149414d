// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>

#include "model/least_squares.hpp"
#include "model_support.hpp"
#include "throws.hpp"

using namespace hwprof;
using namespace hwprof_test;
using doctest::Approx;

TEST_CASE("scale and bias of a noiseless device come out exactly") {
  Device device;
  const Model model = fit(device.measure(60, 1));
  const auto& summary = model.summary();
  CHECK(model.kind() == "linear");
  CHECK(summary.coefficients.at("scale") == Approx(1.1));
  CHECK(summary.coefficients.at("bias") == Approx(3e-4));
  CHECK(summary.coefficients.count("per_block") == 0);
  CHECK(summary.fit_mape < 1e-9);
  CHECK(summary.cv_mape < 1e-9);
  CHECK(summary.nets_used == 60);
  for (const auto& record : device.measure(10, 99, "validation"))
    CHECK(model.predict(prims_of(record)) == Approx(record.overall.at(Metric::latency).value));
}

TEST_CASE("with noise the coefficients are near, and the cross-validated error is that of the noise") {
  Device device;
  device.noise = 0.02;
  device.prim_noise = 0.03;
  const Model model = fit(device.measure(300, 2));
  CHECK(model.summary().coefficients.at("scale") == Approx(1.1).epsilon(0.02));
  CHECK(model.summary().coefficients.at("bias") == Approx(3e-4).epsilon(0.15));
  // The mean of |normal| is 0.798 deviations.
  CHECK(model.summary().cv_mape == Approx(0.02 * 0.798).epsilon(0.25));
  CHECK(model.summary().cv_mape > model.summary().fit_mape);
  const auto fresh = device.measure(300, 77, "validation");
  const Evaluation seen = evaluate(model, fresh);
  CHECK(seen.mape == Approx(0.02 * 0.798).epsilon(0.25));
  // About 68 of 100 measurements lie within one standard error.
  int within = 0;
  for (const auto& record : fresh) {
    const Prediction p = model.predict_with_error(prims_of(record));
    if (std::abs(p.value - record.overall.at(Metric::latency).value) <= p.standard_error) ++within;
  }
  CHECK(within > 170);
  CHECK(within < 260);
}

TEST_CASE("the number of blocks is a second variable when asked for") {
  Device device;
  device.per_block = 5e-5;
  FitOptions options;
  CHECK(fit(device.measure(60, 3), options).summary().fit_mape > 1e-4);
  options.num_blocks = true;
  const Model model = fit(device.measure(60, 3), options);
  CHECK(model.summary().coefficients.at("per_block") == Approx(5e-5));
  CHECK(model.summary().coefficients.at("scale") == Approx(1.1));
  CHECK(model.summary().coefficients.at("bias") == Approx(3e-4));
}

TEST_CASE("outlying networks are dropped and counted; with huber they stay and weigh little") {
  Device device;
  device.noise = 0.005;
  auto records = device.measure(60, 4);
  for (int i = 0; i < 60; i += 8) records[static_cast<std::size_t>(i)].overall[Metric::latency].value *= 3;
  const Model dropped = fit(records);
  CHECK(dropped.summary().nets_dropped == 8);
  CHECK(dropped.summary().nets_used == 52);
  CHECK(dropped.summary().coefficients.at("scale") == Approx(1.1).epsilon(0.02));
  FitOptions options;
  options.huber = true;
  const Model huber = fit(records, options);
  CHECK(huber.summary().nets_dropped == 0);
  CHECK(huber.summary().nets_used == 60);
  CHECK(huber.summary().coefficients.at("scale") == Approx(1.1).epsilon(0.05));
}

TEST_CASE("Huber's weights resist what plain least squares does not") {
  Eigen::MatrixXd x(40, 2);
  Eigen::VectorXd y(40);
  for (int i = 0; i < 40; ++i) {
    x(i, 0) = 1 + 0.1 * i;
    x(i, 1) = 1;
    y[i] = 2 * x(i, 0) + 0.5 + 1e-3 * (i % 3 - 1);
  }
  for (const int i : {33, 36, 39}) y[i] *= 2;
  const Eigen::VectorXd weights = Eigen::VectorXd::Ones(40);
  const auto plain = model::solve_relative(x, y, weights, {});
  const auto huber = model::solve_relative(x, y, weights, {0, true, false});
  CHECK(std::abs(plain.coefficients[0] - 2) > 0.05);
  CHECK(std::abs(huber.coefficients[0] - 2) < 5e-3);
  CHECK(std::abs(huber.coefficients[1] - 0.5) < 1e-2);
}

TEST_CASE("non-negative coefficients are the best ones among the non-negative") {
  Device device;
  device.bias = -2e-4;
  FitOptions options;
  CHECK(fit(device.measure(60, 5), options).summary().coefficients.at("bias") == Approx(-2e-4));
  options.nonnegative = true;
  const auto coefficients = fit(device.measure(60, 5), options).summary().coefficients;
  CHECK(coefficients.at("bias") == 0);
  CHECK(coefficients.at("scale") > 0);
  // With the bias at 0 the best scale of the relative error is Σ(S/y) / Σ(S/y)².
  double first = 0;
  double second = 0;
  for (const auto& record : device.measure(60, 5)) {
    double ratio = 0;
    for (const auto& prim : record.prims) ratio += prim.perf.at(Metric::latency).value;
    ratio /= record.overall.at(Metric::latency).value;
    first += ratio;
    second += ratio * ratio;
  }
  CHECK(coefficients.at("scale") == Approx(first / second));
}

TEST_CASE("ridge shrinks the slope, not the bias") {
  Device device;
  FitOptions options;
  double before = 2;
  for (const double ridge : {0.0, 0.01, 0.1, 1.0, 100.0}) {
    options.ridge = ridge;
    const auto coefficients = fit(device.measure(60, 6), options).summary().coefficients;
    CHECK(coefficients.at("scale") < before);
    CHECK(coefficients.at("scale") > 0);
    before = coefficients.at("scale");
  }
  CHECK(before < 0.05);
}

TEST_CASE("a relative fit, checked against the normal equations") {
  // Rows (x, y) = (1, 2), (2, 3), (4, 7): weights 1/y² give scale and bias by hand.
  const double xs[] = {1, 2, 4};
  const double ys[] = {2, 3, 7};
  double w = 0, wx = 0, wxx = 0, wy = 0, wxy = 0;
  Eigen::MatrixXd x(3, 2);
  Eigen::VectorXd y(3);
  for (int i = 0; i < 3; ++i) {
    const double weight = 1 / (ys[i] * ys[i]);
    w += weight, wx += weight * xs[i], wxx += weight * xs[i] * xs[i], wy += weight * ys[i],
        wxy += weight * xs[i] * ys[i];
    x(i, 0) = xs[i];
    x(i, 1) = 1;
    y[i] = ys[i];
  }
  const double slope = (w * wxy - wx * wy) / (w * wxx - wx * wx);
  const auto found = model::solve_relative(x, y, Eigen::VectorXd::Ones(3), {});
  CHECK(found.determined);
  CHECK(found.coefficients[0] == Approx(slope));
  CHECK(found.coefficients[1] == Approx((wy - slope * wx) / w));
}

TEST_CASE("eight whole architectures decide alone; the packed networks stay in the table") {
  Device packed;
  packed.scale = 2;
  packed.kinds = 28;
  Device whole;
  auto records = packed.measure(40, 7, "coverage");
  const auto calibration = whole.measure(12, 8, "calibration");
  records.insert(records.end(), calibration.begin(), calibration.end());
  const Model model = fit(records);
  CHECK(model.summary().nets_used == 12);
  CHECK(model.summary().coefficients.at("scale") == Approx(1.1));
  CHECK(model.summary().prims_known == 28);
}

TEST_CASE("too few and too similar networks are refused with what to do") {
  Device device;
  const auto records = device.measure(2, 9);
  CHECK(has(error_of(Fault::missing, [&] { (void)fit(records); }), "at least 3 networks"));
  const std::vector<NetRecord> same(10, records[0]);
  CHECK(has(error_of(Fault::missing, [&] { (void)fit(same); }), "too much alike"));
  auto parts = device.measure(10, 9);
  for (auto& record : parts) record.overall.clear();
  CHECK(has(error_of(Fault::missing, [&] { (void)fit(parts); }), "found 0"));
}

TEST_CASE("cross-validation rebuilds the table without the networks held out") {
  // Every network measures its one primitive kind 10 % off in its own way, and its total agrees with that: the
  // fit is perfect on paper, held-out networks see the others' measurements.
  std::vector<NetRecord> records;
  for (int n = 0; n < 20; ++n) {
    const double own = n % 2 == 0 ? 1.1 : 0.9;
    std::vector<int> prims{n / 2, n / 2};
    const double cost = own * 1e-4 * (1 + n / 2);
    std::vector<double> costs{cost, cost};
    if (n % 2 == 1) {  // of no weight, but another network than the one before
      prims.push_back(23);
      costs.push_back(1e-13);
    }
    records.push_back(record_of(std::to_string(n), prims, costs, 2 * cost));
  }
  FitOptions options;
  options.kind = "table";
  const auto summary = fit(records, options).summary();
  CHECK(summary.fit_mape == Approx((0.1 / 1.1 + 0.1 / 0.9) / 2));
  CHECK(summary.cv_mape > 1.2 * summary.fit_mape);
  CHECK(fit(records, options).summary().cv_mape == summary.cv_mape);
  for (const auto& record : records) CHECK(fit({record}, options).summary().cv_mape == 0);
}

TEST_CASE("what nobody else measures keeps its value in cross-validation, and is noted") {
  std::vector<NetRecord> records;
  for (int n = 0; n < 12; ++n) records.push_back(record_of(std::to_string(n), {n}, {1e-3 * (1 + n)}, 1.2e-3 * (1 + n)));
  FitOptions options;
  options.kind = "table";
  const auto summary = fit(records, options).summary();
  CHECK(summary.cv_mape == Approx(1 - 1 / 1.2));
  const auto noted = [](const std::string& note) {
    return note.find("12 primitives occur in held-out") != std::string::npos;
  };
  CHECK(std::any_of(summary.notes.begin(), summary.notes.end(), noted));
}

TEST_CASE("a prediction is never below 0") {
  Device device;
  device.bias = -5e-4;
  const Model model = fit(device.measure(60, 10));
  CHECK(model.predict({prim_of(0)}) == 0);
}
