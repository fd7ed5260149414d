// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace hwprof_cli {
namespace {

template <typename... Values>
std::string print_text(const char* format, Values... values) {
  std::array<char, 160> buffer{};
  std::snprintf(buffer.data(), buffer.size(), format, values...);
  return buffer.data();
}

const char* name_of(hwprof::Fault fault) {
  switch (fault) {
    case hwprof::Fault::usage:
      return "usage";
    case hwprof::Fault::input:
      return "input";
    case hwprof::Fault::unsupported:
      return "unsupported";
    case hwprof::Fault::device:
      return "device";
    case hwprof::Fault::missing:
      return "missing";
    case hwprof::Fault::interrupted:
      return "interrupted";
    case hwprof::Fault::internal:
      break;
  }
  return "internal";
}

}  // namespace

void print_json(const Json& json) {
  std::cout << json.dump(1, ' ', false, Json::error_handler_t::replace) << '\n';
}

void print_error(hwprof::Fault fault, const std::string& message, bool json) {
  std::cerr << "hwprof-cli: " << message << '\n';
  if (json)
    print_json({{"schema", "hwprof.error/1"},
                {"error", {{"fault", name_of(fault)}, {"code", static_cast<int>(fault)}, {"message", message}}}});
}

void write_file(const std::string& file, const std::string& text) {
  std::string part = file + ".hwprof-part-XXXXXX";  // as the library names what it has not finished
  const int handle = ::mkstemp(part.data());
  if (handle >= 0) {
    ::fchmod(handle, 0644);
    ::close(handle);
    std::ofstream out(part, std::ios::binary);
    out << text;
    out.close();
    std::error_code error;
    if (out) std::filesystem::rename(part, file, error);
    if (out && !error) return;
    std::filesystem::remove(part, error);
  }
  throw hwprof::Error(hwprof::Fault::input, file + ": cannot be written");
}

void flush_output() {
  std::cout.flush();
  if (!std::cout) throw hwprof::Error(hwprof::Fault::input, "standard output cannot be written");
}

std::string seconds_text(double seconds) {
  const double size = std::abs(seconds);
  if (size >= 1 || size == 0) return print_text("%.4g s", seconds);
  if (size >= 1e-3) return print_text("%.4g ms", seconds * 1e3);
  return print_text("%.4g us", seconds * 1e6);
}

std::string percent_text(double share) {
  return print_text("%.2f %%", share * 100);
}

std::string value_text(hwprof::Metric metric, double value) {
  if (hwprof::quantity(metric) == hwprof::Metric::latency) return seconds_text(value);
  return print_text("%.6g %s", value, hwprof::unit(metric));
}

std::string count(std::size_t n, const std::string& one, const std::string& many) {
  return std::to_string(n) + " " + (n == 1 ? one : many.empty() ? one + "s" : many);
}

void print_row(const std::string& label, const std::string& text) {
  constexpr std::size_t column = 12;
  std::string line = label + std::string(label.size() < column ? column - label.size() : 1, ' ');
  for (const char c : text) {
    line += c;
    if (c == '\n') line += std::string(column, ' ');
  }
  std::cout << line << '\n';
}

Json to_json(const hwprof::GenerateSummary& summary) {
  return {{"prims", summary.prims},
          {"nets", summary.nets},
          {"coverage_nets", summary.coverage},
          {"calibration_nets", summary.calibration},
          {"validation_nets", summary.validation},
          {"glue_layers", summary.packing.glue_layers},
          {"glue_macs", summary.packing.glue_macs},
          {"prim_macs", summary.packing.prim_macs},
          {"compiler_dirs", summary.compiler_dirs},
          {"notes", summary.notes}};
}

Json to_json(const hwprof::MeasureSummary& summary) {
  return {{"nets", summary.nets},        {"measured", summary.measured}, {"unsteady", summary.unsteady},
          {"failed", summary.failed},    {"rounds", summary.rounds},     {"samples", summary.samples},
          {"dropped", summary.dropped},  {"seconds", summary.seconds},   {"drift_spread", summary.drift_spread},
          {"failures", summary.failures}};
}

namespace {

/// Of a transfer model: "loo_spearman.stacking" and so on, by member.
Json members_of(const hwprof::Model& model) {
  Json members = Json::object();
  for (const auto& [name, value] : model.summary().coefficients)
    if (const auto dot = name.find('.'); dot != std::string::npos)
      members[name.substr(dot + 1)][name.substr(0, dot)] = value;
  return members;
}

/// What kind "kernel" knows; null for others.
Json kernels_json(const hwprof::FitSummary& fit) {
  if (fit.kernels.empty()) return nullptr;
  Json kinds = Json::array();
  for (const auto& one : fit.kernels)
    kinds.push_back({{"kind", one.kind}, {"kernels", one.kernels}, {"prims", one.prims}, {"cv_mape", one.cv_mape}});
  return {{"prim_cv_mape", fit.prim_cv_mape}, {"roofline_cv_mape", fit.roofline_cv_mape}, {"kinds", std::move(kinds)}};
}

}  // namespace

Json to_json(const hwprof::Model& model) {
  const auto& fit = model.summary();
  Json out{{"kind", model.kind()},
           {"metric", hwprof::to_string(model.metric())},
           {"unit", hwprof::unit(model.metric())},
           {"device", model.from().device},
           {"coefficients", fit.coefficients},
           {"nets_used", fit.nets_used},
           {"nets_dropped", fit.nets_dropped},
           {"prims_known", fit.prims_known},
           {"samples_used", fit.samples_used},
           {"samples_dropped", fit.samples_dropped},
           {"fit_mape", fit.fit_mape},
           {"cv_mape", fit.cv_mape},
           {"kernels", kernels_json(fit)},
           {"notes", fit.notes}};
  for (const auto& one : fit.compared) {
    Json row{{"kind", one.kind}, {"chosen", one.chosen}};
    if (one.chosen || one.reason.empty()) {
      row["cv_mape"] = one.cv_mape;
      row["cv_error"] = one.cv_error;
    }
    if (!one.reason.empty()) row["reason"] = one.reason;
    out["compared"].push_back(std::move(row));
  }
  if (model.kind() == "calibrated") {
    Json rows = Json::array();
    for (const auto& one : hwprof::identified(model))
      rows.push_back({{"prim", hwprof::to_string(one.prim)},
                      {"isolated", one.isolated},
                      {"information", one.information},
                      {"separate", one.separate}});
    out["identified"] = std::move(rows);
  }
  if (auto members = members_of(model); !members.empty()) out["members"] = std::move(members);
  return out;
}

namespace {

void print_members(const hwprof::Model& model) {
  const Json members = members_of(model);
  const auto number = [](const Json& member, const char* key) { return member.at(key).get<double>(); };
  for (const auto& [name, member] : members.items())
    print_row(name,
              print_text("weight %.2f; leaving one out: median error %.2f %%, Spearman %.3f", number(member, "weight"),
                         number(member, "loo_median_ape") * 100, number(member, "loo_spearman")));
}

}  // namespace

void print_generated(const hwprof::GenerateSummary& summary) {
  print_row("space", count(summary.prims, "primitive"));
  if (summary.coverage > 0) {
    const auto& packing = summary.packing;
    const double macs = packing.glue_macs + packing.prim_macs;
    print_row("packed", "in " + count(summary.coverage, "network") + " with " +
                            count(packing.glue_layers, "glue layer") +
                            (macs > 0 ? " (" + percent_text(packing.glue_macs / macs) + " of the work)" : ""));
  }
  print_row("sampled", std::to_string(summary.calibration) + " for calibration, " + std::to_string(summary.validation) +
                           " for validation (each built twice); " + count(summary.nets, "network") + " in all");
}

void print_measured(const hwprof::MeasureSummary& summary) {
  print_row("measured",
            std::to_string(summary.measured) + " steady, " + std::to_string(summary.unsteady) + " unsteady, " +
                std::to_string(summary.failed) + " failed" +
                (summary.rounds > 0 ? ", in " + seconds_text(summary.seconds) + " and " + count(summary.rounds, "round")
                                    : ""));
  print_row("samples",
            std::to_string(summary.samples) + " used, " + std::to_string(summary.dropped) + " dropped" +
                (summary.rounds > 0 ? "; drift between rounds removed: " + percent_text(summary.drift_spread) : ""));
  for (const auto& failure : summary.failures) print_row("failed", failure);
}

void print_model(const hwprof::Model& model) {
  const auto& fit = model.summary();
  if (!model.arch_options().empty()) {
    print_row("model", model.kind() + " of " + std::string(hwprof::to_string(model.metric())) +
                           (model.from().device.empty() ? "" : ", " + model.from().device));
    print_row("fitted on",
              count(fit.nets_used, "architecture") + ", " + count(fit.nets_dropped, "record") + " dropped");
    print_members(model);
    print_row("fit error",
              percent_text(fit.fit_mape) + " in sample, " + percent_text(fit.cv_mape) + " leaving one out");
    for (const auto& note : fit.notes) print_row("note", note);
    return;
  }
  std::string coefficients;
  for (const auto& [name, value] : fit.coefficients)
    coefficients += (coefficients.empty() ? "" : ", ") + name + " " +
                    (name == "scale"                         ? print_text("%.4f", value)
                     : name == "bias" || name == "per_block" ? value_text(model.metric(), value)
                                                             : percent_text(value));
  print_row("model", model.kind() + (coefficients.empty() ? "" : ": " + coefficients));
  print_row("fitted on", count(fit.nets_used, "network") + " (" + std::to_string(fit.nets_dropped) + " dropped), " +
                             count(fit.prims_known, "primitive") + " known from " +
                             count(fit.samples_used, "measurement") + " (" + std::to_string(fit.samples_dropped) +
                             " dropped)");
  const auto error = [](double share) { return share > 0 ? percent_text(share) : std::string("unknown"); };
  print_row("fit error", error(fit.fit_mape) + " in sample, " + error(fit.cv_mape) + " cross-validated");
  for (const auto& one : fit.compared)
    print_row(one.chosen ? "chosen" : "compared",
              one.kind + ": " +
                  (one.chosen || one.reason.empty()
                       ? percent_text(one.cv_mape) + " ± " + percent_text(one.cv_error) + " cross-validated"
                       : "cannot be fitted") +
                  (one.reason.empty() ? ""
                   : one.chosen       ? "; " + one.reason
                                      : ", " + one.reason));
  if (!fit.kernels.empty())
    print_row("unmeasured", percent_text(fit.prim_cv_mape) + " error of held-out primitives; the roofline alone has " +
                                percent_text(fit.roofline_cv_mape));
  for (const auto& one : fit.kernels)
    print_row("kernels", one.kind + ": " + std::to_string(one.kernels) + " in " + count(one.prims, "primitive") +
                             ", error " + percent_text(one.cv_mape));
  for (const auto& note : fit.notes) print_row("note", note);
}

void print_evaluation(const hwprof::Evaluation& evaluation, bool held_out) {
  const char* const name = held_out ? "held out" : "compared";
  if (evaluation.n == 0) {
    print_row(name, "no network");
    return;
  }
  print_row(name, count(evaluation.n, "network") +
                      (evaluation.left_out > 0 ? ", " + std::to_string(evaluation.left_out) + " more left out" : ""));
  print_row("error", "mean " + percent_text(evaluation.mape) + " (MAPE), median " +
                         percent_text(evaluation.median_ape) + ", rRMSE " + percent_text(evaluation.rrmse) +
                         ", largest " + percent_text(evaluation.max_ape));
  if (evaluation.repeatability_mape)
    print_row("device", "repeats itself within " + percent_text(*evaluation.repeatability_mape) +
                            " (the same networks measured twice, MAPE)");
  print_row("within", percent_text(evaluation.within_5) + " of the networks within 5 %, " +
                          percent_text(evaluation.within_10) + " within 10 %");
  if (evaluation.n < 2)
    print_row("ranking", "not defined for one network");
  else
    print_row("ranking", print_text("Spearman %.4f, Kendall %.4f, Pearson %.4f", evaluation.spearman,
                                    evaluation.kendall, evaluation.pearson));
}

}  // namespace hwprof_cli
