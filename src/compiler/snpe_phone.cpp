// SPDX-License-Identifier: Apache-2.0
#include "compiler/snpe_phone.hpp"

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::compiling {
namespace {

constexpr double short_s = 30;

std::string what_to_do(const std::string& state) {
  if (state == "unauthorized")
    return "unlock the phone and answer \"Allow USB debugging?\" with Allow (tick \"Always allow from this "
           "computer\"); "
           "if it does not ask, take the cable out and in again";
  if (state == "offline")
    return "take the cable out and in again, unlock the phone, choose \"File transfer\" in its USB notification, then "
           "run `adb reconnect`";
  if (state.find("permission") != std::string::npos)
    return "this user may not use the USB device: add a udev rule for the phone, or give --device-option "
           "container=IMAGE "
           "to run the tools in a privileged container";
  if (state == "bootloader" || state == "recovery" || state == "sideload") return "start the phone normally";
  return "connect the phone by USB; on it open Settings, About phone, tap \"Build number\" seven times, then in "
         "Developer "
         "options switch \"USB debugging\" on and allow it for this computer";
}

/// Words for adb, whose server is where snpe_bench looks for it.
std::vector<std::string> adb_words(const SnpeOptions& options, std::vector<std::string> words) {
  if (options.host != "localhost") words.insert(words.begin(), {"-H", options.host});
  return words;
}

std::string list_text(const std::vector<Phone>& phones) {
  std::vector<std::string> words;
  for (const auto& phone : phones) words.push_back(phone.serial + " (" + phone.state + ")");
  return phones.empty() ? "none is attached" : "attached: " + base::join(words, ", ");
}

}  // namespace

std::vector<Phone> parse_adb_devices(std::string_view text) {
  std::vector<Phone> phones;
  bool listing = false;
  for (const auto& line : base::split(text, '\n')) {
    const auto row = base::trim(line);
    if (base::starts_with(row, "List of devices")) {
      listing = true;
      continue;
    }
    if (!listing || row.empty() || row.front() == '*') continue;
    const auto gap = row.find_first_of(" \t");
    if (gap == std::string_view::npos) continue;
    phones.push_back({std::string(row.substr(0, gap)), std::string(base::trim(row.substr(gap)))});
  }
  return phones;
}

std::vector<std::string> ready_phones(const Tools& tools, const SnpeOptions& options, const std::string& dir,
                                      std::vector<std::string>& absent) {
  const auto attached = parse_adb_devices(tools.run("adb", adb_words(options, {"devices"}), dir, "", short_s).output);
  std::vector<std::string> wanted = options.phones;
  if (wanted.empty()) {
    if (attached.size() > 1)
      throw Error(Fault::usage,
                  "snpe: several phones are attached, name those to use with --device-option phone=SERIAL,…; " +
                      list_text(attached));
    if (attached.empty()) throw Error(Fault::device, "snpe: no phone is attached; " + what_to_do(""));
    wanted.push_back(attached.front().serial);
  }
  std::vector<std::string> ready;
  std::string first;
  for (const auto& serial : wanted) {
    const auto at = std::find_if(attached.begin(), attached.end(), [&](const Phone& p) { return p.serial == serial; });
    const std::string state = at == attached.end() ? "absent" : at->state;
    if (state == "device") {
      ready.push_back(serial);
      continue;
    }
    const std::string what = "is " + state + "; " + what_to_do(state);
    absent.push_back(serial + ": " + what);
    if (first.empty())
      first = "snpe: phone " + base::in_quotes(serial) + " " + what +
              (at == attached.end() ? "; " + list_text(attached) : "");
  }
  if (ready.empty()) throw Error(Fault::device, first);
  return ready;
}

bool is_ready(const Tools& tools, const SnpeOptions& options, const std::string& serial, const std::string& dir) {
  const auto result = tools.attempt("adb", adb_words(options, {"-s", serial, "get-state"}), dir, "", short_s);
  return result.good() && base::trim(result.output) == "device";
}

std::map<std::string, std::string> phone_state(const Tools& tools, const SnpeOptions& options,
                                               const std::string& serial, const std::string& dir) {
  struct Question {
    const char* name;
    std::vector<std::string> shell;
    double scale;  ///< 0: a text
  };
  const std::array<Question, 4> questions{{{"phone_model", {"getprop", "ro.product.model"}, 0},
                                           {"phone_build", {"getprop", "ro.build.fingerprint"}, 0},
                                           {"gpu_clock_hz", {"cat", "/sys/class/kgsl/kgsl-3d0/gpuclk"}, 1},
                                           {"temperature_c", {"cat", "/sys/class/thermal/thermal_zone0/temp"}, 1e-3}}};
  std::map<std::string, std::string> out;
  for (const auto& question : questions) {
    std::vector<std::string> arguments{"-s", serial, "shell"};
    arguments.insert(arguments.end(), question.shell.begin(), question.shell.end());
    const auto result = tools.attempt("adb", adb_words(options, std::move(arguments)), dir, "", short_s);
    const std::string answer(base::trim(result.output));
    if (!result.good() || answer.empty() || answer.size() > 200 || answer.find('\n') != std::string::npos) continue;
    if (question.scale == 0) {
      out[question.name] = answer;
    } else if (const auto number = base::to_double(answer); number && *number > 0 && *number < 1e12) {
      // Some phones give degrees, most thousandths.
      const bool degrees = question.scale < 1 && *number < 200;
      out[question.name] = base::format_number(degrees ? *number : *number * question.scale);
    }
  }
  return out;
}

}  // namespace hwprof::compiling
