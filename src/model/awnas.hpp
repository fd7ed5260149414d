// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/impl.hpp"

namespace hwprof::model {

inline constexpr const char* awnas_schema = "hwprof.awnas_model";

/// What scripts/export_awnas_pickle.py makes of a model that aw_nas pickled: kind "table", or "linear" of a regression.
/// Primitives are normalised as when they are read from aw_nas' YAML.
/// @throws Error(Fault::input) with file:line.
[[nodiscard]] std::shared_ptr<const Model::Impl> read_awnas(const std::string& file);

}  // namespace hwprof::model
