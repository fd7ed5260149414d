// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

namespace hwprof::measuring {

/// Keeps freed memory in the process (glibc's mallopt): without it pages go back to the system between
/// forwards, and faulting them in again can cost more than the op that is measured. Cannot be undone.
/// Returns what was done, or what the C library does not offer.
[[nodiscard]] std::string keep_freed_memory();

/// Processors that this thread may run on.
[[nodiscard]] std::vector<int> allowed_processors();

/// @throws Error(Fault::usage) for fewer threads than one, and for more than allowed processors.
void check_threads(int threads);

/// The count quietest of them: those that do most work in a few milliseconds, one per core first.
[[nodiscard]] std::vector<int> quiet_processors(int count);

/// Confines the calling thread, and threads that it starts, to the quietest processors; the destructor
/// gives the old ones back to the calling thread.
class Affinity {
 public:
  /// @throws Error(Fault::usage) for more threads than processors.
  explicit Affinity(int threads);
  ~Affinity();
  Affinity(const Affinity&) = delete;
  Affinity& operator=(const Affinity&) = delete;

  /// "processor 1", or why the system refused.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::vector<int> before_;
  std::string text_;
};

/// CPU, clocks, kernel, virtual machine, memory: what the machine can be asked for. What cannot be read
/// is not in the map.
[[nodiscard]] std::map<std::string, std::string> describe_host();

}  // namespace hwprof::measuring
