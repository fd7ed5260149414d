// SPDX-License-Identifier: Apache-2.0
#include "compiler/dpu_calibration.hpp"

#include <algorithm>
#include <filesystem>
#include <random>

#include "base/files.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "compiler/dpu_state.hpp"
#include "hwprof/error.hpp"

namespace hwprof::compiling {
namespace fs = std::filesystem;
namespace {

constexpr int side = 64;
constexpr std::size_t most_files = 1000000;

/// What OpenCV tells by the file's name and content alike.
bool is_image(const fs::path& file) {
  const std::string ending = base::lower_case(file.extension().string());
  const std::vector<std::string> known{".jpg", ".jpeg", ".png", ".bmp", ".ppm"};
  return std::find(known.begin(), known.end(), ending) != known.end();
}

std::vector<fs::path> images_below(const std::string& folder) {
  if (!base::is_folder(folder)) throw Error(Fault::input, folder + ": no such folder of calibration images");
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (at->is_regular_file() && is_image(at->path())) out.push_back(at->path());
    if (out.size() > most_files) throw Error(Fault::input, folder + ": holds too many images");
  }
  if (error) throw Error(Fault::input, folder + ": cannot be listed: " + error.message());
  if (out.empty()) throw Error(Fault::input, folder + ": holds no image (.jpg, .jpeg, .png, .bmp, .ppm)");
  std::sort(out.begin(), out.end());
  return out;
}

void put(std::string& bytes, std::uint64_t value, int count) {
  for (int i = 0; i < count; ++i) bytes += static_cast<char>((value >> (8 * i)) & 0xff);
}

}  // namespace

std::string made_up_image(int size, std::uint64_t seed) {
  std::mt19937_64 rng(seed);
  const auto pixels = static_cast<std::size_t>(size) * static_cast<std::size_t>(size) * 3;
  std::vector<double> values(pixels, 0);
  // Squares of one colour, of 16, 8, 4, 2 and 1 pixels, added up: large things count most, as in photographs.
  double weight = 0.5;
  for (int grain = 16; grain >= 1; grain /= 2, weight /= 2) {
    const int cells = (size + grain - 1) / grain;
    std::vector<double> colours(static_cast<std::size_t>(cells) * static_cast<std::size_t>(cells) * 3);
    for (auto& colour : colours) colour = base::draw_unit(rng);
    for (int y = 0; y < size; ++y)
      for (int x = 0; x < size; ++x)
        for (int c = 0; c < 3; ++c)
          values[static_cast<std::size_t>((y * size + x) * 3 + c)] +=
              weight * colours[static_cast<std::size_t>(((y / grain) * cells + x / grain) * 3 + c)];
  }
  const int row = (size * 3 + 3) / 4 * 4;
  std::string out = "BM";
  put(out, static_cast<std::uint64_t>(54 + row * size), 4);
  put(out, 0, 4);
  put(out, 54, 4);  // where the pixels begin
  put(out, 40, 4);  // size of the header that follows
  put(out, static_cast<std::uint64_t>(size), 4);
  put(out, static_cast<std::uint64_t>(size), 4);
  put(out, 1, 2);
  put(out, 24, 2);
  for (int i = 0; i < 6; ++i) put(out, 0, 4);
  for (int y = 0; y < size; ++y) {
    for (int i = 0; i < size * 3; ++i)
      put(out, static_cast<std::uint64_t>(values[static_cast<std::size_t>(y * size * 3 + i)] * 255.999), 1);
    out.append(static_cast<std::size_t>(row - size * 3), '\0');
  }
  return out;
}

namespace {

void write_files(const std::string& dir, const DpuOptions& options) {
  const std::string folder = (fs::path(dir) / calibration_folder).string();
  fs::remove_all(folder);  // ours, below raw; perhaps of a call with other options
  base::make_folder(folder);
  const auto count = static_cast<std::size_t>(options.calib_iter);
  const auto images = options.images.empty() ? std::vector<fs::path>() : images_below(options.images);
  std::string list;
  for (std::size_t i = 0; i < count; ++i) {
    std::string name = std::to_string(i);
    if (images.empty()) {
      name += ".bmp";
      base::write_file((fs::path(folder) / name).string(), made_up_image(side, options.seed + i));
    } else {
      // Caffe begins again at the top of a list that is too short, so none is named twice.
      if (images.size() < count && i == images.size()) break;
      const auto& image = images[images.size() <= count ? i : i * images.size() / count];
      name += base::lower_case(image.extension().string());
      base::share_file(image.string(), (fs::path(folder) / name).string());
    }
    list += name + " 0\n";
  }
  base::write_file((fs::path(dir) / calibration_list).string(), list);
}

}  // namespace

void write_calibration(const std::string& dir, const DpuOptions& options) {
  try {
    write_files(dir, options);
  } catch (const fs::filesystem_error& error) {
    throw Error(Fault::input, std::string("calibration images: ") + error.what());
  }
}

}  // namespace hwprof::compiling
