// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "temp_folder.hpp"

namespace hwprof_test {

using Environment = std::map<std::string, std::string>;

/// What a run of the program left.
struct Outcome {
  int code = -1;  ///< exit status, or -1 when a signal ended it
  int signal = 0;
  std::string out, err;

  [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(out); }
};

inline std::string read_all(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file, std::ios::binary).rdbuf();
  return text.str();
}

/// hwprof-cli started with these arguments and no shell in between.
class Program {
 public:
  explicit Program(const std::vector<std::string>& arguments, const Environment& environment = {}) {
    std::vector<char*> argv{const_cast<char*>(HWPROF_CLI)};
    for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const std::string out = folder_.file("out");
    const std::string err = folder_.file("err");
    child_ = ::fork();
    if (child_ < 0) throw std::runtime_error("fork failed");
    if (child_ > 0) return;
    ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
    ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT, 0600), STDOUT_FILENO);
    ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    ::execv(HWPROF_CLI, argv.data());
    ::_exit(127);
  }
  ~Program() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void send(int signal) const { ::kill(child_, signal); }

  Outcome wait() {
    int status = 0;
    while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
    child_ = -1;
    Outcome outcome;
    if (WIFEXITED(status)) outcome.code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) outcome.signal = WTERMSIG(status);
    outcome.out = read_all(folder_.file("out"));
    outcome.err = read_all(folder_.file("err"));
    return outcome;
  }

 private:
  TempFolder folder_;
  pid_t child_ = -1;
};

inline Outcome cli(const std::vector<std::string>& arguments, const Environment& environment = {}) {
  return Program(arguments, environment).wait();
}

}  // namespace hwprof_test
