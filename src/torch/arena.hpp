// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace hwprof {

/// Bytes of libtorch's CPU tensors in the region: as they were asked for, and with the rounding of blocks.
struct ArenaUse {
  std::size_t allocated = 0, reserved = 0;
  std::size_t peak_allocated = 0, peak_reserved = 0;  ///< since reset_arena_peak()
};
/// Nothing where tensors do not come from the region.
[[nodiscard]] std::optional<ArenaUse> arena_use();
void reset_arena_peak();
/// Gives the memory, not the addresses, of everything free back to the system.
void release_arena();

/// While it lives, asking for more than that much beside what is allocated now throws std::bad_alloc.
class ArenaLimit {
 public:
  explicit ArenaLimit(std::size_t bytes);
  ~ArenaLimit();
  ArenaLimit(const ArenaLimit&) = delete;
  ArenaLimit& operator=(const ArenaLimit&) = delete;
};

/// While it lives, libtorch's CPU tensors get their memory from one region of the process, first fit, on
/// huge pages where the kernel gives them. Every forward of a network then sees the same addresses in
/// every process, and touches no more memory than it must: on the general heap, which other networks have
/// left full of holes, the same layer was seen to take 1.0 ms in one process and 1.35 ms in the next.
/// Tensors may outlive it; the region is kept for the next one. One at a time.
class TensorArena {
 public:
  TensorArena();
  ~TensorArena();
  TensorArena(const TensorArena&) = delete;
  TensorArena& operator=(const TensorArena&) = delete;

  /// What was done, or why not.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
  bool installed_ = false;
};

}  // namespace hwprof
