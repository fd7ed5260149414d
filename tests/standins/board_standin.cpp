// SPDX-License-Identifier: Apache-2.0
// Stands in for ssh and scp, with a board behind them whose home is the folder "board" in the folder that
// HWPROF_STANDIN names; and for the board's g++ and dexplorer. A file "unreachable" there takes the board off the net;
// one that holds a number does so after as many calls.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "dpu_logs.hpp"

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

namespace {

struct Failed {
  int status;
  std::string what;
};

fs::path folder() {
  const char* dir = std::getenv("HWPROF_STANDIN");
  if (dir == nullptr) throw Failed{2, "HWPROF_STANDIN is not set"};
  return dir;
}

void note(const std::string& program, const Words& words) {
  std::ofstream log(folder() / "ssh.log", std::ios::app);
  log << program;
  for (const auto& word : words) log << '\n' << "  " << word;
  log << '\n';
}

void check_net(const std::string& host) {
  const fs::path file = folder() / "unreachable";
  if (!fs::exists(file)) return;
  int left = 0;
  std::ifstream(file) >> left;
  if (left > 0) {
    std::ofstream(file) << left - 1;
    return;
  }
  throw Failed{255, "ssh: connect to host " + host + " port 22: No route to host"};
}

/// What stands behind "--"; options before it as ssh and scp have them.
Words operands(const Words& words) {
  const auto end = std::find(words.begin(), words.end(), "--");
  if (end == words.end()) throw Failed{2, "no --"};
  const Words known{"-o", "-p", "-P", "-i"};
  for (auto at = words.begin(); at != end; at += 2)
    if (std::find(known.begin(), known.end(), *at) == known.end() || at + 1 == end)
      throw Failed{2, "unknown option " + *at};
  return {end + 1, words.end()};
}

int ssh(const Words& words) {
  const auto rest = operands(words);
  if (rest.size() != 2) throw Failed{2, "a host and a command are expected"};
  check_net(rest[0]);
  fs::create_directories(folder() / "board/lib");
  fs::current_path(folder() / "board");
  ::setenv("HWPROF_LIB_DIR", (folder() / "board/lib").c_str(), 1);
  ::setenv("PATH", (HWPROF_BOARD_PROGRAMS ":" + std::string(std::getenv("PATH"))).c_str(), 1);
  ::execlp("sh", "sh", "-c", rest[1].c_str(), static_cast<char*>(nullptr));  // as sshd does
  return 127;
}

int scp(const Words& words) {
  auto rest = operands(words);
  if (rest.size() < 2) throw Failed{2, "usage: scp source target"};
  const auto place = [](const std::string& path) -> fs::path {
    const auto colon = path.find(':');
    if (colon == std::string::npos || path.find('/') < colon) return path;
    check_net(path.substr(0, colon));
    return folder() / "board" / path.substr(colon + 1);
  };
  const fs::path target = place(rest.back());
  rest.pop_back();
  for (const auto& source : rest) {
    const fs::path from = place(source);
    if (!fs::exists(from)) throw Failed{1, "scp: " + source + ": No such file or directory"};
    const fs::path to = fs::is_directory(target) ? target / from.filename() : target;
    if (!fs::is_directory(to.parent_path())) throw Failed{1, "scp: " + to.string() + ": No such file or directory"};
    fs::copy_file(from, to, fs::copy_options::overwrite_existing);
  }
  return 0;
}

/// Makes libraries of ELF files, and the runner, which was built where the tests were.
int compile(const Words& words) {
  const auto out = std::find(words.begin(), words.end(), "-o");
  if (out == words.end() || out + 1 == words.end()) throw Failed{1, "g++: no output"};
  const bool shared = std::find(words.begin(), words.end(), "-shared") != words.end();
  const std::string ending = shared ? ".elf" : "hwprof_run.cpp";
  const auto source = std::find_if(words.begin(), words.end(), [&ending](const std::string& word) {
    return word.size() >= ending.size() && word.compare(word.size() - ending.size(), ending.size(), ending) == 0;
  });
  if (source == words.end() || !fs::exists(*source)) throw Failed{1, "g++: fatal error: no input files"};
  fs::copy_file(shared ? fs::path(*source) : fs::path(HWPROF_RUN_STANDIN), *(out + 1),
                fs::copy_options::overwrite_existing);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string name = fs::path(argv[0]).filename().string();
  const Words words(argv + 1, argv + argc);
  try {
    if (name == "ssh" || name == "scp") note(name, words);
    if (name == "ssh") return ssh(words);
    if (name == "scp") return scp(words);
    if (name == "g++") return compile(words);
    if (name == "dexplorer") {
      std::cout << hwprof_test::dexplorer_log();
      return 0;
    }
    std::cerr << "called as " << name << '\n';
  } catch (const Failed& failed) {
    std::cerr << failed.what << '\n';
    return failed.status;
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
  }
  return 1;
}
