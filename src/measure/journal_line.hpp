// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/crc32.hpp"
#include "measure/journal.hpp"

namespace hwprof::measuring {

using base::crc32;

/// {"crc":"<8 hex digits>","line":<body>} and a line's end.
[[nodiscard]] std::string with_checksum(const std::string& body);

/// The body of a line without its end; nothing when form or checksum do not fit.
[[nodiscard]] std::optional<std::string_view> checked_body(std::string_view line) noexcept;

[[nodiscard]] std::string to_body(const JournalHead& head);
[[nodiscard]] std::string to_body(const Visit& visit);
[[nodiscard]] std::string to_body(const Failure& failure);
[[nodiscard]] std::string to_body(const Readings& readings);
[[nodiscard]] std::string to_body(const std::string& note);

/// Adds what a body says to content. @throws Error(Fault::input) for what no journal of ours says.
void read_body(std::string_view body, const std::string& place, JournalContent& content);

}  // namespace hwprof::measuring
