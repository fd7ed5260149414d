// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/json.hpp"

namespace hwprof::run {

inline constexpr const char* run_file = "run.json";
inline constexpr const char* config_file = "config.yaml";
inline constexpr const char* hardware_config_file = "hwobj_config.yaml";
inline constexpr const char* prims_file = "prof_prims.yaml";
inline constexpr const char* nets_folder = "prof_nets";
inline constexpr const char* hardwares_folder = "hardwares";
inline constexpr const char* records_file = "records.jsonl";
inline constexpr const char* model_file = "model.json";
inline constexpr const char* validation_file = "validation.json";

/// What to do about an earlier call's output.
enum class Earlier { refuse, go_on, replace };

/// A run folder, locked against other processes as long as the object lives.
class Folder {
 public:
  /// Creates the folder if need be. @throws Error(Fault::usage) when another process works in it.
  explicit Folder(const std::string& dir);
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  /// Opens a run: options is a flat map of option name to value that goes into run.json; replaceable: whether the
  /// caller has an option for Earlier::replace, for messages.
  /// @throws Error(Fault::usage) when the folder holds what hwprof did not write, another run (naming the
  /// options that differ), or, with Earlier::refuse, any run.
  void begin(const base::Json& options, const std::string& fingerprint, Earlier earlier, bool replaceable = true);

  /// Lists paths in the manifest; call it before they are written.
  /// @throws Error(Fault::usage) for one that is there and was not written by hwprof.
  void note(const std::vector<std::string>& relative);
  void note(const std::string& relative) { note(std::vector<std::string>{relative}); }

  [[nodiscard]] base::Manifest& manifest() noexcept { return manifest_; }
  [[nodiscard]] std::string path(const std::string& relative) const;

 private:
  std::string dir_;
  int lock_ = -1;
  base::Manifest manifest_;
};

/// The options noted in a run folder's run.json.
[[nodiscard]] base::JsonReader read_run(const std::string& dir);

}  // namespace hwprof::run
