// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <filesystem>

#include "base/files.hpp"
#include "base/text.hpp"
#include "data/read.hpp"
#include "hwprof/error.hpp"

#ifdef HWPROF_HAVE_PNG
#include <png.h>
#endif

namespace hwprof::data {
namespace {

constexpr std::uint64_t max_file = std::uint64_t{1} << 28;

[[noreturn]] void fail(const std::string& source, const std::string& what) {
  throw Error(Fault::input, source + ": " + what);
}

void check_sides(const std::string& source, std::uint64_t width, std::uint64_t height) {
  const auto most = static_cast<std::uint64_t>(max_side);
  if (width < 1 || height < 1 || width > most || height > most || width * height > max_pixels)
    fail(source, std::to_string(width) + "x" + std::to_string(height) + " pixels are not within 1 to " +
                     std::to_string(max_side) + " a side and " + std::to_string(max_pixels) + " in all");
}

/// The numbers of a PNM header, between which comments may stand.
class Header {
 public:
  Header(const std::string& bytes, const std::string& source) : bytes_(bytes), source_(source) {}

  std::uint64_t number() {
    while (at_ < bytes_.size() && (is_blank(bytes_[at_]) || bytes_[at_] == '#')) {
      if (bytes_[at_] == '#')
        while (at_ < bytes_.size() && bytes_[at_] != '\n') ++at_;
      else
        ++at_;
    }
    const std::size_t begin = at_;
    while (at_ < bytes_.size() && bytes_[at_] >= '0' && bytes_[at_] <= '9') ++at_;
    const auto value = base::to_int(std::string_view(bytes_).substr(begin, at_ - begin));
    if (!value) fail(source_, "its header lacks a number (width, height, largest value)");
    return static_cast<std::uint64_t>(*value);
  }

  /// Where the pixels begin: one blank behind the last number.
  std::size_t end() const {
    if (at_ >= bytes_.size() || !is_blank(bytes_[at_])) fail(source_, "its header does not end in a blank");
    return at_ + 1;
  }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }
  const std::string& bytes_;
  const std::string& source_;
  std::size_t at_ = 2;
};

#ifdef HWPROF_HAVE_PNG
Picture parse_png(const std::string& bytes, const std::string& source) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0)
    fail(source, std::string("no PNG that can be read: ") + image.message);
  const bool colour = (image.format & PNG_FORMAT_FLAG_COLOR) != 0;
  image.format = colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  try {
    check_sides(source, image.width, image.height);
  } catch (...) {
    png_image_free(&image);
    throw;
  }
  Picture out{static_cast<int>(image.width), static_cast<int>(image.height), colour ? 3 : 1, {}};
  out.pixels.resize(PNG_IMAGE_SIZE(image));
  const png_color black{0, 0, 0};  // behind what is transparent
  if (png_image_finish_read(&image, &black, out.pixels.data(), 0, nullptr) == 0)
    fail(source, std::string("no PNG that can be read: ") + image.message);
  return out;
}
#else
Picture parse_png(const std::string&, const std::string& source) {
  throw Error(Fault::unsupported, source + ": PNG needs a build of hwprof with libpng (Debian: libpng-dev)");
}
#endif

}  // namespace

Picture parse_pnm(const std::string& bytes, const std::string& source) {
  if (bytes.size() < 2 || bytes[0] != 'P' || (bytes[1] != '5' && bytes[1] != '6'))
    fail(source, "a binary PGM (P5), a binary PPM (P6) or a PNG is expected");
  Header header(bytes, source);
  const std::uint64_t width = header.number(), height = header.number(), most = header.number();
  check_sides(source, width, height);
  if (most != 255) fail(source, "8 bits a value are expected (largest value 255), found " + std::to_string(most));
  Picture out{static_cast<int>(width), static_cast<int>(height), bytes[1] == '6' ? 3 : 1, {}};
  const std::size_t begin = header.end();
  const auto size = static_cast<std::size_t>(width * height) * static_cast<std::size_t>(out.channels);
  if (bytes.size() - begin < size)
    fail(source, "is cut short: " + std::to_string(size) + " bytes of pixels are expected, found " +
                     std::to_string(bytes.size() - begin));
  out.pixels.assign(bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                    bytes.begin() + static_cast<std::ptrdiff_t>(begin + size));
  return out;
}

Picture read_picture(const std::string& file) {
  const std::string bytes = base::read_file(file, max_file);
  return base::starts_with(bytes, "\x89PNG") ? parse_png(bytes, file) : parse_pnm(bytes, file);
}

void append_picture(const Picture& picture, const ImageForm& form, std::vector<std::uint8_t>& out) {
  const auto size = static_cast<std::size_t>(form.size);
  const auto from = static_cast<std::size_t>(picture.channels), to = static_cast<std::size_t>(form.channels);
  const auto width = static_cast<std::size_t>(picture.width);
  // Each target pixel is the mean over its box of source pixels, edges by their share.
  const auto mean = [&](std::size_t row, std::size_t column, std::size_t channel) {
    const double y0 = static_cast<double>(row) * picture.height / form.size;
    const double y1 = static_cast<double>(row + 1) * picture.height / form.size;
    const double x0 = static_cast<double>(column) * picture.width / form.size;
    const double x1 = static_cast<double>(column + 1) * picture.width / form.size;
    double sum = 0, area = 0;
    for (auto y = static_cast<std::size_t>(y0); y < static_cast<std::size_t>(picture.height) && double(y) < y1; ++y)
      for (auto x = static_cast<std::size_t>(x0); x < width && double(x) < x1; ++x) {
        const double share = (std::min(y1, double(y + 1)) - std::max(y0, double(y))) *
                             (std::min(x1, double(x + 1)) - std::max(x0, double(x)));
        sum += share * picture.pixels[(y * width + x) * from + channel];
        area += share;
      }
    return area > 0 ? sum / area : 0;
  };
  for (std::size_t c = 0; c < to; ++c)
    for (std::size_t row = 0; row < size; ++row)
      for (std::size_t column = 0; column < size; ++column) {
        double value = 0;
        if (to == 1 && from == 3)  // luminance of ITU-R BT.601
          value = 0.299 * mean(row, column, 0) + 0.587 * mean(row, column, 1) + 0.114 * mean(row, column, 2);
        else
          value = mean(row, column, from == 1 ? 0 : c);
        out.push_back(static_cast<std::uint8_t>(std::clamp(value + 0.5, 0.0, 255.0)));
      }
}

}  // namespace hwprof::data
