// SPDX-License-Identifier: Apache-2.0
#include "devices.hpp"

#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "hwprof/error.hpp"

namespace hwprof_cli {
namespace {

namespace fs = std::filesystem;
using hwprof::Error;
using hwprof::Fault;

/// glob() of the C library, which starts no shell.
std::vector<std::string> matches(const std::string& pattern) {
  glob_t found{};
  const int status = ::glob(pattern.c_str(), GLOB_NOESCAPE, nullptr, &found);
  std::vector<std::string> files;
  for (std::size_t i = 0; status == 0 && i < found.gl_pathc; ++i) files.emplace_back(found.gl_pathv[i]);
  ::globfree(&found);
  return files;
}

std::vector<std::string> expand(const std::string& pattern) {
  std::error_code ignored;
  if (fs::is_directory(pattern, ignored)) {
    std::vector<std::string> files;
    for (const auto& entry : fs::directory_iterator(pattern, ignored)) {
      const auto suffix = entry.path().extension();
      if (suffix == ".csv" || suffix == ".jsonl") files.push_back(entry.path().string());
    }
    std::sort(files.begin(), files.end());
    if (files.empty()) throw Error(Fault::input, pattern + ": no CSV or JSON lines in this folder");
    return files;
  }
  if (fs::exists(pattern, ignored)) return {pattern};
  auto files = matches(pattern);
  if (files.empty()) throw Error(Fault::input, "--sources " + pattern + ": no such file, and nothing that matches");
  return files;
}

std::vector<std::string> expand_all(const std::vector<std::string>& patterns) {
  std::vector<std::string> files;
  for (const auto& pattern : patterns)
    for (auto& file : expand(pattern))
      if (std::find(files.begin(), files.end(), file) == files.end()) files.push_back(std::move(file));
  return files;
}

/// The first line that holds the text: "file:line", or the file alone.
std::string place_of(const std::string& text, const std::string& file) {
  std::ifstream stream(file);
  std::size_t number = 1;
  for (std::string line; std::getline(stream, line); ++number)
    if (line.find(text) != std::string::npos) return file + ":" + std::to_string(number);
  return file;
}

}  // namespace

std::vector<hwprof::TransferSource> load_sources(const std::vector<std::string>& patterns, hwprof::Notes& notes) {
  std::vector<hwprof::TransferSource> sources;
  for (const auto& file : expand_all(patterns))
    sources.push_back({fs::path(file).stem().string(), hwprof::load_records(file, &notes)});
  return sources;
}

std::vector<hwprof::NetRecord> load_samples(const std::vector<std::string>& files, hwprof::Notes& notes) {
  std::vector<hwprof::NetRecord> records;
  for (const auto& file : files) {
    auto loaded = hwprof::load_records(file, &notes);
    for (auto& record : loaded)
      if (record.from.device.empty()) record.from.device = fs::path(file).stem().string();
    std::move(loaded.begin(), loaded.end(), std::back_inserter(records));
  }
  return records;
}

void refuse_foreign(const hwprof::MixinProfilingSearchSpace& space, const std::vector<std::string>& sources,
                    const std::vector<std::string>& samples) {
  auto files = expand_all(sources);
  files.insert(files.end(), samples.begin(), samples.end());
  for (const auto& file : files)
    for (const auto& record : hwprof::load_records(file)) {
      if (record.arch.empty()) continue;
      try {
        (void)hwprof::parse_arch(space, record.arch);
      } catch (const Error& error) {
        throw Error(Fault::input, place_of(record.arch, file) + ": " + error.what());
      }
    }
}

}  // namespace hwprof_cli
