// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "hwprof/compiler.hpp"

namespace hwprof_cli {

/// A progress bar on standard error, only when that is a terminal. Gone when the object is.
class ProgressBar {
 public:
  explicit ProgressBar(bool wanted);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void show(const hwprof::Progress& progress);

 private:
  bool active_;
  double shown_at_s_ = -1;
};

/// From now on the first SIGINT or SIGTERM only makes stop_requested() true; the second one kills.
void catch_signals();
[[nodiscard]] bool stop_requested() noexcept;

}  // namespace hwprof_cli
