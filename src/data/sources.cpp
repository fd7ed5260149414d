// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>

#include "base/crc32.hpp"
#include "base/files.hpp"
#include "base/text.hpp"
#include "data/read.hpp"
#include "hwprof/error.hpp"

namespace hwprof::data {
namespace {
namespace fs = std::filesystem;

constexpr std::uint64_t max_set_bytes = std::uint64_t{1} << 31;
constexpr std::size_t max_images = 10'000'000, max_classes = 10'000;

[[noreturn]] void fail(const std::string& file, const std::string& what) {
  throw Error(Fault::input, file + ": " + what);
}

std::string hex(std::uint32_t value) {
  std::array<char, 12> text{};
  std::snprintf(text.data(), text.size(), "%08x", value);
  return text.data();
}

std::uint32_t word(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return value;
}

void append(std::vector<std::uint8_t>& out, const std::string& bytes, std::size_t from, std::size_t n) {
  const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(from);
  out.insert(out.end(), begin, begin + static_cast<std::ptrdiff_t>(n));
}

void add_label(ImageSet& set, unsigned char label, const std::string& file) {
  if (label >= set.classes)
    fail(file, "image " + std::to_string(set.labels.size()) + " has the label " + std::to_string(int{label}) + " of " +
                   std::to_string(set.classes) + " classes");
  set.labels.push_back(label);
}

/// What Fashion-MNIST's files hold, uncompressed.
struct Known {
  std::uint64_t bytes;
  std::uint32_t crc;
};
constexpr std::array<Known, 4> fashion_files{
    {{47040016, 0xb4f29f28U}, {60008, 0x741a4657U}, {7840016, 0x678fe0b1U}, {10008, 0x80142c1fU}}};

std::string read_checked(const std::string& file, const Known* known) {
  auto bytes = read_bytes(file, known != nullptr ? known->bytes : max_set_bytes);
  if (known == nullptr) return bytes;
  if (bytes.size() != known->bytes)
    fail(file, std::to_string(known->bytes) + " bytes are expected, found " + std::to_string(bytes.size()));
  if (const auto crc = base::crc32(bytes); crc != known->crc)
    fail(file, "is not Fashion-MNIST's: its CRC-32 should be " + hex(known->crc) + ", found " + hex(crc) +
                   " (idx:DIR reads other data of this form)");
  return bytes;
}

ImageSet read_pair(const std::string& images_file, const std::string& labels_file, const Known* known) {
  const std::string images = read_checked(images_file, known);
  const std::string labels = read_checked(labels_file, known == nullptr ? nullptr : known + 1);
  ImageSet set;
  set.channels = 1;
  set.classes = 10;
  constexpr std::uint32_t three_dimensions = 0x803, one_dimension = 0x801;
  if (images.size() < 16 || word(images, 0) != three_dimensions)
    fail(images_file, "no IDX file of bytes with 3 dimensions");
  if (labels.size() < 8 || word(labels, 0) != one_dimension) fail(labels_file, "no IDX file of bytes with 1 dimension");
  const std::uint64_t n = word(images, 4), rows = word(images, 8), columns = word(images, 12);
  if (rows != columns || rows < 1 || rows > 4096)
    fail(images_file,
         "square images of up to 4096 px are expected, found " + std::to_string(rows) + "x" + std::to_string(columns));
  if (n < 1 || n > max_images || images.size() != 16 + n * rows * columns)
    fail(images_file, std::to_string(n) + " images of " + std::to_string(rows) + "x" + std::to_string(columns) +
                          " do not fit its " + std::to_string(images.size()) + " bytes");
  if (word(labels, 4) != n || labels.size() != 8 + n)
    fail(labels_file, std::to_string(n) + " labels are expected, found " + std::to_string(labels.size() - 8));
  set.size = static_cast<int>(rows);
  append(set.pixels, images, 16, images.size() - 16);
  for (std::size_t i = 0; i < n; ++i) add_label(set, static_cast<unsigned char>(labels[8 + i]), labels_file);
  return set;
}

std::vector<std::string> folders_in(const std::string& dir) {
  std::vector<std::string> names;
  for (const auto& name : base::list_folder(dir))
    if (!base::starts_with(name, ".") && base::is_folder((fs::path(dir) / name).string())) names.push_back(name);
  return names;
}

ImageSet read_part(const std::string& dir, const std::vector<std::string>& classes, const ImageForm& form) {
  ImageSet set;
  set.channels = form.channels;
  set.size = form.size;
  set.classes = static_cast<int>(classes.size());
  const auto each = static_cast<std::uint64_t>(form.channels) * static_cast<std::uint64_t>(form.size) *
                    static_cast<std::uint64_t>(form.size);
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const fs::path folder = fs::path(dir) / classes[c];
    if (!base::is_folder(folder.string())) fail(folder.string(), "the folder of this class is missing");
    for (const auto& name : base::list_folder(folder.string())) {
      if (base::starts_with(name, ".")) continue;
      if (set.count() >= max_images || (set.count() + 1) * each > max_set_bytes)
        fail(dir, "holds more images than fit into " + std::to_string(max_set_bytes) + " bytes");
      const std::string file = (folder / name).string();
      if (!base::has_content(file)) fail(file, "is empty, or no file");
      append_picture(read_picture(file), form, set.pixels);
      set.labels.push_back(static_cast<std::uint16_t>(c));
    }
  }
  if (set.labels.empty()) fail(dir, "holds no images");
  return set;
}

}  // namespace

DataSet read_idx(const std::string& dir, bool fashion) {
  DataSet data;
  data.name = fashion ? "fashion-mnist" : "idx";
  const auto file = [&dir](const char* name) { return (fs::path(dir) / name).string(); };
  const std::string first = file("train-images-idx3-ubyte");
  if (!base::exists(first) && !base::exists(first + ".gz"))
    throw Error(Fault::missing, first +
                                    " is not there, nor the same with .gz; Debian's package dataset-fashion-mnist "
                                    "has Fashion-MNIST, and " +
                                    data.name + ":DIR names another folder");
  const Known* known = fashion ? fashion_files.data() : nullptr;
  data.train = read_pair(first, file("train-labels-idx1-ubyte"), known);
  data.test =
      read_pair(file("t10k-images-idx3-ubyte"), file("t10k-labels-idx1-ubyte"), known == nullptr ? nullptr : known + 2);
  if (data.train.size != data.test.size) fail(dir, "the images of both sets differ in size");
  return data;
}

DataSet read_cifar10(const std::string& dir) {
  constexpr std::size_t image = 3 * 32 * 32, images = 10000;
  DataSet data;
  data.name = "cifar10";
  const auto add = [&](ImageSet& set, const std::string& name) {
    const std::string file = (fs::path(dir) / name).string();
    if (!base::exists(file) && !base::exists(file + ".gz"))
      throw Error(Fault::missing, file +
                                      " is not there; the binary version of CIFAR-10 (cifar-10-binary.tar.gz), "
                                      "unpacked, has it");
    const std::string bytes = read_bytes(file, images * (image + 1));
    if (bytes.size() != images * (image + 1))
      fail(file, std::to_string(images * (image + 1)) + " bytes are expected, found " + std::to_string(bytes.size()));
    set.channels = 3;
    set.size = 32;
    set.classes = 10;
    for (std::size_t i = 0; i < images; ++i) {
      add_label(set, static_cast<unsigned char>(bytes[i * (image + 1)]), file);
      append(set.pixels, bytes, i * (image + 1) + 1, image);
    }
  };
  for (int batch = 1; batch <= 5; ++batch) add(data.train, "data_batch_" + std::to_string(batch) + ".bin");
  add(data.test, "test_batch.bin");
  return data;
}

DataSet read_folder(const std::string& dir, const ImageForm& form) {
  const std::string train = (fs::path(dir) / "train").string(), test = (fs::path(dir) / "test").string();
  for (const auto& part : {train, test})
    if (!base::is_folder(part))
      throw Error(Fault::missing, part + ": no such folder; it holds a folder for each class");
  const auto classes = folders_in(train);
  if (classes.size() < 2 || classes.size() > max_classes)
    fail(train,
         "2 to " + std::to_string(max_classes) + " classes are expected, found " + std::to_string(classes.size()));
  for (const auto& name : folders_in(test))
    if (std::find(classes.begin(), classes.end(), name) == classes.end())
      fail((fs::path(test) / name).string(), "is no class of " + train);
  DataSet data;
  data.name = "folder";
  data.train = read_part(train, classes, form);
  std::vector<bool> has_images(classes.size(), false);
  for (const auto label : data.train.labels) has_images[label] = true;
  if (const auto none = std::find(has_images.begin(), has_images.end(), false); none != has_images.end())
    fail((fs::path(train) / classes[static_cast<std::size_t>(none - has_images.begin())]).string(), "holds no images");
  data.test = read_part(test, classes, form);
  return data;
}

}  // namespace hwprof::data
