// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/fit_data.hpp"

namespace hwprof::model {

/// One kind of model: how it is fitted and how it is read back.
struct Kind {
  std::string name;
  std::shared_ptr<const Model::Impl> (*fit)(FitData data, const FitOptions& options);
  std::shared_ptr<const Model::Impl> (*read)(Info info, const base::JsonReader& json);
  std::vector<std::string> keys;  ///< members that its write() adds to the file
};

/// All kinds, in one list, the simplest first: of two that are as good, "auto" takes the earlier.
[[nodiscard]] const std::vector<Kind>& kinds();
/// Nothing for an unknown name.
[[nodiscard]] const Kind* find_kind(const std::string& name);

}  // namespace hwprof::model
