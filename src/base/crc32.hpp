// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace hwprof::base {

/// CRC-32 as in zlib and Ethernet (polynomial 0xEDB88320, reflected).
[[nodiscard]] std::uint32_t crc32(std::string_view bytes) noexcept;

}  // namespace hwprof::base
