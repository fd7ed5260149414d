// SPDX-License-Identifier: Apache-2.0
#include "measure/settings.hpp"

#include <malloc.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <set>
#include <utility>

#include "base/files.hpp"
#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::measuring {
namespace {

struct SetDeleter {
  void operator()(cpu_set_t* set) const noexcept { CPU_FREE(set); }
};
using Set = std::unique_ptr<cpu_set_t, SetDeleter>;

constexpr int most_processors = 4096;
const std::size_t set_bytes = CPU_ALLOC_SIZE(most_processors);

Set make_set() {
  Set set(CPU_ALLOC(most_processors));
  if (!set) throw std::bad_alloc();
  CPU_ZERO_S(set_bytes, set.get());
  return set;
}

bool confine(const std::vector<int>& processors) {
  const Set set = make_set();
  for (const int processor : processors) CPU_SET_S(static_cast<std::size_t>(processor), set_bytes, set.get());
  return ::sched_setaffinity(0, set_bytes, set.get()) == 0;
}

/// Turns of a small loop within some milliseconds of wall time.
double work_done() {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(4);
  double turns = 0;
  volatile double value = 1;
  while (Clock::now() < end) {
    for (int i = 0; i < 200; ++i) value = value * 0.999 + 0.001;
    ++turns;
  }
  return turns;
}

/// A name of the core that a processor belongs to; processors of one core share it.
std::string core_of(int processor) {
  try {
    return base::read_file("/sys/devices/system/cpu/cpu" + std::to_string(processor) +
                           "/topology/thread_siblings_list");
  } catch (const Error&) {
    return std::to_string(processor);
  }
}

}  // namespace

std::string keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int huge = 1 << 30;
  constexpr int top_pad = 64 << 20;
  const bool done =
      ::mallopt(M_MMAP_MAX, 0) == 1 && ::mallopt(M_TRIM_THRESHOLD, huge) == 1 && ::mallopt(M_TOP_PAD, top_pad) == 1;
  return done ? "glibc, mmap_max 0, trim_threshold 1 GiB, top_pad 64 MiB" : "glibc refused mallopt";
#else
  return "the C library's defaults (not glibc)";
#endif
}

std::vector<int> allowed_processors() {
  const Set set = make_set();
  std::vector<int> processors;
  if (::sched_getaffinity(0, set_bytes, set.get()) != 0) return processors;
  for (int i = 0; i < most_processors; ++i)
    if (CPU_ISSET_S(static_cast<std::size_t>(i), set_bytes, set.get())) processors.push_back(i);
  return processors;
}

std::vector<int> quiet_processors(int count) {
  const auto allowed = allowed_processors();
  constexpr std::size_t most_tried = 64;  // 8 ms each
  std::vector<std::pair<double, int>> ranked;
  for (std::size_t i = 0; i < allowed.size() && i < most_tried; ++i)
    if (confine({allowed[i]})) {
      const double first = work_done();
      ranked.emplace_back(std::min(first, work_done()), allowed[i]);
    }
  (void)confine(allowed);
  // What differs by less than 5 % is equal; among equals the last, because processor 0 serves most interrupts.
  double best = 0;
  for (const auto& [work, processor] : ranked) best = std::max(best, work);
  for (auto& [work, processor] : ranked) work = work > 0.95 * best ? best : work;
  std::sort(ranked.rbegin(), ranked.rend());
  std::vector<int> chosen;
  std::vector<int> siblings;
  std::set<std::string> cores;
  for (const auto& [work, processor] : ranked)
    (cores.insert(core_of(processor)).second ? chosen : siblings).push_back(processor);
  chosen.insert(chosen.end(), siblings.begin(), siblings.end());
  chosen.resize(std::min(chosen.size(), static_cast<std::size_t>(count)));
  return chosen;
}

void check_threads(int threads) {
  const auto processors = allowed_processors().size();  // 0: not known
  if (threads < 1 || (processors > 0 && static_cast<std::size_t>(threads) > processors))
    throw Error(Fault::usage, std::to_string(threads) + " threads asked for, but this process may use " +
                                  std::to_string(processors) + " processors");
}

Affinity::Affinity(int threads) : before_(allowed_processors()) {
  if (before_.empty()) {
    text_ = std::string("not known: ") + std::strerror(errno);
    return;
  }
  check_threads(threads);
  const auto chosen = quiet_processors(threads);
  if (static_cast<int>(chosen.size()) == threads && confine(chosen)) {
    std::vector<std::string> names;
    for (const int processor : chosen) names.push_back(std::to_string(processor));
    text_ = (threads == 1 ? "processor " : "processors ") + base::join(names, ",");
  } else {
    text_ = std::string("refused: ") + std::strerror(errno);
    before_.clear();
  }
}

Affinity::~Affinity() {
  if (!before_.empty()) (void)confine(before_);
}

}  // namespace hwprof::measuring
