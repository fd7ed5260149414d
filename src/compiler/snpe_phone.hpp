// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/snpe_options.hpp"

namespace hwprof::compiling {

struct Phone {
  std::string serial, state;  ///< state as adb has it: "device", "unauthorized", "offline", …
};

/// What `adb devices` prints.
[[nodiscard]] std::vector<Phone> parse_adb_devices(std::string_view text);

/// The phones to measure on: those asked for that are ready, or the only one that is attached. The others go to
/// absent, "serial: is offline; what to do".
/// @throws Error(Fault::device) when none is ready, with what to do at the phone.
[[nodiscard]] std::vector<std::string> ready_phones(const Tools& tools, const SnpeOptions& options,
                                                    const std::string& dir, std::vector<std::string>& absent);

/// Whether adb still reaches it.
[[nodiscard]] bool is_ready(const Tools& tools, const SnpeOptions& options, const std::string& serial,
                            const std::string& dir);

/// Model, build, clock of the GPU [Hz] and temperature [°C], as far as the phone tells.
[[nodiscard]] std::map<std::string, std::string> phone_state(const Tools& tools, const SnpeOptions& options,
                                                             const std::string& serial, const std::string& dir);

}  // namespace hwprof::compiling
