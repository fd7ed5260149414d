// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/text.hpp"
#include "hwprof/error.hpp"
#include "measure/outcome.hpp"
#include "run/steps.hpp"

namespace hwprof {
namespace fs = std::filesystem;
namespace {

/// Absolute, without a slash at the end.
fs::path plain(const std::string& dir) {
  fs::path path = fs::absolute(dir).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string::npos;
}

/// The run folder around a compiler folder, if there is one that hwprof keeps.
std::optional<std::string> run_of(const std::string& compiler_dir) {
  const fs::path hardwares = plain(compiler_dir).parent_path();
  if (hardwares.filename() != run::hardwares_folder) return {};
  const std::string dir = hardwares.parent_path().string();
  return base::Manifest(dir).empty() ? std::nullopt : std::optional<std::string>(dir);
}

/// What the raw folders say now; only the online compilers leave an outcome that tells of rounds and drift.
MeasureSummary summarize(const BaseHardwareCompiler& compiler, const std::vector<Artifact>& artifacts) {
  MeasureSummary summary;
  summary.nets = artifacts.size();
  for (const auto& artifact : artifacts) {
    const NetRecord record = compiler.hwobj_net_to_primitive(artifact);
    if (record.state == RunState::measured) {
      ++summary.measured;
    } else if (record.state == RunState::unsteady) {
      ++summary.unsteady;
    } else {
      ++summary.failed;
      summary.failures.push_back(artifact.net.id + ": " + record.reason);
    }
    auto latency = record.overall.find(Metric::latency);
    if (latency == record.overall.end()) latency = record.overall.find(Metric::train_latency);
    if (latency != record.overall.end()) {
      summary.samples += static_cast<std::size_t>(latency->second.samples);
      summary.dropped += static_cast<std::size_t>(latency->second.dropped);
    }
    const auto outcome = measuring::find_outcome((fs::path(artifact.dir) / "raw" / measuring::outcome_name).string());
    if (!outcome) continue;
    const auto& session = outcome->session;
    summary.rounds = std::max(summary.rounds, session.rounds);
    summary.seconds = std::max(summary.seconds, session.seconds);
    summary.drift_spread = std::max(summary.drift_spread, session.drift_spread);
  }
  return summary;
}

}  // namespace

std::string run::compiler_of(const std::string& compiler_dir) {
  const std::string name = plain(compiler_dir).filename().string();
  const auto dash = name.find('-');
  if (!base::is_folder(compiler_dir)) throw Error(Fault::input, compiler_dir + ": no such folder");
  if (dash == std::string::npos || !is_number(name.substr(0, dash)) || dash + 1 == name.size())
    throw Error(Fault::usage, compiler_dir + ": a compiler folder named <number>-<compiler> is expected, as in " +
                                  "run/hardwares/0-cpu");
  return name.substr(dash + 1);
}

std::vector<Artifact> run::open_artifacts(const std::string& compiler_dir) {
  std::vector<Artifact> artifacts;
  for (const auto& name : base::list_folder(compiler_dir))
    if (is_number(name)) artifacts.push_back(BaseHardwareCompiler::open((fs::path(compiler_dir) / name).string()));
  if (artifacts.empty()) throw Error(Fault::missing, compiler_dir + ": holds no compiled network");
  return artifacts;
}

MeasureSummary run::measure_artifacts(Folder* folder, const std::string& compiler_dir, const MeasureOptions& options,
                                      const std::set<std::string>& left_out) {
  const auto compiler = make_compiler(compiler_of(compiler_dir));
  auto artifacts = open_artifacts(compiler_dir);
  artifacts.erase(std::remove_if(artifacts.begin(), artifacts.end(),
                                 [&](const Artifact& one) { return left_out.count(one.net.id) != 0; }),
                  artifacts.end());
  if (artifacts.empty()) return {};
  // Raw folders whose files are all ours: listed whole while they are written, so that a killed call leaves no doubt;
  // then by their files, since what somebody puts or carries there later is not ours to erase.
  std::vector<std::string> raw_folders;
  if (folder != nullptr) {
    const fs::path root = plain(folder->path(""));
    for (const auto& artifact : artifacts) {
      const fs::path raw = plain(artifact.dir) / "raw";
      const std::string relative = raw.lexically_relative(root).string() + "/";
      const auto files = base::list_tree(raw.string());
      if (std::all_of(files.begin(), files.end(),
                      [&](const std::string& file) { return folder->manifest().lists(relative + file); }))
        raw_folders.push_back(relative);
    }
    folder->manifest().add(raw_folders);
  }
  const auto settle = [&] {
    if (!raw_folders.empty()) folder->manifest().settle(raw_folders);
  };
  try {
    compiler->measure(artifacts, options);
  } catch (const Error&) {
    settle();
    throw;
  }
  settle();
  return summarize(*compiler, artifacts);
}

std::vector<std::string> compiler_dirs(const std::string& run_dir) {
  const std::string hardwares = (fs::path(run_dir) / run::hardwares_folder).string();
  std::vector<std::string> dirs;
  if (base::is_folder(hardwares))
    for (const auto& name : base::list_folder(hardwares))
      if (is_number(name.substr(0, name.find('-')))) dirs.push_back((fs::path(hardwares) / name).string());
  return dirs;
}

MeasureSummary measure(const std::string& compiler_dir, const MeasureOptions& options) {
  (void)run::compiler_of(compiler_dir);
  const auto run_dir = run_of(compiler_dir);
  if (!run_dir) return run::measure_artifacts(nullptr, compiler_dir, options);
  run::Folder folder(*run_dir);
  return run::measure_artifacts(&folder, compiler_dir, options);
}

std::vector<NetRecord> parse(const std::string& compiler_dir, const std::string& name) {
  const std::string own = run::compiler_of(compiler_dir);
  const auto compiler = make_compiler(name.empty() ? own : name);
  if (compiler->name() != make_compiler(own)->name())
    throw Error(Fault::usage, compiler_dir + ": was compiled by " + base::in_quotes(own) + ", which " +
                                  base::in_quotes(name) + " cannot read");
  std::vector<NetRecord> records;
  for (const auto& artifact : run::open_artifacts(compiler_dir))
    records.push_back(compiler->hwobj_net_to_primitive(artifact));
  return records;
}

}  // namespace hwprof
