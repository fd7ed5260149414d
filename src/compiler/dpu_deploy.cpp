// SPDX-License-Identifier: Apache-2.0
// Three ways to a DPU: a server that takes ELF files by HTTP, a board by ssh, and a folder that somebody carries.
#include "compiler/dpu_deploy.hpp"

#include <cmath>
#include <filesystem>

#include "base/files.hpp"
#include "base/http.hpp"
#include "base/text.hpp"
#include "compiler/dpu_runner.hpp"
#include "hwprof/error.hpp"

namespace hwprof::compiling {
namespace fs = std::filesystem;
namespace {

using Environment = std::map<std::string, std::string>;
constexpr std::uint64_t largest_log = std::uint64_t{1} << 30;
constexpr double short_s = 60;

std::string elf_name(const DpuBinary& binary) {
  return "elf/" + fs::path(binary.file).filename().string();
}

std::string log_name(const DpuBinary& binary) {
  return "logs/" + binary.kernel + "." + binary.mode + ".txt";
}

/// measure.sh's copy of the file that the log is of.
std::string measured_name(const DpuBinary& binary) {
  return "logs/" + binary.kernel + "." + binary.mode + ".elf";
}

/// The same of a file that could not be measured.
std::string failed_name(const DpuBinary& binary) {
  return "logs/" + binary.kernel + "." + binary.mode + ".failed";
}

std::string errors_name(const DpuBinary& binary) {
  return "logs/" + binary.kernel + "." + binary.mode + ".err";
}

/// Takes kernels' files and gives their logs; the protocol of the auto_deploy server.
class Server final : public DpuBoard {
 public:
  Server(const DpuOptions& options, std::function<bool()> stop) : options_(options) {
    form_.url = options.server;
    form_.ca_file = options.ca_file;
    form_.timeout_s = options.measure_timeout_s;
    form_.attempts = options.attempts;
    form_.stop = std::move(stop);
    if (!options.token_file.empty())
      form_.token = std::string(base::trim(base::read_file(options.token_file, 1 << 16)));
    if (!options.token_file.empty() && form_.token.empty())
      throw Error(Fault::input, options.token_file + ": is empty");
  }
  void begin() override {
    if (!base::has_http()) (void)base::post_form(form_);  // says how to get it
  }
  void deploy(const DpuJob& job) override { (void)find_binaries(job.dir, options_); }
  void measure(const DpuJob& job, Environment& environment) override {
    for (const auto& binary : find_binaries(job.dir, options_)) {
      form_.fields = {{"file", {}, (fs::path(job.dir) / binary.file).string()}, {"kernel_name", binary.kernel, {}}};
      const auto answer = post();
      take_result(job, binary.mode, answer.body);
      if (answer.attempts > 1) environment["server_attempts"] = std::to_string(answer.attempts);
    }
  }
  [[nodiscard]] std::string by() const override { return "server"; }

 private:
  [[nodiscard]] base::HttpAnswer post() const {
    try {
      return base::post_form(form_);
    } catch (const base::NobodyThere& error) {
      throw BoardLost{error.what()};
    }
  }

  const DpuOptions& options_;
  base::HttpForm form_;
};

/// A board that this machine may log in to.
class SshBoard final : public DpuBoard {
 public:
  SshBoard(const DpuOptions& options, std::function<bool()> stop) : options_(options), tools_({}, std::move(stop)) {}

  void begin() override {
    for (const char* program : {"ssh", "scp"})
      if (!tools_.find(program))
        throw Error(Fault::device, std::string("dpu: ") + program + " is not on PATH (Debian: openssh-client)");
  }

  void deploy(const DpuJob& job) override {
    const auto binaries = find_binaries(job.dir, options_);
    prepare(job);
    for (const auto& binary : binaries) copy(job, {binary.file, place(elf_name(binary))});
  }

  void measure(const DpuJob& job, Environment& environment) override {
    for (const auto& binary : find_binaries(job.dir, options_)) {
      const std::string log = "raw/ssh-" + binary.mode + ".log";
      const std::string limit = base::format_number(std::ceil(options_.measure_timeout_s));
      const auto result = remote(job,
                                 "HWPROF_RUN_LIMIT=" + limit + " sh " + options_.folder + "/measure.sh " +
                                     std::to_string(options_.runs) + " " + std::to_string(options_.warmup) + " " +
                                     binary.kernel + " " + binary.mode + " " + elf_name(binary),
                                 log, options_.measure_timeout_s + short_s);
      check(result, job, log, "measuring " + binary.kernel);
      const std::string part = result_file(job.id, binary.mode) + ".fetched";
      copy(job, {place(log_name(binary)), part});
      const std::string text = base::read_file((fs::path(job.dir) / part).string(), largest_log);
      fs::remove(fs::path(job.dir) / part);
      take_result(job, binary.mode, text);
    }
    fetch_board(job);
    environment["board"] = options_.host;
  }
  [[nodiscard]] std::string by() const override { return "ssh"; }

 private:
  [[nodiscard]] std::string place(const std::string& name) const {
    return options_.host + ":" + options_.folder + "/" + name;
  }

  /// Ours and the board's: 255 is what ssh itself ends with.
  [[noreturn]] void fail(const base::CommandResult& result, const DpuJob& job, const std::string& log,
                         const std::string& what) const {
    const std::string file = (fs::path(job.dir) / log).string();
    base::CommandResult said = result;
    said.output = base::read_file(file, largest_log);
    const std::string text = what + ": " + said.describe() + " (" + file + ")";
    if (result.exit_status == 255)
      throw BoardLost{text + "; can you log in with ssh -o BatchMode=yes " + options_.host +
                      " ? A key without a question and a known host key are needed"};
    throw Error(Fault::device, text);
  }
  void check(const base::CommandResult& result, const DpuJob& job, const std::string& log,
             const std::string& what) const {
    if (!result.good()) fail(result, job, log, what);
  }

  base::CommandResult remote(const DpuJob& job, const std::string& command, const std::string& log,
                             double timeout_s) const {
    auto words = ssh_words(options_, "ssh");
    words.insert(words.end(), {options_.host, command});
    base::make_folder((fs::path(job.dir) / "raw").string());
    return tools_.attempt("ssh", words, job.dir, log, timeout_s);
  }

  void copy(const DpuJob& job, const std::vector<std::string>& paths) const {
    auto words = ssh_words(options_, "scp");
    words.insert(words.end(), paths.begin(), paths.end());
    const char* log = "raw/scp.log";
    check(tools_.attempt("scp", words, job.dir, log, options_.measure_timeout_s), job, log, "copying " + paths.front());
  }

  /// The scripts, once.
  void prepare(const DpuJob& job) {
    if (prepared_) return;
    const auto made = remote(job, "mkdir -p " + options_.folder + "/elf", "raw/ssh.log", short_s);
    check(made, job, "raw/ssh.log", "making the folder " + options_.folder);
    base::write_file((fs::path(job.dir) / "raw/measure.sh").string(), dpu_measure_script);
    base::write_file((fs::path(job.dir) / "raw/hwprof_run.cpp").string(), dpu_run_source);
    copy(job, {"raw/measure.sh", "raw/hwprof_run.cpp", place("")});
    prepared_ = true;
  }

  /// What dexplorer says of the board; it need not be there.
  void fetch_board(const DpuJob& job) const {
    auto words = ssh_words(options_, "scp");
    words.insert(words.end(), {place("logs/board.txt"), "raw/board.txt"});
    (void)tools_.attempt("scp", words, job.dir, "raw/scp-board.log", short_s);
  }

  const DpuOptions& options_;
  Tools tools_;
  bool prepared_ = false;
};

/// A folder to be copied to a board by hand, and back.
class CarriedBoard final : public DpuBoard {
 public:
  explicit CarriedBoard(const DpuOptions& options) : options_(options) {}

  void deploy(const DpuJob& job) override {
    const auto binaries = find_binaries(job.dir, options_);
    for (const auto& binary : binaries) check_ours(job, binary);
    for (const auto& binary : binaries) {
      const fs::path elf = fs::path(options_.board) / elf_name(binary);
      base::make_folder(elf.parent_path().string());
      base::write_file(elf.string(), base::read_file((fs::path(job.dir) / binary.file).string()));
    }
    list(binaries);
    ++waiting_;
  }
  /// Takes what was carried back; without it the network is deployed again.
  void measure(const DpuJob& job, Environment& environment) override {
    const auto binaries = find_binaries(job.dir, options_);
    for (const auto& binary : binaries) check_ours(job, binary);
    for (const auto& binary : binaries)
      if (has_failed(job, binary)) {
        list(binaries);  // where others wait as well, it is tried again with them
        fail(binary);
      }
    for (const auto& binary : binaries)
      if (!base::exists((fs::path(options_.board) / log_name(binary)).string())) {
        deploy(job);
        throw Waits{};
      }
    for (const auto& binary : binaries)
      take_result(job, binary.mode,
                  base::read_file((fs::path(options_.board) / log_name(binary)).string(), largest_log));
    const fs::path board = fs::path(options_.board) / "logs/board.txt";
    if (base::exists(board.string()))
      base::write_file((fs::path(job.dir) / "raw/board.txt").string(), base::read_file(board.string(), 1 << 20));
    environment["board"] = "carried by hand";
  }
  void end() override {
    if (waiting_ == 0) return;
    const fs::path folder(options_.board);
    base::write_file((folder / "measure.sh").string(), dpu_measure_script);
    base::write_file((folder / "hwprof_run.cpp").string(), dpu_run_source);
    base::write_file((folder / "kernels.txt").string(), lines_);
    const std::string command =
        "sh measure.sh " + std::to_string(options_.runs) + " " + std::to_string(options_.warmup);
    throw Error(Fault::unsupported,
                "dpu: " + std::to_string(waiting_) + (waiting_ == 1 ? " network waits" : " networks wait") +
                    " for the board: copy the folder " + options_.board + " to it, run `" + command +
                    "` in it, copy the folder back and give the same command again (after deploy: measure; profile, "
                    "ssprofile: with --resume)");
  }
  [[nodiscard]] std::string by() const override { return "carried"; }

 private:
  void list(const std::vector<DpuBinary>& binaries) {
    for (const auto& binary : binaries) lines_ += binary.kernel + " " + binary.mode + " " + elf_name(binary) + "\n";
  }

  /// Whether measure.sh tried this very file in vain.
  [[nodiscard]] bool has_failed(const DpuJob& job, const DpuBinary& binary) const {
    const fs::path folder(options_.board);
    const std::string mark = (folder / failed_name(binary)).string();
    return !base::exists((folder / log_name(binary)).string()) && base::exists(mark) &&
           base::read_file(mark) == base::read_file((fs::path(job.dir) / binary.file).string());
  }

  [[noreturn]] void fail(const DpuBinary& binary) const {
    const std::string file = (fs::path(options_.board) / errors_name(binary)).string();
    const std::string text = base::exists(file) ? base::read_file(file, largest_log) : std::string();
    const auto said = base::trim(text);
    throw Error(Fault::device,
                "measuring " + binary.kernel + " failed on the board" +
                    (said.empty() ? "" : "; it said " + base::in_quotes(said.substr(said.rfind('\n') + 1))) + " (" +
                    file + ")");
  }

  /// Kernels of two runs share their names, so that a folder which served another run holds logs that fit by name.
  void check_ours(const DpuJob& job, const DpuBinary& binary) const {
    const fs::path folder(options_.board);
    const std::string ours = base::read_file((fs::path(job.dir) / binary.file).string());
    const auto differs = [&](const std::string& name) {
      const std::string file = (folder / name).string();
      return base::exists(file) && base::read_file(file) != ours;
    };
    const bool has_log = base::exists((folder / log_name(binary)).string());
    const bool unknown = has_log && !(base::exists((folder / elf_name(binary)).string()) &&
                                      base::exists((folder / measured_name(binary)).string()));
    if (unknown || differs(elf_name(binary)) || (has_log && differs(measured_name(binary))))
      throw Error(Fault::usage,
                  "dpu: the folder " + options_.board + " holds " + (has_log ? log_name(binary) : elf_name(binary)) +
                      " of another network than the one in " + job.dir + "; erase it, or name another folder as board");
  }

  const DpuOptions& options_;
  std::string lines_;
  std::size_t waiting_ = 0;
};

}  // namespace

DpuBoard::~DpuBoard() = default;

std::vector<std::string> ssh_words(const DpuOptions& options, const std::string& program) {
  std::vector<std::string> words{"-o", "BatchMode=yes", "-o", "ConnectTimeout=10", "-o", "ServerAliveInterval=15"};
  if (options.port > 0) words.insert(words.end(), {program == "scp" ? "-P" : "-p", std::to_string(options.port)});
  if (!options.identity.empty())
    words.insert(words.end(), {"-i", fs::absolute(options.identity).string(), "-o", "IdentitiesOnly=yes"});
  words.emplace_back("--");  // what follows are names, even if they began with '-'
  return words;
}

std::unique_ptr<DpuBoard> make_board(const DpuOptions& options, std::function<bool()> stop) {
  if (!options.server.empty()) return std::make_unique<Server>(options, std::move(stop));
  if (!options.host.empty()) return std::make_unique<SshBoard>(options, std::move(stop));
  if (!options.board.empty()) return std::make_unique<CarriedBoard>(options);
  return nullptr;
}

}  // namespace hwprof::compiling
