// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

#include "base/files.hpp"
#include "base/subprocess.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

namespace base = hwprof::base;
namespace fs = std::filesystem;
using base::Command;
using base::run_command;
using hwprof::Fault;
using hwprof_test::error_of;
using hwprof_test::has;

namespace {

/// A script that the test, not the library, gives to a shell.
Command script(const std::string& text) {
  Command command;
  command.argv = {"/bin/sh", "-c", text};
  command.timeout_s = 60;
  return command;
}

std::size_t open_files() {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

bool has_child() {
  return !(::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD);
}

/// Running, and not merely a zombie that somebody else has yet to reap.
bool runs_now(const std::string& pid) {
  std::string stat;
  try {
    stat = base::read_file("/proc/" + pid + "/stat");
  } catch (const hwprof::Error&) {
    return false;
  }
  return stat.at(stat.rfind(')') + 2) != 'Z';
}

/// Still after a while: a signal is sent in no time, but takes effect when the system gets to it.
bool runs(const std::string& pid) {
  for (int i = 0; i < 500 && runs_now(pid); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return runs_now(pid);
}

}  // namespace

TEST_CASE("arguments arrive as they are, and outputs come back apart") {
  Command command;
  command.argv = {"printf", "%s|", "a b", "$HOME", "`id`; rm x", "\"'\\", ""};
  const auto result = run_command(command);
  CHECK(result.good());
  CHECK(result.output == "a b|$HOME|`id`; rm x|\"'\\||");
  const auto both = run_command(script("echo out; echo err >&2; exit 3"));
  CHECK(both.output == "out\n");
  CHECK(both.errors == "err\n");
  CHECK(both.exit_status == 3);
  CHECK_FALSE(both.good());
  CHECK(both.describe() == "exit status 3; it said 'err'");
}

TEST_CASE("standard input is empty, the environment is added to, the folder changed") {
  const hwprof_test::TempFolder folder;
  auto command = script("cat; pwd -P; echo \"$HWPROF_TEST_A\"; test -n \"$PATH\"");
  command.directory = folder.path();
  command.environment = {{"HWPROF_TEST_A", "x=y z"}};
  const auto result = run_command(command);
  CHECK(result.good());
  CHECK(result.output == fs::canonical(folder.path()).string() + "\nx=y z\n");
}

TEST_CASE("a program is looked for on the PATH that it gets, and its absence is an error that names it") {
  const hwprof_test::TempFolder folder;
  fs::permissions(folder.write("bin/hwprof-test-tool", "#!/bin/sh\necho found\n"), fs::perms::owner_all);
  folder.write("bin/not-executable", "");
  Command command;
  command.argv = {"hwprof-test-tool"};
  CHECK(has(error_of(Fault::device, [&] { (void)run_command(command); }), "hwprof-test-tool: no such program on PATH"));
  command.environment["PATH"] = "/nowhere:" + folder.file("bin") + ":/usr/bin:/bin";
  CHECK(run_command(command).output == "found\n");
  command.argv = {"not-executable"};
  CHECK(has(error_of(Fault::device, [&] { (void)run_command(command); }), "no such program"));
  command.argv = {folder.file("bin")};
  CHECK(has(error_of(Fault::device, [&] { (void)run_command(command); }), "no such program"));
  command.argv = {folder.file("bin/hwprof-test-tool")};
  command.directory = folder.file("absent");
  CHECK(has(error_of(Fault::device, [&] { (void)run_command(command); }), "absent"));
  command.argv = {};
  CHECK(has(error_of(Fault::usage, [&] { (void)run_command(command); }), "no program"));
  command.argv = {"echo", std::string("a\0b", 3)};
  CHECK(has(error_of(Fault::usage, [&] { (void)run_command(command); }), "echo"));
  fs::permissions(folder.write("bin/no-interpreter", "#!/no/such/interpreter\n"), fs::perms::owner_all);
  command = {};
  command.argv = {folder.file("bin/no-interpreter")};
  CHECK(has(error_of(Fault::device, [&] { (void)run_command(command); }), "cannot be started"));
  CHECK_FALSE(has_child());
}

TEST_CASE("a program with a slash is that file, seen from our folder and not from its own") {
  const hwprof_test::TempFolder folder;
  fs::permissions(folder.write("here", "#!/bin/sh\npwd -P\n"), fs::perms::owner_all);
  fs::create_directory(folder.file("there"));
  Command command;
  command.argv = {fs::relative(folder.file("here")).string()};
  command.directory = folder.file("there");
  CHECK(run_command(command).output == fs::canonical(folder.file("there")).string() + "\n");
}

TEST_CASE("a hanging program is ended, with those that it started") {
  const hwprof_test::TempFolder folder;
  auto command = script("sleep 1000 & echo $! > '" + folder.file("pid") + "'; wait");
  command.timeout_s = 0.3;
  const auto result = run_command(command);
  CHECK(result.timed_out);
  CHECK_FALSE(result.good());
  CHECK(has(result.describe(), "longer than allowed"));
  auto pid = base::read_file(folder.file("pid"));
  pid.pop_back();
  CHECK_FALSE(runs(pid));
  CHECK_FALSE(has_child());
}

TEST_CASE("a program that ignores SIGTERM is killed after the grace") {
  auto command = script("trap '' TERM; while :; do sleep 0.05; done");
  command.timeout_s = 0.2;
  command.grace_s = 0.3;
  const auto result = run_command(command);
  CHECK(result.timed_out);
  CHECK(result.signal == SIGKILL);
  CHECK(result.wall_s < 30);
}

TEST_CASE("what a program leaves running in its group ends with it") {
  const hwprof_test::TempFolder folder;
  const auto result = run_command(script("sleep 1000 & echo $! > '" + folder.file("pid") + "'; echo done"));
  CHECK(result.good());
  CHECK(result.output == "done\n");
  auto pid = base::read_file(folder.file("pid"));
  pid.pop_back();
  CHECK_FALSE(runs(pid));
}

TEST_CASE("a daemon in a session of its own stays, and is not waited for although it holds the output") {
  const hwprof_test::TempFolder folder;
  auto command =
      script("setsid sh -c 'echo $$ > pid; exec sleep 30' & while ! test -s pid; do sleep 0.01; done; echo up");
  command.directory = folder.path();
  const auto result = run_command(command);
  CHECK(result.good());
  CHECK(result.output == "up\n");
  CHECK(result.wall_s < 20);
  auto pid = base::read_file(folder.file("pid"));
  pid.pop_back();
  CHECK(runs_now(pid));
  ::kill(std::stoi(pid), SIGKILL);
}

TEST_CASE("a program that dies says by which signal") {
  const auto result = run_command(script("kill -SEGV $$"));
  CHECK(result.signal == SIGSEGV);
  CHECK(has(result.describe(), "killed by signal 11"));
}

TEST_CASE("a stop ends it, and an exception from the asking does too") {
  Command command;
  command.argv = {"/bin/sleep", "1000"};
  int asked = 0;
  command.stop = [&] { return ++asked > 2; };
  const auto result = run_command(command);
  CHECK(result.stopped);
  CHECK_FALSE(result.timed_out);
  command.stop = []() -> bool { throw std::runtime_error("no more"); };
  CHECK_THROWS_AS((void)run_command(command), std::runtime_error);
  CHECK_FALSE(has_child());
}

TEST_CASE("a program that prints for ever fills neither memory nor disk") {
  const hwprof_test::TempFolder folder;
  auto command = script("echo first; yes | head -c 3000000; echo last");
  command.max_output = 1000;
  const auto kept = run_command(command);
  CHECK(kept.good());
  CHECK(kept.output.size() < 1100);
  CHECK(kept.output.substr(0, 6) == "first\n");
  CHECK(kept.output.substr(kept.output.size() - 5) == "last\n");
  CHECK(kept.bytes_dropped == 6 + 3000000 + 5 - 1000);
  command.argv = {"yes"};
  command.timeout_s = 0.5;
  command.output_file = folder.file("log");
  const auto filed = run_command(command);
  CHECK(filed.timed_out);
  CHECK(filed.bytes_dropped > 0);
  CHECK(fs::file_size(folder.file("log")) == 1000);
}

TEST_CASE("both outputs go to a file in order") {
  const hwprof_test::TempFolder folder;
  auto command = script("echo a; echo b >&2; echo c");
  command.output_file = folder.file("log");
  const auto result = run_command(command);
  CHECK(result.output.empty());
  CHECK(base::read_file(folder.file("log")) == "a\nb\nc\n");
  command.output_file = folder.file("absent/log");
  CHECK(has(error_of(Fault::input, [&] { (void)run_command(command); }), "absent/log"));
}

TEST_CASE("nothing leaks: no file of ours to it, none of its pipes to us, no zombies, from several threads at once") {
  const int ours = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC, as other libraries do
  (void)run_command(script("true"));
  const auto before = open_files();
  std::atomic<int> bad{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&bad, thread] {
      for (int i = 0; i < 10; ++i) {
        const auto result = run_command(script("echo " + std::to_string(thread) + "; ls /proc/self/fd | wc -l"));
        if (result.output != std::to_string(thread) + "\n4\n") ++bad;  // 0, 1, 2 and the folder that ls reads
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(bad == 0);
  CHECK(open_files() == before);
  CHECK_FALSE(has_child());
  ::close(ours);
}
