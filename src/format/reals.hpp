// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace hwprof::format {

/// The double whose shortest decimal is the float's: 0.01 for 0.01F.
[[nodiscard]] double to_double(float value);

}  // namespace hwprof::format
