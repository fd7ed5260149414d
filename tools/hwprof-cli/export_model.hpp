// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "cli.hpp"

namespace hwprof_cli {

/// A model file or run folder as one file: "ofa", a latency table; "model", hwprof's own.
void export_model(const Cli& cli, const std::string& model, const std::string& format, const std::string& out,
                  bool force);

}  // namespace hwprof_cli
