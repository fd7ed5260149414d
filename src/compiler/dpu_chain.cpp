// SPDX-License-Identifier: Apache-2.0
// The steps of many networks: who is ready, who works, what is put down.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <set>

#include "base/crew.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "compiler/dpu_deploy.hpp"
#include "compiler/dpu_steps.hpp"
#include "hwprof/error.hpp"

namespace hwprof {
namespace {

using namespace compiling;

constexpr const char* go_on = "then give the same command again (profile, ssprofile: with --resume)";

/// A network and what is known of its steps.
struct Work {
  DpuJob job;
  DpuState state;
};

std::string networks(std::size_t n) {
  return std::to_string(n) + (n == 1 ? " network" : " networks");
}

class Chain {
 public:
  Chain(DpuStep step, const std::vector<DpuJob>& jobs, const MeasureOptions& measure)
      : step_(step),
        options_(read_dpu_options(measure)),
        measure_(measure),
        tools_(tool_place(options_), [this] { return crew_.stops(); }) {
    summary_.jobs = jobs.size();
    for (const auto& job : jobs) sort_in(job);
  }

  DpuSummary run() {
    if (ready_.empty()) return finish();
    if (step_ == DpuStep::deploy || step_ == DpuStep::measure)
      run_board();
    else
      run_tools();
    return finish();
  }

 private:
  /// Behind it, before it, or ready for it.
  void sort_in(const DpuJob& job) {
    if (job.id.empty() || job.id.find_first_of("/\n") != std::string::npos || job.id.front() == '.')
      throw Error(Fault::usage, "dpu: " + base::in_quotes(job.id) + " is no id that can be a file's name");
    if (!base::is_folder(job.dir)) throw Error(Fault::missing, job.dir + ": no such folder");
    Work work{job, load_state(job.dir)};
    if (is_kept() && is_behind(work)) {
      ++summary_.before;
      save_state(job.dir, work.state);
      return;
    }
    if (const auto why = refusal(job, options_); !why.empty()) {
      StepState& state = work.state.steps[DpuStep::quantize];
      state = {RunState::unsupported, why, "here", options_.describe(DpuStep::quantize), 0};
      if (is_kept()) save_state(job.dir, work.state);
      fail(job, why);
      return;
    }
    if (step_ == DpuStep::check || step_ == DpuStep::quantize || has_output(before(), job, options_))
      ready_.push_back(std::move(work));
    else
      ++summary_.waiting;
  }

  /// Whether the step's end is put down; a check has nothing behind it.
  [[nodiscard]] bool is_kept() const { return step_ != DpuStep::check; }

  /// Results make everything before them needless, unless this step was done with other options.
  bool is_behind(Work& work) {
    if (step_ == DpuStep::measure || step_ == DpuStep::deploy)  // a board may have been emptied: brought there again
      return is_done(DpuStep::measure, work.job, options_, work.state);
    if (is_done(step_, work.job, options_, work.state)) return true;
    const bool needless =
        has_output(DpuStep::measure, work.job, options_) ||  // options of measuring are not this step's business
        (step_ == DpuStep::quantize && is_done(DpuStep::compile, work.job, options_, work.state));
    if (needless) check_same_options(step_, work.job, options_, work.state);  // its own files were erased
    return needless;
  }
  [[nodiscard]] DpuStep before() const { return step_ == DpuStep::compile ? DpuStep::quantize : DpuStep::compile; }

  DpuSummary finish() {
    summary_.done = summary_.jobs - summary_.failed - summary_.waiting;
    return summary_;
  }

  void fail(const DpuJob& job, const std::string& reason) {
    ++summary_.failed;
    summary_.failures.push_back(job.id + ": " + reason);
  }

  void note(const DpuJob& job, const std::string& what) {
    const std::lock_guard lock(mutex_);
    if (!what.empty()) summary_.notes.push_back(job.id + ": " + what);
  }

  void run_tools() {
    if (!options_.script.empty() && step_ == DpuStep::check)
      throw Error(Fault::usage, "dpu: a script quantises and compiles; have networks checked where vai_q_caffe is");
    const auto needed = tools_of(step_, options_);
    const bool here = options_.script.empty() &&
                      std::all_of(needed.begin(), needed.end(), [this](const auto& tool) { return tools_.find(tool); });
    std::vector<DpuJob> again;
    if (!here && is_kept()) again = take_failures();
    if (ready_.empty()) return;
    if (!options_.script.empty()) {
      std::vector<DpuJob> jobs;
      for (const auto& work : ready_) jobs.push_back(work.job);
      const std::size_t waiting = jobs.size();
      jobs.insert(jobs.end(), again.begin(), again.end());
      write_tool_script(jobs, options_, tools_);
      throw Error(Fault::unsupported, "dpu: " + networks(waiting) + " to be quantised and compiled: run " +
                                          options_.script +
                                          " in the vendor's container (its folder must be seen there), " + go_on);
    }
    for (const auto& tool : needed)
      if (!tools_.find(tool)) lack(tool);
    const auto workers = std::min(static_cast<std::size_t>(options_.jobs), ready_.size());
    crew_.run(
        workers, [this](std::size_t) { work(); }, [this] { watch(); });
    if (crew_.stops()) stopped();
  }

  /// Networks that failed elsewhere cost the others nothing: they are put down, and no longer ready.
  std::vector<DpuJob> take_failures() {
    std::vector<DpuJob> failed;
    std::vector<Work> others;
    for (auto& work : ready_) {
      const std::string why = failed_in_script(step_, work.job, options_);
      if (why.empty()) {
        others.push_back(std::move(work));
        continue;
      }
      work.state.steps[step_] = {RunState::failed, why, "elsewhere", options_.describe(step_), 0};
      save_state(work.job.dir, work.state);
      fail(work.job, why);
      failed.push_back(work.job);
    }
    ready_ = std::move(others);
    return failed;
  }

  [[noreturn]] void lack(const std::string& tool) const {
    if (!options_.container.empty())
      throw Error(Fault::device, "dpu: " + options_.container_tool + " is not on PATH, which is to run the container");
    if (!options_.launcher.empty())
      throw Error(Fault::device, "dpu: " + options_.launcher.front() + " is not there, which is to start the programs");
    throw Error(Fault::unsupported,
                "dpu: " + networks(ready_.size()) + " to " + to_string(step_) + ", and " + tool +
                    " is not on PATH. Start hwprof where Vitis AI's programs are, or give --device-option "
                    "container=IMAGE, or --device-option script=FILE to do it elsewhere; " +
                    go_on);
  }

  [[noreturn]] static void stopped() {
    throw Error(Fault::interrupted, "dpu: stopped on request; what was done is kept");
  }

  /// The calling thread: asks and tells, while others work.
  void watch() {
    Progress now;
    {
      const std::lock_guard lock(mutex_);
      now = progress();
    }
    if (measure_.stop && measure_.stop()) crew_.stop();
    if (measure_.progress) measure_.progress(now);
  }
  [[nodiscard]] Progress progress() const {
    return {static_cast<double>(ended_), static_cast<double>(ready_.size()), 0,
            std::string(to_string(step_)) + " " + what_};
  }

  void work() {
    while (Work* const next = take())
      one(*next, [this](Work& work) {
        if (step_ == DpuStep::check)
          note(work.job, check_one(work.job, options_, tools_));
        else if (step_ == DpuStep::quantize)
          quantize_one(work.job, options_, tools_, work.state.environment);
        else
          compile_one(work.job, options_, tools_, work.state.environment);
      });
  }
  Work* take() {
    const std::lock_guard lock(mutex_);
    if (crew_.stops() || taken_ == ready_.size()) return nullptr;
    Work* const next = &ready_[taken_++];
    what_ = next->job.id;
    return next;
  }

  /// Does the step and puts down how it ended.
  template <typename Step>
  void one(Work& work, const Step& step, const std::string& by = "here") {
    StepState state{RunState::measured, {}, by, options_.describe(step_), 0};
    const auto begin = std::chrono::steady_clock::now();
    try {
      step(work);
    } catch (const Error& error) {
      if (error.fault() == Fault::interrupted || error.fault() == Fault::internal || error.fault() == Fault::usage)
        throw;
      state.state = RunState::failed;
      state.reason = error.what();
    } catch (const std::filesystem::filesystem_error& error) {
      state.state = RunState::failed;
      state.reason = error.what();
    }
    state.wall_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    work.state.steps[step_] = state;
    if (by == "server") {  // it deploys and measures in one, as often as it likes
      state.options.clear();
      work.state.steps[DpuStep::deploy] = work.state.steps[DpuStep::measure] = state;
    }
    if (is_kept()) save_state(work.job.dir, work.state);
    const std::lock_guard lock(mutex_);
    ++ended_;
    if (!state.done()) fail(work.job, state.reason);
  }

  void run_board() {
    const auto board = make_board(options_, [this] { return measure_.stop && measure_.stop(); });
    if (!board)
      throw Error(
          Fault::unsupported,
          "dpu: " + networks(ready_.size()) +
              " compiled, and nobody to run them. Give --device-option server=URL (auto_deploy), host=USER@BOARD "
              "(ssh), or board=FOLDER to carry them to a board by hand; " +
              go_on);
    board->begin();
    for (auto& work : ready_) {
      if (measure_.stop && measure_.stop()) stopped();
      what_ = work.job.id;
      if (measure_.progress) measure_.progress(progress());
      try {
        one(
            work, [this, &board](Work& job) { run_one(*board, job); }, board->by());
      } catch (const Waits&) {
        ++summary_.waiting;
      } catch (const BoardLost& lost) {
        throw Error(Fault::device, "dpu: the board cannot be reached, " + networks(ready_.size() - ended_) +
                                       " wait; what was measured is kept, the same command goes on: " + lost.what);
      }
    }
    board->end();
  }

  void run_one(DpuBoard& board, Work& work) {
    work.state.environment["target"] = options_.target;
    work.state.environment["latency"] = options_.latency;
    if (step_ == DpuStep::deploy || board.by() != "carried") board.deploy(work.job);
    // A server gives the times in the same breath.
    if (step_ == DpuStep::measure || board.by() == "server") board.measure(work.job, work.state.environment);
  }

  const DpuStep step_;
  const DpuOptions options_;
  const MeasureOptions& measure_;
  Tools tools_;
  std::vector<Work> ready_;
  base::Crew crew_;
  std::mutex mutex_;  ///< of what follows
  std::size_t taken_ = 0, ended_ = 0;
  std::string what_;
  DpuSummary summary_;
};

}  // namespace

DpuSummary run_dpu(DpuStep step, const std::vector<DpuJob>& jobs, const MeasureOptions& options) {
  if (jobs.empty()) throw Error(Fault::usage, "dpu: there is no network");
  std::set<std::string> dirs;
  for (const auto& job : jobs)
    if (!dirs.insert(std::filesystem::weakly_canonical(job.dir).string()).second)
      throw Error(Fault::usage, job.dir + ": is named twice in one call");
  return Chain(step, jobs, options).run();
}

}  // namespace hwprof
