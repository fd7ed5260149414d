// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <deque>
#include <filesystem>
#include <mutex>

#include "base/crew.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "compiler/snpe_dlc.hpp"
#include "compiler/snpe_phone.hpp"
#include "compiler/snpe_session.hpp"
#include "hwprof/error.hpp"

namespace hwprof {
namespace {

namespace fs = std::filesystem;
using namespace compiling;

constexpr int most_losses = 2;  ///< phones that may go away under one network before it is blamed

/// A network that waits for a phone.
struct Waiting {
  std::size_t job = 0;
  int losses = 0;
  bool partly = false;  ///< some runtimes are done, others failed and are tried again
};

/// Why a network failed: the network, or the phone under it.
struct PhoneLost {
  std::string what;
};

void check_tools(const Tools& tools, const SnpeOptions& options) {
  std::vector<std::string> needed{"adb", "snpe-onnx-to-dlc", "snpe-dlc-info", "snpe_bench.py"};
  for (const auto& group : groups_of(options))
    if (group.quantized) needed.emplace_back("snpe-dlc-quantize");
  if (!options.container.empty()) needed = {options.container_tool};
  std::vector<std::string> missing;
  for (const auto& tool : needed)
    if (!tools.find(tool)) missing.push_back(tool);
  if (missing.empty()) return;
  throw Error(Fault::device, "snpe: not found: " + base::join(missing, ", ") +
                                 "; put the SNPE SDK's programs and adb on PATH (its bin/envsetup.sh does), or give "
                                 "--device-option sdk=FOLDER, container=IMAGE, or script=FILE to measure elsewhere");
}

class Bench {
 public:
  Bench(const std::vector<SnpeJob>& jobs, const SnpeOptions& options, const MeasureOptions& measure)
      : jobs_(jobs),
        options_(options),
        measure_(measure),
        tools_(tool_place(options_), [this] { return crew_.stops(); }) {
    summary_.jobs = jobs.size();
  }

  SnpeSummary run() {
    sort_out();
    if (waiting_.empty()) return finish();
    if (!options_.script.empty()) {
      if (only_partly()) return finish();
      std::vector<SnpeJob> undone;
      for (const auto& one : waiting_) (one.partly ? again_ : undone).push_back(jobs_[one.job]);
      write_script(undone, again_, options_, tools_);
    }
    std::vector<std::string> phones;
    try {
      check_tools(tools_, options_);
      phones = ready_phones(tools_, options_, jobs_.front().dir, summary_.lost);
    } catch (const Error& error) {
      if (!only_partly() || error.fault() != Fault::device) throw;
      return finish();  // what could not be had is still missing; no reason to keep the rest from being used
    }
    crew_.run(
        phones.size(), [&](std::size_t i) { work(phones[i]); }, [this] { watch(); });
    if (crew_.stops()) throw Error(Fault::interrupted, "snpe: stopped on request; what was benched is kept");
    if (!only_partly())
      throw Error(Fault::device, "snpe: no phone is left (" + base::join(summary_.lost, "; ") + "), " +
                                     std::to_string(waiting_.size()) + " of " + std::to_string(jobs_.size()) +
                                     " networks wait; what was benched is kept, the same command goes on");
    return finish();
  }

 private:
  /// What earlier calls and carried results leave to do.
  void sort_out() {
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      const std::string& dir = jobs_[i].dir;
      if (!base::exists(dir + "/" + model_name))
        throw Error(Fault::missing, dir + ": holds no " + std::string(model_name));
      const auto session = earlier(dir);
      if (session && session->done && session->missing.empty()) {
        ++summary_.before;
      } else if (session && !session->done && !options_.script.empty()) {
        again_.push_back(jobs_[i]);
        ++summary_.failed;
        summary_.failures.push_back(jobs_[i].id + ": " + session->reason);
      } else {
        waiting_.push_back({i, 0, session && session->done});
      }
    }
  }

  /// What was done of a network, if it counts; what does not is out of the way then.
  [[nodiscard]] std::optional<Session> earlier(const std::string& dir) const {
    const auto options = options_.describe();
    std::string problem;
    auto session = look(dir, problem);
    if (session && session->done && !is_whole(dir, *session)) session.reset();
    const bool same = session && session->options == options;
    if (session && session->done && !same) {
      std::vector<std::string> changed;
      for (const auto& [key, value] : options)
        if (session->options[key] != value)
          changed.push_back(key + " (" + session->options[key] + " then, " + value + " now)");
      throw Error(Fault::usage, dir + ": was benched with other options: " + base::join(changed, ", "));
    }
    const bool by_script = session && same && (session->asked || session->environment.count("measured_by") != 0);
    if (by_script && !(session->done && session->missing.empty()))
      if (auto carried = adopted(dir, *session)) return carried;  // the script may have been run once more
    if (session && session->done) return session;
    if (by_script) return {};  // the script goes on where it was
    forget_results(dir);
    return {};
  }

  [[nodiscard]] std::optional<Session> adopted(const std::string& dir, const Session& asked) const {
    auto session = adopt(dir, asked, options_);
    if (session) save_session(dir, *session);
    return session;
  }

  void note_missing(std::size_t job, const Session& session) {
    for (const auto& [runtime, why] : session.missing)
      summary_.missing.push_back(jobs_[job].id + ": " + runtime + ": " + why);
  }

  /// Whether what waits has results, of some runtimes.
  [[nodiscard]] bool only_partly() const {
    return std::all_of(waiting_.begin(), waiting_.end(), [](const Waiting& one) { return one.partly; });
  }

  /// Networks that still wait are partly done, and stay so.
  SnpeSummary finish() {
    for (const auto& one : waiting_) {
      ++summary_.before;
      note_missing(one.job, *find_session(jobs_[one.job].dir));
    }
    summary_.done = summary_.jobs - summary_.failed;
    return summary_;
  }

  /// The calling thread: asks and tells, while others work.
  void watch() {
    Progress progress;
    {
      const std::lock_guard lock(mutex_);
      progress = {static_cast<double>(ended_), static_cast<double>(total()), 0, what_};
    }
    if (measure_.stop && measure_.stop()) crew_.stop();
    if (measure_.progress) measure_.progress(progress);
  }
  [[nodiscard]] std::size_t total() const { return summary_.jobs - summary_.before; }

  bool take(Waiting& next) {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty() || crew_.stops()) return false;
    next = waiting_.front();
    waiting_.pop_front();
    what_ = jobs_[next.job].id;
    return true;
  }

  void work(const std::string& phone) {
    Waiting next;
    while (take(next))
      if (!bench_one(next, phone)) break;
  }

  /// False when the phone is gone.
  bool bench_one(Waiting next, const std::string& phone) {
    const SnpeJob& job = jobs_[next.job];
    Session session;
    if (next.partly) session = find_session(job.dir).value();
    session.options = options_.describe();
    session.key = options_.key;
    session.model = print_of(job.dir);
    bool here = true;
    try {
      if (!next.partly) forget_results(job.dir);
      bench(job, phone, session);
      session.done = true;
    } catch (const PhoneLost& lost) {
      here = false;
      session.reason = lost.what;
      const std::lock_guard lock(mutex_);
      summary_.lost.push_back(phone + ": " + lost.what);
      if (++next.losses < most_losses) {
        waiting_.push_back(next);
        return false;
      }
      session.reason = "the phone went away " + std::to_string(next.losses) + " times under this network: " + lost.what;
    } catch (const Error& error) {
      if (error.fault() == Fault::interrupted || error.fault() == Fault::internal) throw;
      session.reason = error.what();
    }
    if (!session.done) {
      session.results.clear();
      session.quantized.clear();
      session.missing.clear();
    }
    save_session(job.dir, session);
    const std::lock_guard lock(mutex_);
    ++ended_;
    note_missing(next.job, session);
    if (!session.done) {
      ++summary_.failed;
      summary_.failures.push_back(job.id + ": " + session.reason);
    }
    return here;
  }

  void convert(const std::string& dir) const {
    const std::string part = "raw/part.dlc";
    if (base::exists(dir + "/" + dlc_path(false))) return;
    fs::remove(dir + "/" + part);  // of a call that was killed
    tools_.run("snpe-onnx-to-dlc", {"--input_network", model_name, "--output_path", part}, dir, "raw/convert.log",
               options_.tool_timeout_s);
    if (!base::exists(dir + "/" + part)) throw Error(Fault::device, "snpe-onnx-to-dlc: wrote no DLC");
    fs::rename(dir + "/" + part, dir + "/" + dlc_path(false));
  }

  void quantize(const std::string& dir, const std::string& list) const {
    fs::remove(dir + "/" + dlc_path(true));
    tools_.run("snpe-dlc-quantize",
               {"--input_dlc", dlc_path(false), "--input_list", list, "--output_dlc", dlc_path(true)}, dir,
               "raw/quantize.log", options_.tool_timeout_s);
    if (!base::exists(dir + "/" + dlc_path(true))) throw Error(Fault::device, "snpe-dlc-quantize: wrote no DLC");
  }

  void bench(const SnpeJob& job, const std::string& phone, Session& session) const {
    const std::string& dir = job.dir;
    base::make_folder(dir + "/raw");
    convert(dir);
    const auto info = tools_.run("snpe-dlc-info", {"-i", dlc_path(false)}, dir, "", options_.tool_timeout_s);
    base::write_file(dir + "/raw/dlc-info.txt", info.output);
    const auto inputs = parse_dlc_info(info.output, dir + "/raw/dlc-info.txt");
    const auto list = write_inputs(dir, inputs, options_);
    std::vector<std::string> problems;
    bool worked = session.done;
    for (const auto& group : left_to_do(session)) {
      if (group.quantized) {
        try {
          quantize(dir, quantize_list(dir, inputs, options_, list));
        } catch (const Error& error) {
          if (error.fault() == Fault::interrupted) throw;
          for (const auto& runtime : group.runtimes) session.missing[runtime] = error.what();
          continue;
        }
      }
      const auto run = [&](const Group& part) {
        base::save_json(dir + "/" + config_path(part),
                        bench_config(job.id, dlc_path(part.quantized), list, results_folder(part), part.runtimes,
                                     {phone}, options_));
        fs::remove_all(dir + "/" + results_folder(part));  // of a call that was killed
        auto taken = bench_group(dir, phone, part);
        base::write_file(dir + "/" + results_path(part), taken.text);
        if (taken.problem.empty())
          worked = true;
        else
          problems.push_back(std::move(taken.problem));
        session.results.push_back(results_path(part));
        session.quantized.push_back(part.quantized);
        for (const auto& runtime : part.runtimes) session.missing.erase(runtime);
      };
      std::string reason;
      try {
        run(group);
        continue;
      } catch (const Error& error) {
        if (error.fault() == Fault::interrupted || error.fault() == Fault::internal) throw;
        reason = error.what();
      }
      // One of several may have ended the bench for all.
      for (const auto& part : group.apart()) {
        try {
          if (group.runtimes.size() == 1) throw Error(Fault::device, reason);
          run(part);
        } catch (const Error& error) {
          if (error.fault() == Fault::interrupted || error.fault() == Fault::internal) throw;
          session.missing[part.runtimes.front()] = error.what();
        }
      }
    }
    // A phone without a DSP that may be used is no reason to lose the GPU's times.
    if (!worked) {
      const bool one = options_.runtimes.size() == 1;
      for (const auto& [runtime, why] : session.missing) problems.push_back(one ? why : runtime + ": " + why);
      throw Error(Fault::device, base::join(problems, "; "));
    }
    session.environment = phone_state(tools_, options_, phone, dir);
    session.environment["phone"] = phone;
    for (const char* folder : {"/raw/random_inputs", "/raw/quantize_inputs"})
      fs::remove_all(dir + folder);  // as large as everything else together, and drawn anew by the seed
  }

  /// The groups that have no results yet; of one that has some, its other runtimes alone.
  [[nodiscard]] std::vector<Group> left_to_do(const Session& session) const {
    auto groups = groups_of(options_);
    if (!session.done) return groups;
    std::vector<Group> left;
    for (const auto& group : groups)
      for (auto& part : group.apart())
        if (session.missing.count(part.runtimes.front()) != 0) left.push_back(std::move(part));
    return left;
  }

  [[nodiscard]] Taken bench_group(const std::string& dir, const std::string& phone, const Group& group) const {
    try {
      tools_.run("snpe_bench.py", {"-json", "-c", config_path(group)}, dir, "raw/bench.log", options_.bench_timeout_s);
      auto taken = take_results(dir, group);
      if (!taken.problem.empty() && !is_ready(tools_, options_, phone, dir)) throw PhoneLost{taken.problem};
      return taken;
    } catch (const Error& error) {
      if (error.fault() == Fault::interrupted || is_ready(tools_, options_, phone, dir)) throw;
      throw PhoneLost{error.what()};
    }
  }

  const std::vector<SnpeJob>& jobs_;
  const SnpeOptions options_;
  const MeasureOptions& measure_;
  Tools tools_;
  base::Crew crew_;
  std::mutex mutex_;  ///< of what follows
  std::deque<Waiting> waiting_;
  std::vector<SnpeJob> again_;  ///< failed in a script, which tries them again when it is run once more
  std::size_t ended_ = 0;
  std::string what_;
  SnpeSummary summary_;
};

}  // namespace

SnpeSummary bench_snpe(const std::vector<SnpeJob>& jobs, const MeasureOptions& options) {
  if (jobs.empty()) throw Error(Fault::usage, "snpe: there is no network to bench");
  return Bench(jobs, read_snpe_options(options), options).run();
}

LatencyTable collect_snpe(const std::vector<SnpeJob>& jobs, const std::vector<std::string>& uids,
                          std::vector<std::string>* problems) {
  if (jobs.size() != uids.size()) throw Error(Fault::internal, "collect_snpe: as many uids as jobs are expected");
  LatencyTable table;
  const auto note = [problems](const std::string& what) {
    if (problems != nullptr) problems->push_back(what);
  };
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    std::string problem;
    if (problems == nullptr) (void)find_session(jobs[i].dir);  // which throws where look() tells
    const auto session = look(jobs[i].dir, problem);
    if (!session || !session->done) {
      note(jobs[i].id + ": " + (session ? session->reason : problem));
      continue;
    }
    for (const auto& [runtime, why] : session->missing) note(jobs[i].id + ": " + runtime + ": " + why);
    if (table.meta.empty())
      for (const auto& values : {session->options, session->environment})
        for (const auto& [key, value] : values) table.meta.emplace_back(key, value);
    for (std::size_t k = 0; k < session->results.size(); ++k) {
      try {
        const std::string file = base::inside(jobs[i].dir, session->results[k]);
        auto results = parse_snpe_results(base::read_file(file), file);
        for (const auto& run : results.runs)
          if (run.problem.empty())
            results.meta.emplace_back(LatencyTable::precision_key(run.runtime),
                                      precision_of(run.runtime, session->quantized[k]));
        for (const auto& what : add_results(table, uids[i], results)) note(jobs[i].id + ": " + what);
      } catch (const Error& error) {
        if (problems == nullptr || error.fault() != Fault::input) throw;
        note(jobs[i].id + ": " + error.what());
      }
    }
  }
  return table;
}

}  // namespace hwprof
