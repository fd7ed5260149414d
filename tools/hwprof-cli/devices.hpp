// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hwprof/transfer.hpp"

namespace hwprof_cli {

/// Other devices' records: files, folders of CSV and JSON lines, or patterns with * ? [] that are expanded here, each
/// file a device of its name. @throws Error(Fault::input) for what matches nothing.
[[nodiscard]] std::vector<hwprof::TransferSource> load_sources(const std::vector<std::string>& patterns,
                                                               hwprof::Notes& notes);

/// Records of all files. Those of a CSV, which names no device, get the name of their file.
[[nodiscard]] std::vector<hwprof::NetRecord> load_samples(const std::vector<std::string>& files, hwprof::Notes& notes);

/// Names file and line of the first architecture in these files that the space does not have, which the library, given
/// records, cannot. @throws Error(Fault::input), or nothing where all are of the space.
void refuse_foreign(const hwprof::MixinProfilingSearchSpace& space, const std::vector<std::string>& sources,
                    const std::vector<std::string>& samples);

}  // namespace hwprof_cli
