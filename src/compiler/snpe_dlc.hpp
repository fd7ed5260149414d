// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "compiler/snpe_options.hpp"

// What the SDK's programs read and write besides results.
namespace hwprof::compiling {

/// An input of a DLC, in its own order of dimensions (N H W C).
struct DlcInput {
  std::string name;
  std::vector<std::int64_t> shape;
  [[nodiscard]] std::int64_t size() const;
};

/// The inputs that snpe-dlc-info prints: rows of type "data" of its table of layers, or the table of inputs that newer
/// versions print. @throws Error(Fault::input) with the line for sizes that make no sense, and when there is none.
[[nodiscard]] std::vector<DlcInput> parse_dlc_info(std::string_view text, const std::string& source);

/// Writes raw/random_inputs/random_<name>_<i>.raw and the list of them, all in dir; float32 within -1 to 1, or uint8
/// over its whole range. Returns the list's path, relative to dir.
std::string write_inputs(const std::string& dir, const std::vector<DlcInput>& inputs, const SnpeOptions& options);

/// The list for snpe-dlc-quantize, which takes float32 whatever the network is fed with: list itself, or a list of
/// inputs of its own in raw/quantize_inputs.
std::string quantize_list(const std::string& dir, const std::vector<DlcInput>& inputs, const SnpeOptions& options,
                          const std::string& list);

/// snpe_bench's configuration for one network; paths are relative to where it runs.
[[nodiscard]] base::Json bench_config(const std::string& name, const std::string& dlc, const std::string& list,
                                      const std::string& results, const std::vector<std::string>& runtimes,
                                      const std::vector<std::string>& phones, const SnpeOptions& options);

}  // namespace hwprof::compiling
