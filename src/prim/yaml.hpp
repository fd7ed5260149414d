// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/yaml.hpp"
#include "hwprof/prim.hpp"

namespace hwprof::prim {

/// Keys beside a primitive's own in the files of aw_nas: what was measured, nested in later generations
/// (`performances`), flat in the first one.
[[nodiscard]] const std::vector<std::string>& measurement_keys();

/// The primitive of a flat map, normalised. Keys among extra_keys are left to the caller; an attribute that
/// is None counts as not given, as does the `kernel_size` that the first generation wrote for every type
/// where it agrees with the type's name or is that generation's default of 3.
/// @throws Error(Fault::input) with file:line and the key.
[[nodiscard]] Prim read_prim(const base::Yaml& node, const std::vector<std::string>& extra_keys = {});

/// The primitives of a list, or of a text that holds such a list as a Python literal.
[[nodiscard]] std::vector<Prim> read_prims(const base::Yaml& node, const std::vector<std::string>& extra_keys = {});

/// The node itself, or, when it is a text, the list written in it as a Python literal
/// (`"[{\"prim_type\": \"relu\", \"affine\": True, …}]"`).
[[nodiscard]] base::Yaml unfold_literal(const base::Yaml& node);

/// Keys and values as YAML scalars, sorted by key: the flat map that aw_nas writes.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> yaml_fields(const Prim& prim);

}  // namespace hwprof::prim
