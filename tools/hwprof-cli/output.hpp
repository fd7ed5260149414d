// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "hwprof/error.hpp"
#include "hwprof/model.hpp"
#include "hwprof/run.hpp"

namespace hwprof_cli {

using Json = nlohmann::ordered_json;

/// One document on standard output.
void print_json(const Json& json);

/// Reports an error on standard error, and as JSON on standard output when asked for.
void print_error(hwprof::Fault fault, const std::string& message, bool json);

/// Writes a file, which appears by rename. @throws Error(Fault::input) when it cannot be written.
void write_file(const std::string& file, const std::string& text);

/// Makes sure that what was printed has arrived. @throws Error(Fault::input) when it has not.
void flush_output();

[[nodiscard]] std::string seconds_text(double seconds);  ///< "3.21 ms"
[[nodiscard]] std::string percent_text(double share);    ///< "1.3 %" of 0.013
[[nodiscard]] std::string value_text(hwprof::Metric metric, double value);

/// "1 network", "2 networks".
[[nodiscard]] std::string count(std::size_t n, const std::string& one, const std::string& many = {});

/// A line of a report: label in a column of its own; later lines of text are indented below it.
void print_row(const std::string& label, const std::string& text);

[[nodiscard]] Json to_json(const hwprof::GenerateSummary& summary);
[[nodiscard]] Json to_json(const hwprof::MeasureSummary& summary);
[[nodiscard]] Json to_json(const hwprof::Model& model);
void print_generated(const hwprof::GenerateSummary& summary);
void print_measured(const hwprof::MeasureSummary& summary);
void print_model(const hwprof::Model& model);
/// held_out: of networks that are known to be kept out of the fit.
void print_evaluation(const hwprof::Evaluation& evaluation, bool held_out);

}  // namespace hwprof_cli
