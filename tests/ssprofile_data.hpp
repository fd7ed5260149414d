// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "temp_folder.hpp"

namespace hwprof_test {

inline std::string big_endian(std::uint32_t value) {
  std::string out;
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(value >> shift & 0xFF);
  return out;
}

/// Ten classes of 8 px images in the folder data, told apart by where they are bright, with noise.
inline void write_idx_data(const TempFolder& folder) {
  std::mt19937_64 rng(1);
  for (const std::string part : {"train", "t10k"}) {
    const std::uint32_t n = part == "train" ? 700 : 100;
    std::string pixels = big_endian(0x803) + big_endian(n) + big_endian(8) + big_endian(8);
    std::string labels = big_endian(0x801) + big_endian(n);
    for (std::uint32_t i = 0; i < n; ++i) {
      const auto label = static_cast<std::uint32_t>(rng() % 10);
      labels += static_cast<char>(label);
      for (std::uint32_t k = 0; k < 64; ++k) {
        const bool bright = k / 7 == label || k % 10 == label;
        pixels += static_cast<char>((bright ? 120 : 0) + rng() % 100);
      }
    }
    folder.write("data/" + part + "-images-idx3-ubyte", pixels);
    folder.write("data/" + part + "-labels-idx1-ubyte", labels);
  }
}

/// Six networks of two families for these images, which train within a second.
inline constexpr const char* tiny_ssprofile = R"(image_size: 8
search_space_cfg: {num_cell_groups: 2, cell_layout: [0, 1], reduce_cell_groups: [0, 1],
                   shared_primitives: [Resblock_0, Resblock_1, VGGblock_0, VGGblock_1]}
weights_manager_cfg: {num_classes: 10, cell_group_kwargs: [{C_in: 1, C_out: 8}, {C_in: 8, C_out: 16}]}
ss_profiler_cfg: {first_train_epochs: 3, finetune_epochs: 2, batch_size: 20, validation_images: 100,
                  select_ss_threshold: 2, shift: 0, flip: false}
)";

}  // namespace hwprof_test
