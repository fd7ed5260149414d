// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace hwprof_test {

/// The folder into which scripts/install_onnxruntime.sh installed the package; empty, with a message, where it did not.
inline std::string onnxruntime_here() {
  const char* named = std::getenv("HWPROF_ONNXRUNTIME");
  const std::string folder = named != nullptr ? named : std::string(HWPROF_SOURCE_DIR) + "/build/onnxruntime";
  std::error_code ignored;
  if (std::filesystem::exists(folder + "/node_modules/onnxruntime-node", ignored)) return folder;
  MESSAGE("skipped: there is no onnxruntime-node in " << folder << "; scripts/install_onnxruntime.sh installs it");
  return {};
}

}  // namespace hwprof_test
