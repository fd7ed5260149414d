// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "hwprof/record.hpp"

namespace hwprof::record {

/// Reads one file that is neither YAML nor a device log.
using FileLoader = std::function<std::vector<NetRecord>(const std::string& file, Notes& notes)>;

/// What load_records does with a folder, those below included.
/// @throws Error(Fault::input) when there is no measurement in it.
[[nodiscard]] std::vector<NetRecord> load_folder(const std::string& dir, const FileLoader& load_file, Notes& notes);

/// Logs of trtexec whose names end in _whole@… and _<number>@…, as aw_nas' xavier flow names them, become one record
/// per network; the primitives stand in a YAML list of the same name, or of the name before the number, which is taken
/// off yaml_files. Other logs become a record each.
[[nodiscard]] std::vector<NetRecord> join_trtexec(const std::vector<std::string>& logs,
                                                  std::vector<std::string>& yaml_files, Notes& notes);

}  // namespace hwprof::record
