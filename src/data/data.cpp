// SPDX-License-Identifier: Apache-2.0
#include "hwprof/data.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "base/crc32.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "data/read.hpp"
#include "hwprof/error.hpp"

namespace hwprof {
namespace {

constexpr const char* debian_folder = "/usr/share/datasets/fashion-mnist";

/// Mean and deviation of every channel of the training set, pixels within 0 to 1.
void set_moments(DataSet& data) {
  const ImageSet& set = data.train;
  const auto plane = static_cast<std::size_t>(set.size) * static_cast<std::size_t>(set.size);
  const auto channels = static_cast<std::size_t>(set.channels);
  const double n = static_cast<double>(set.count()) * static_cast<double>(plane);
  for (std::size_t c = 0; c < channels; ++c) {
    std::array<std::uint64_t, 256> counts{};
    for (std::size_t i = 0; i < set.count(); ++i) {
      const std::uint8_t* pixels = set.pixels.data() + (i * channels + c) * plane;
      for (std::size_t k = 0; k < plane; ++k) ++counts[pixels[k]];
    }
    double sum = 0, squares = 0;
    for (std::size_t value = 0; value < counts.size(); ++value) {
      const double x = static_cast<double>(value) / 255;
      sum += x * static_cast<double>(counts[value]);
      squares += x * x * static_cast<double>(counts[value]);
    }
    const double mean = sum / n, variance = squares / n - mean * mean;
    data.mean.push_back(static_cast<float>(mean));
    data.deviation.push_back(variance > 1e-12 ? static_cast<float>(std::sqrt(variance)) : 1.F);
  }
}

std::string fingerprint(const DataSet& data) {
  std::string text;
  for (const ImageSet* set : {&data.train, &data.test}) {
    const auto* pixels = reinterpret_cast<const char*>(set->pixels.data());
    const auto* labels = reinterpret_cast<const char*>(set->labels.data());
    for (const auto crc : {base::crc32({pixels, set->pixels.size()}), base::crc32({labels, set->labels.size() * 2})}) {
      std::array<char, 12> part{};
      std::snprintf(part.data(), part.size(), "%08x", crc);
      text += part.data();
    }
  }
  return text;
}

void check_form(const DataSet& data, const ImageForm& form) {
  if (data.train.channels != form.channels || data.train.size != form.size)
    throw Error(Fault::input, data.name + " has images of " + std::to_string(data.train.channels) + " x " +
                                  std::to_string(data.train.size) + " x " + std::to_string(data.train.size) +
                                  ", but the networks take " + std::to_string(form.channels) + " x " +
                                  std::to_string(form.size) + " x " + std::to_string(form.size) +
                                  " (image_channels, image_size of the space)");
}

void shuffle(std::vector<std::uint32_t>& indices, std::mt19937_64& rng) {
  for (std::size_t i = indices.size(); i > 1; --i) std::swap(indices[i - 1], indices[base::draw_below(rng, i)]);
}

}  // namespace

DataSet load_data(const std::string& text, const ImageForm& form) {
  const auto colon = text.find(':');
  const std::string kind = text.substr(0, colon), dir = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (form.channels != 1 && form.channels != 3)
    throw Error(Fault::input, "images of 1 or 3 channels can be learned from, but the networks take " +
                                  std::to_string(form.channels));
  const std::vector<std::string> kinds{"fashion-mnist", "idx", "cifar10", "folder"};
  if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end())
    throw Error(Fault::usage, "unknown data set " + base::in_quotes(text) + base::suggest(kind, kinds));
  if (dir.empty() && kind != "fashion-mnist")
    throw Error(Fault::usage, "data set " + base::in_quotes(text) + ": a folder is expected, as in " + kind + ":DIR");
  DataSet data;
  if (kind == "fashion-mnist")
    data = data::read_idx(dir.empty() ? debian_folder : dir, true);
  else if (kind == "idx")
    data = data::read_idx(dir, false);
  else if (kind == "cifar10")
    data = data::read_cifar10(dir);
  else
    data = data::read_folder(dir, form);
  check_form(data, form);
  set_moments(data);
  data.fingerprint = fingerprint(data);
  return data;
}

Split split_images(const ImageSet& images, std::size_t validation, std::uint64_t seed) {
  const std::size_t n = images.count();
  if (validation >= n)
    throw Error(Fault::usage,
                "of " + std::to_string(n) + " images " + std::to_string(validation) + " cannot be kept for validation");
  std::mt19937_64 rng(seed ^ 0x5eed0f5b11700001U);
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0U);
  shuffle(order, rng);
  // A class gives its share, rounded down; what is then open comes from whoever is next.
  std::vector<std::size_t> quota(static_cast<std::size_t>(images.classes), 0);
  for (const auto label : images.labels) ++quota[label];
  std::size_t open = validation;
  for (auto& part : quota) {
    part =
        static_cast<std::size_t>(static_cast<double>(part) * static_cast<double>(validation) / static_cast<double>(n));
    open -= part;
  }
  Split split;
  for (const auto index : order) {
    auto& part = quota[images.labels[index]];
    if (part > 0) {
      --part;
      split.validation.push_back(index);
    } else if (open > 0) {
      --open;
      split.validation.push_back(index);
    } else {
      split.train.push_back(index);
    }
  }
  return split;
}

void fill_batch(const DataSet& data, const ImageSet& images, const std::uint32_t* indices, std::size_t n,
                const Augmentation& augmentation, std::mt19937_64& rng, float* out) {
  const int size = images.size, shift = augmentation.shift;
  const auto channels = static_cast<std::size_t>(images.channels);
  const auto plane = static_cast<std::size_t>(size) * static_cast<std::size_t>(size);
  std::vector<std::array<float, 256>> values(channels);
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t value = 0; value < 256; ++value)
      values[c][value] = (static_cast<float>(value) / 255.F - data.mean[c]) / data.deviation[c];
  for (std::size_t i = 0; i < n; ++i) {
    int down = 0, right = 0;
    bool flipped = false;
    if (shift > 0) {
      const auto span = static_cast<std::size_t>(2 * shift + 1);
      down = static_cast<int>(base::draw_below(rng, span)) - shift;
      right = static_cast<int>(base::draw_below(rng, span)) - shift;
    }
    if (augmentation.flip) flipped = (rng() >> 63) != 0;
    const std::uint8_t* image = images.pixels.data() + std::size_t{indices[i]} * channels * plane;
    for (std::size_t c = 0; c < channels; ++c, image += plane)
      for (int row = 0; row < size; ++row)
        for (int column = 0; column < size; ++column, ++out) {
          const int y = row + down;
          const int x = (flipped ? size - 1 - column : column) + right;
          const bool inside = y >= 0 && y < size && x >= 0 && x < size;
          // Outside there are zeros, as of a black frame drawn before the pixels are normalised.
          *out = values[c][inside ? image[y * size + x] : 0];
        }
  }
}

}  // namespace hwprof
