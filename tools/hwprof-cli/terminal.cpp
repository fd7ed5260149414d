// SPDX-License-Identifier: Apache-2.0
#include "terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <iostream>

namespace hwprof_cli {
namespace {

volatile std::sig_atomic_t stop_signal = 0;

extern "C" void on_signal(int) {
  stop_signal = 1;
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string clock_text(double seconds) {
  std::array<char, 40> buffer{};
  const auto whole = static_cast<long>(std::min(std::round(seconds), 1e8));
  std::snprintf(buffer.data(), buffer.size(), "%ld:%02ld", whole / 60, whole % 60);
  return buffer.data();
}

}  // namespace

ProgressBar::ProgressBar(bool wanted) : active_(wanted && ::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  if (active_ && shown_at_s_ >= 0) std::cerr << "\r\x1b[K" << std::flush;
}

void ProgressBar::show(const hwprof::Progress& progress) {
  constexpr double interval_s = 0.1;
  const double now = now_s();
  if (!active_ || (shown_at_s_ >= 0 && now - shown_at_s_ < interval_s)) return;
  shown_at_s_ = now;
  const double share = progress.total > 0 ? std::clamp(progress.done / progress.total, 0.0, 1.0) : 0;
  constexpr std::size_t cells = 30;
  const auto full = static_cast<std::size_t>(share * cells);
  std::string line = "[" + std::string(full, '#') + std::string(cells - full, '.') + "] " +
                     std::to_string(static_cast<int>(share * 100)) + " %  ";
  if (progress.eta_s > 0) line += clock_text(progress.eta_s) + " left  ";
  line += progress.what;
  const std::size_t width = terminal_width();
  if (line.size() >= width) line.resize(width - 1);
  std::cerr << '\r' << line << "\x1b[K" << std::flush;
}

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

bool stop_requested() noexcept {
  return stop_signal != 0;
}

}  // namespace hwprof_cli
