// SPDX-License-Identifier: Apache-2.0
#include "compiler/tools.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>

#include "base/files.hpp"
#include "hwprof/error.hpp"

namespace hwprof::compiling {
namespace {

std::string fresh_container_name() {
  static std::atomic<int> count{0};
  return "hwprof-" + std::to_string(::getpid()) + "-" + std::to_string(++count);
}

}  // namespace

std::string Tools::path() const {
  const char* ours = std::getenv("PATH");
  std::string path;
  for (const auto& folder : place_.folders) path += folder + ":";
  return path + (ours == nullptr ? "/usr/bin:/bin" : ours);
}

bool Tools::find(const std::string& tool) const {
  const std::string& first = !place_.container.empty()  ? place_.container_tool
                             : !place_.launcher.empty() ? place_.launcher.front()
                                                        : tool;
  return base::find_program(first, path()).has_value();
}

std::vector<std::string> Tools::argv(const std::string& tool, const std::vector<std::string>& arguments,
                                     const std::string& dir, const std::string& container_name) const {
  std::vector<std::string> out;
  if (!place_.container.empty()) {
    const std::string folder = std::filesystem::absolute(dir).lexically_normal().string();
    out = {place_.container_tool, "run", "--rm", "--init", "--name", container_name};
    out.insert(out.end(), place_.container_arguments.begin(), place_.container_arguments.end());
    out.insert(out.end(), {"--volume", folder + ":" + folder, "--workdir", folder});
    for (const char* proxy : {"http_proxy", "https_proxy"})
      if (std::getenv(proxy) != nullptr) out.insert(out.end(), {"--env", proxy});
    out.push_back(place_.container);
  }
  out.insert(out.end(), place_.launcher.begin(), place_.launcher.end());
  out.push_back(tool);
  out.insert(out.end(), arguments.begin(), arguments.end());
  return out;
}

base::CommandResult Tools::attempt(const std::string& tool, const std::vector<std::string>& arguments,
                                   const std::string& dir, const std::string& log, double timeout_s) const {
  const std::string name = place_.container.empty() ? std::string() : fresh_container_name();
  base::Command command;
  command.argv = argv(tool, arguments, dir, name);
  command.directory = dir;
  command.timeout_s = timeout_s;
  command.stop = stop_;
  if (place_.container.empty()) {
    command.environment = place_.environment;
    command.environment["PATH"] = path();
  }
  if (!log.empty()) command.output_file = (std::filesystem::path(dir) / log).string();
  const auto result = base::run_command(command);
  if (!name.empty() && (result.timed_out || result.stopped)) {
    // What was ended is the client; the container itself runs on.
    base::Command kill;
    kill.argv = {place_.container_tool, "kill", name};
    kill.timeout_s = 30;
    (void)base::run_command(kill);
  }
  if (result.stopped) throw Error(Fault::interrupted, tool + ": stopped on request");
  return result;
}

base::CommandResult Tools::run(const std::string& tool, const std::vector<std::string>& arguments,
                               const std::string& dir, const std::string& log, double timeout_s) const {
  auto result = attempt(tool, arguments, dir, log, timeout_s);
  if (result.good()) return result;
  std::string what = tool + ": " + result.describe();
  if (!log.empty()) {
    const std::string file = (std::filesystem::path(dir) / log).string();
    base::CommandResult said = result;
    said.output = base::read_file(file, std::uint64_t{1} << 26);
    what = tool + ": " + said.describe() + " (" + file + ")";
  }
  throw Error(Fault::device, what);
}

}  // namespace hwprof::compiling
