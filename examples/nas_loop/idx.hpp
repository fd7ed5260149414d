// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#ifdef NAS_LOOP_ZLIB
#include <zlib.h>
#endif

namespace nas_loop {

/// The bytes of a file; of FILE.gz where FILE is not there.
inline std::vector<std::uint8_t> read_bytes(const std::string& file, std::size_t most) {
  std::vector<std::uint8_t> bytes(most);
#ifdef NAS_LOOP_ZLIB
  const std::string name = std::filesystem::exists(file) ? file : file + ".gz";
  gzFile in = gzopen(name.c_str(), "rb");  // takes plain files as well
  if (in == nullptr) throw std::runtime_error("cannot open " + name);
  std::size_t size = 0;
  int got = 0;
  while (size < most && (got = gzread(in, bytes.data() + size, static_cast<unsigned>(most - size))) > 0)
    size += static_cast<std::size_t>(got);
  const bool whole = gzclose(in) == Z_OK && got >= 0;
  if (!whole) throw std::runtime_error("cannot read " + name);
#else
  std::FILE* in = std::fopen(file.c_str(), "rb");
  if (in == nullptr) throw std::runtime_error("cannot open " + file + " (built without zlib, which reads .gz)");
  const std::size_t size = std::fread(bytes.data(), 1, most, in);
  std::fclose(in);
#endif
  bytes.resize(size);
  return bytes;
}

/// The first n items of an IDX file of bytes (images: 3 dimensions, labels: 1), without its header.
inline std::vector<std::uint8_t> read_idx(const std::string& file, const std::vector<std::uint32_t>& item,
                                          std::size_t n) {
  const std::size_t header = 8 + 4 * item.size();
  std::size_t size = 1;
  for (const auto length : item) size *= length;
  auto bytes = read_bytes(file, header + n * size);
  const auto word = [&bytes](std::size_t at) {
    return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 | std::uint32_t{bytes[at + 2]} << 8 |
           std::uint32_t{bytes[at + 3]};
  };
  bool fits = bytes.size() == header + n * size && word(0) == 0x800 + 1 + item.size();
  for (std::size_t d = 0; fits && d < item.size(); ++d) fits = word(8 + 4 * d) == item[d];
  if (!fits) throw std::runtime_error(file + ": no IDX file of at least " + std::to_string(n) + " such items");
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header));
  return bytes;
}

}  // namespace nas_loop
