// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "hwprof/prim.hpp"

namespace hwprof::prim {

/// The types that ship, in one list.
[[nodiscard]] std::vector<PrimType> built_in_types();

/// The value in the kind that the attribute takes. @throws Error(Fault::input) saying what was expected.
[[nodiscard]] Attr coerced(const AttrSpec& spec, const Attr& value);

[[nodiscard]] const AttrSpec* find_attr(const PrimType& type, const std::string& name) noexcept;

/// "None" and "null", which Python tools write for an attribute that is not set.
[[nodiscard]] bool is_null_like(const Attr& value);

/// Bounds of a normalised primitive.
inline constexpr int max_spatial_size = 65536, max_channels = 1048576, max_stride = 64;

}  // namespace hwprof::prim
