// SPDX-License-Identifier: Apache-2.0
#include "measure/host.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <string>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::measuring {
namespace {

double seconds(clockid_t clock) {
  timespec time{};
  if (::clock_gettime(clock, &time) != 0) throw Error(Fault::unsupported, "this system has no steady clock");
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

#ifdef RUSAGE_THREAD
constexpr auto own_usage = RUSAGE_THREAD;
#else
constexpr auto own_usage = RUSAGE_SELF;
#endif

}  // namespace

Host::~Host() = default;

double ThisHost::now() {
  return seconds(CLOCK_MONOTONIC);
}

Usage ThisHost::usage() {
  Usage usage;
  rusage counters{};
  if (::getrusage(threads_ == 1 ? own_usage : RUSAGE_SELF, &counters) == 0) usage.preemptions = counters.ru_nivcsw;
  usage.cpu_s = seconds(CLOCK_THREAD_CPUTIME_ID);
  usage.wall_s = now();
  constexpr double tick = 0.01;
  if (read_at_ < 0 || usage.wall_s - read_at_ > tick) {
    stolen_ = steal_seconds(threads_ == 1 ? ::sched_getcpu() : -1);
    read_at_ = usage.wall_s = now();
    usage.cpu_s = seconds(CLOCK_THREAD_CPUTIME_ID);
  }
  usage.stolen_s = stolen_;
  return usage;
}

bool interrupted(const Usage& before, const Usage& after, int threads, double share) {
  const double wall = after.wall_s - before.wall_s;
  const double stolen = after.stolen_s - before.stolen_s;
  if (stolen > share * wall) return true;
  if (after.preemptions == before.preemptions) return false;
  return threads > 1 || wall - (after.cpu_s - before.cpu_s) > share * wall;
}

double steal_seconds(int processor) {
  const std::string name = processor < 0 ? "cpu" : "cpu" + std::to_string(processor);
  std::string text;
  try {
    text = base::read_file("/proc/stat");
  } catch (const Error&) {
    return 0;
  }
  for (const std::string& line : base::split(text, '\n')) {
    if (!base::starts_with(line, name + " ")) continue;
    // cpu  user nice system idle iowait irq softirq steal …; "cpu" alone has a second blank behind it.
    std::string_view rest = base::trim(std::string_view(line).substr(name.size()));
    const auto fields = base::split(rest, ' ');
    constexpr std::size_t steal = 7;
    if (fields.size() <= steal) return 0;
    const auto ticks = base::to_double(fields[steal]);
    const long per_second = ::sysconf(_SC_CLK_TCK);
    return ticks && per_second > 0 ? *ticks / static_cast<double>(per_second) : 0;
  }
  return 0;
}

}  // namespace hwprof::measuring
