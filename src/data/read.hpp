// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hwprof/data.hpp"

namespace hwprof::data {

/// An image file; pixels by row, column, channel.
struct Picture {
  int width = 0, height = 0, channels = 0;
  std::vector<std::uint8_t> pixels;
};
inline constexpr int max_side = 16384;
inline constexpr std::uint64_t max_pixels = std::uint64_t{1} << 26;

/// The bytes of a file, or of FILE.gz where FILE is not there. @throws Error for more than most bytes.
[[nodiscard]] std::string read_bytes(const std::string& file, std::uint64_t most);

/// Binary PGM or PPM of 8 bits, or PNG.
[[nodiscard]] Picture read_picture(const std::string& file);
[[nodiscard]] Picture parse_pnm(const std::string& bytes, const std::string& source);

/// Resized by area to a square, grey and colour as asked for, appended by channel, row, column.
void append_picture(const Picture& picture, const ImageForm& form, std::vector<std::uint8_t>& out);

[[nodiscard]] DataSet read_idx(const std::string& dir, bool fashion);
[[nodiscard]] DataSet read_cifar10(const std::string& dir);
[[nodiscard]] DataSet read_folder(const std::string& dir, const ImageForm& form);

}  // namespace hwprof::data
