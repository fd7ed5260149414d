// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hwprof/run.hpp"

namespace hwprof::run {

/// What a run is going to do, worked out before anything is written.
struct Plan {
  SpaceFile file;
  std::string config;  ///< text of config.yaml, where it is no copy of the space's file
  std::vector<Prim> prims;
  std::vector<Net> nets;  ///< id is the index
  AssembleSummary packing;
  std::size_t coverage = 0, calibration = 0, validation = 0;
  std::vector<std::string> notes;
};

/// "cpu" for "-1", as aw_nas calls it; any other name as it is.
[[nodiscard]] std::string device_name(const std::string& name);

/// @throws Error(Fault::usage) for numbers that make no sense.
[[nodiscard]] Plan make_plan(const GenerateOptions& options);

/// A network of nothing but this primitive, which sees the map that it takes as its image; to cover, without an id.
[[nodiscard]] Net isolated_net(const Prim& prim);

/// Hexadecimal text that differs when the primitives or the networks do; stable over runs and machines.
[[nodiscard]] std::string fingerprint(const Plan& plan);

}  // namespace hwprof::run
