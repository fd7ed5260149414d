// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/yaml.hpp"
#include "hwprof/ssbn.hpp"
#include "space/read.hpp"

namespace hwprof::space {

/// Whether a file without `kind` is one of ssprofile.
[[nodiscard]] bool looks_like_ssbn(const base::Yaml& root);

/// common.image_size and image_channels are those of the file, where it has them, or of the kind.
[[nodiscard]] SsbnSpec read_ssbn_spec(const base::Yaml& root, Common& common);

}  // namespace hwprof::space
