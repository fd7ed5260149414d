// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace hwprof::measuring {

/// Running totals of what the machine gave us and took away.
struct Usage {
  double wall_s = 0;
  double cpu_s = 0;              ///< processor time of the calling thread
  std::int64_t preemptions = 0;  ///< involuntary context switches
  double stolen_s = 0;           ///< given to other guests by the hypervisor, from the processors in use
};

/// The clock and the counters that the sampler looks at; tests put their own in its place.
class Host {
 public:
  virtual ~Host();
  /// Seconds of a steady clock.
  [[nodiscard]] virtual double now() = 0;
  [[nodiscard]] virtual Usage usage() = 0;
};

/// The real one. With one thread it reads the counters of the calling thread and its processor, otherwise
/// those of the process and the machine.
class ThisHost : public Host {
 public:
  explicit ThisHost(int threads) : threads_(threads) {}
  [[nodiscard]] double now() override;
  [[nodiscard]] Usage usage() override;

 private:
  int threads_;
  double read_at_ = -1;  // when stolen_ was read; the kernel counts it in ticks of 10 ms
  double stolen_ = 0;
};

/// Whether the processor was taken away for more than share of the time in between. A kernel thread that
/// came for microseconds does not count. Where several threads work, all may have waited for the one that
/// was preempted, and every preemption counts.
[[nodiscard]] bool interrupted(const Usage& before, const Usage& after, int threads, double share = 0.002);

/// Steal time so far of one processor, or of all (-1) [s]; 0 where /proc/stat does not say.
[[nodiscard]] double steal_seconds(int processor = -1);

}  // namespace hwprof::measuring
