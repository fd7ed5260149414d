// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "hwprof/snpe.hpp"

namespace hwprof_cli {

/// Networks for SNPE with the texts that a table knows them by.
struct BenchNets {
  std::vector<hwprof::SnpeJob> jobs;
  std::vector<std::string> uids;
};

/// The compiled networks of a run or compiler folder; none when dir is something else. uid: of a network of one
/// primitive its module, else "net-<id>". @throws Error(Fault::usage) for folders of another compiler alone.
[[nodiscard]] BenchNets compiled_nets(const std::string& dir);

/// The networks that `bench` wrote to out, in the order of their names; none when dir is something else.
[[nodiscard]] BenchNets benched_nets(const std::string& dir);

/// Copies the ONNX files of a folder to out/<name>/model.onnx, where they are benched; index.json goes along.
/// @throws Error(Fault::input) when there is none.
[[nodiscard]] BenchNets copied_nets(const std::string& models, const std::string& out);

}  // namespace hwprof_cli
