// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

namespace hwprof {

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
