// SPDX-License-Identifier: Apache-2.0
#include "base/subprocess.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "base/text.hpp"
#include "hwprof/error.hpp"

extern "C" char** environ;  // NOLINT(readability-redundant-declaration): POSIX leaves it to the program

namespace hwprof::base {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& program, const std::string& what) {
  throw Error(Fault::device, program + ": " + what);
}

class Handle {
 public:
  Handle() = default;
  explicit Handle(int number) noexcept : number_(number) {}
  ~Handle() { close(); }
  Handle(Handle&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  [[nodiscard]] int number() const noexcept { return number_; }
  void close() noexcept {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_ = -1;
};

struct Pipe {
  Handle read, write;
};

Pipe make_pipe(const std::string& program) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(program, std::string("no pipe to it: ") + std::strerror(errno));
  const Pipe low{Handle(ends[0]), Handle(ends[1])};
  // Above 2, where the child's own will be: a program that closed its standard files gets those numbers here.
  Pipe pipe{Handle(::fcntl(ends[0], F_DUPFD_CLOEXEC, 3)), Handle(::fcntl(ends[1], F_DUPFD_CLOEXEC, 3))};
  if (pipe.read.number() < 0 || pipe.write.number() < 0 || ::fcntl(pipe.read.number(), F_SETFL, O_NONBLOCK) != 0)
    fail(program, std::string("no pipe to it: ") + std::strerror(errno));
  return pipe;
}

/// The first and the last half of what comes, in bounded memory.
class Kept {
 public:
  explicit Kept(std::size_t most) : half_(most / 2) {}

  void add(std::string_view bytes) {
    const std::size_t first = std::min(bytes.size(), half_ - head_.size());
    head_.append(bytes.substr(0, first));
    tail_.append(bytes.substr(first));
    if (tail_.size() > 2 * half_ + (std::size_t{1} << 16)) trim();
  }
  std::string take(std::size_t& dropped) {
    trim();
    dropped += dropped_;
    if (dropped_ > 0) head_ += "\n[… " + std::to_string(dropped_) + " bytes left out …]\n";
    return head_ + tail_;
  }

 private:
  void trim() {
    if (tail_.size() <= half_) return;
    dropped_ += tail_.size() - half_;
    tail_.erase(0, tail_.size() - half_);
  }

  std::size_t half_, dropped_ = 0;
  std::string head_, tail_;
};

/// One output: the pipe it comes from, and the file or the memory it goes to.
struct Stream {
  Pipe pipe;
  Kept kept;
  int file = -1;         ///< handle of the output file, not owned
  std::size_t room = 0;  ///< bytes that the file may still take
  std::size_t file_dropped = 0;

  void take(std::string_view bytes) {
    if (file < 0) return kept.add(bytes);
    const std::size_t fits = std::min(room, bytes.size());
    file_dropped += bytes.size() - fits;
    room -= fits;
    for (bytes = bytes.substr(0, fits); !bytes.empty();) {
      const ssize_t written = ::write(file, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0)
        throw Error(Fault::input, std::string("output file: cannot be written: ") + std::strerror(errno));
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  /// Reads what is there, but not for ever; true while more may come.
  bool drain() {
    std::array<char, std::size_t{1} << 16> block{};
    for (int turn = 0; turn < 16; ++turn) {
      const ssize_t got = ::read(pipe.read.number(), block.data(), block.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return true;
      if (got <= 0) {
        pipe.read.close();
        return false;
      }
      take({block.data(), static_cast<std::size_t>(got)});
    }
    return true;
  }
};

/// The running program; leaves nothing of its group behind.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ > 0) reap();
  }
  /// Its number, and that of its group, stay ours until reap().
  [[nodiscard]] bool ended() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid_;
  }
  void send(int signal) const { ::kill(-pid_, signal); }
  /// The status, or nothing when somebody else took it.
  std::optional<int> reap() {
    send(SIGKILL);  // whoever of the group is left
    int status = 0;
    pid_t got = -1;
    while ((got = ::waitpid(pid_, &status, 0)) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return got < 0 ? std::nullopt : std::optional(status);
  }
  void abandon() noexcept { pid_ = -1; }

 private:
  pid_t pid_;
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

std::vector<std::string> environment_with(const std::map<std::string, std::string>& additions) {
  std::vector<std::string> out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    if (additions.count(std::string(text.substr(0, text.find('=')))) == 0) out.emplace_back(text);
  }
  for (const auto& [name, value] : additions) out.push_back(name + "=" + value);
  return out;
}

void check(const Command& command) {
  if (command.argv.empty() || command.argv[0].empty()) throw Error(Fault::usage, "no program to run is named");
  const auto has_nul = [](const std::string& text) { return text.find('\0') != std::string::npos; };
  bool bad = has_nul(command.directory) || std::any_of(command.argv.begin(), command.argv.end(), has_nul);
  for (const auto& [name, value] : command.environment)
    bad = bad || name.empty() || name.find('=') != std::string::npos || has_nul(name) || has_nul(value);
  if (bad)
    throw Error(Fault::usage, command.argv[0] + ": an argument, variable or folder that no program can be given");
}

/// Starts the program with its outputs on out and err; stdin is empty.
pid_t start(const Command& command, const std::string& file, int out, int err) {
  struct Actions {
    posix_spawn_file_actions_t files{};
    posix_spawnattr_t attributes{};
    Actions() {
      ::posix_spawn_file_actions_init(&files);
      ::posix_spawnattr_init(&attributes);
    }
    Actions(const Actions&) = delete;
    Actions& operator=(const Actions&) = delete;
    ~Actions() {
      ::posix_spawn_file_actions_destroy(&files);
      ::posix_spawnattr_destroy(&attributes);
    }
  } actions;
  ::posix_spawn_file_actions_addopen(&actions.files, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions.files, out, 1);
  ::posix_spawn_file_actions_adddup2(&actions.files, err, 2);
#ifdef __GLIBC_PREREQ
#if __GLIBC_PREREQ(2, 34)
  ::posix_spawn_file_actions_addclosefrom_np(&actions.files, 3);
#endif
#endif
  if (!command.directory.empty()) ::posix_spawn_file_actions_addchdir_np(&actions.files, command.directory.c_str());

  sigset_t none;
  sigset_t all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setflags(&actions.attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  ::posix_spawnattr_setpgroup(&actions.attributes, 0);
  ::posix_spawnattr_setsigmask(&actions.attributes, &none);
  ::posix_spawnattr_setsigdefault(&actions.attributes, &all);

  auto argv = command.argv;
  auto variables = environment_with(command.environment);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, file.c_str(), &actions.files, &actions.attributes, pointers(argv).data(),
                                  pointers(variables).data());
  if (error != 0) fail(command.argv[0], file + " cannot be started: " + std::strerror(error));
  return pid;
}

std::string locate(const Command& command) {
  const auto path = command.environment.find("PATH");
  const auto file = find_program(command.argv[0], path == command.environment.end() ? std::string() : path->second);
  if (!file)
    fail(command.argv[0],
         command.argv[0].find('/') == std::string::npos ? "no such program on PATH" : "no such program");
  return std::filesystem::absolute(*file).string();  // it is looked up after the change of folder
}

void wait_for_output(const std::vector<Stream*>& open, std::chrono::milliseconds time) {
  std::vector<pollfd> polled;
  for (const auto* stream : open) polled.push_back({stream->pipe.read.number(), POLLIN, 0});
  ::poll(polled.data(), polled.size(), static_cast<int>(time.count()));
}

/// Until the program has ended and its outputs are read, or it had to be ended.
int watch(Child& child, std::vector<Stream*> open, const Command& command, CommandResult& result) {
  const auto begin = Clock::now();
  const auto since = [](Clock::time_point time) { return std::chrono::duration<double>(Clock::now() - time).count(); };
  auto asked = begin - std::chrono::seconds(1);
  std::optional<Clock::time_point> ended;
  std::optional<Clock::time_point> told;
  bool killed = false;
  std::chrono::milliseconds pause(1);
  for (;;) {
    if (!ended && child.ended()) ended = Clock::now();
    if (ended && (open.empty() || since(*ended) > 0.2)) break;  // a daemon may hold the outputs for ever
    if (!ended && !told && since(asked) >= 0.1) {
      asked = Clock::now();
      result.timed_out = since(begin) > command.timeout_s;
      result.stopped = !result.timed_out && command.stop && command.stop();
      if (result.timed_out || result.stopped) {
        child.send(SIGTERM);
        told = Clock::now();
      }
    }
    if (!ended && told && !killed && since(*told) > command.grace_s) {
      child.send(SIGKILL);
      killed = true;
    }
    if (killed && !ended && since(*told) > command.grace_s + 10) {
      child.abandon();  // the kernel holds it, in a driver perhaps; waiting would hang us as well
      fail(command.argv[0], "cannot be killed");
    }
    wait_for_output(open, pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(20));
    open.erase(std::remove_if(open.begin(), open.end(), [](Stream* stream) { return !stream->drain(); }), open.end());
  }
  const auto status = child.reap();
  if (!status) fail(command.argv[0], "its status is lost; does this program ignore SIGCHLD?");
  result.wall_s = since(begin);
  return *status;
}

}  // namespace

std::optional<std::string> find_program(const std::string& name, const std::string& path) {
  const auto usable = [](const std::string& file) {
    struct stat info {};
    return ::stat(file.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(file.c_str(), X_OK) == 0;
  };
  if (name.empty()) return {};
  if (name.find('/') != std::string::npos) return usable(name) ? std::optional(name) : std::nullopt;
  const char* ours = std::getenv("PATH");
  const std::string searched = !path.empty() ? path : ours != nullptr ? ours : "/usr/bin:/bin";
  for (const auto& folder : split(searched, ':')) {
    const std::string file = (folder.empty() ? "." : folder) + "/" + name;
    if (usable(file)) return file;
  }
  return {};
}

std::string CommandResult::describe() const {
  std::string text;
  if (timed_out)
    text = "took longer than allowed, ended after " + format_seconds(wall_s);
  else if (stopped)
    text = "stopped on request";
  else if (signal != 0)
    text = "killed by signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
  else
    text = "exit status " + std::to_string(exit_status);
  for (const auto* source : {&errors, &output}) {
    const auto shown = trim(*source);
    if (shown.empty()) continue;
    const auto line = shown.rfind('\n');
    return text + "; it said " + in_quotes(trim(line == std::string_view::npos ? shown : shown.substr(line + 1)));
  }
  return text;
}

CommandResult run_command(const Command& command) {
  check(command);
  const std::string file = locate(command);
  if (!command.directory.empty() && !std::filesystem::is_directory(command.directory))
    fail(command.argv[0], command.directory + ", where it should run, is no folder");
  Handle output_file;
  if (!command.output_file.empty()) {
    output_file = Handle(::open(command.output_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (output_file.number() < 0)
      throw Error(Fault::input, command.output_file + ": cannot be written: " + std::strerror(errno));
  }
  const bool one = !command.output_file.empty();
  Stream out{make_pipe(command.argv[0]), Kept(command.max_output), output_file.number(), command.max_output};
  Stream err{one ? Pipe{} : make_pipe(command.argv[0]), Kept(command.max_output)};
  const int error_handle = one ? out.pipe.write.number() : err.pipe.write.number();

  CommandResult result;
  Child child(start(command, file, out.pipe.write.number(), error_handle));
  out.pipe.write.close();
  err.pipe.write.close();
  const int status = watch(child, one ? std::vector{&out} : std::vector{&out, &err}, command, result);
  if (WIFSIGNALED(status))
    result.signal = WTERMSIG(status);
  else
    result.exit_status = WEXITSTATUS(status);
  result.bytes_dropped = out.file_dropped;
  result.output = out.kept.take(result.bytes_dropped);
  result.errors = err.kept.take(result.bytes_dropped);
  return result;
}

}  // namespace hwprof::base
