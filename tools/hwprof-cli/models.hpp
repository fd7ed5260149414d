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

/// Compiler folders of this device that dir is or holds; none when it is something else. @throws Error(Fault::usage)
/// for folders of other devices alone.
[[nodiscard]] std::vector<std::string> folders_of(const std::string& dir, const std::string& wanted);

/// Names of what lies in dir, "2" before "10".
[[nodiscard]] std::vector<std::string> names_in(const std::string& dir);

/// The compiled networks of a run or compiler folder; none when dir is something else. uid: of a network of one
/// primitive its module, else "net-<id>". @throws Error(Fault::usage) for folders of another compiler alone.
[[nodiscard]] BenchNets compiled_nets(const std::string& dir);

/// The networks that `bench` wrote to out, in the order of their names; none when dir is something else.
[[nodiscard]] BenchNets benched_nets(const std::string& dir);

/// Copies the ONNX files of a folder to out/<name>/model.onnx, where they are benched; index.json goes along.
/// @throws Error(Fault::input) when there is none.
[[nodiscard]] BenchNets copied_nets(const std::string& models, const std::string& out);

}  // namespace hwprof_cli
