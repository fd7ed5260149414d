// SPDX-License-Identifier: Apache-2.0
#include "hwprof/data.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "data/read.hpp"
#include "temp_folder.hpp"
#include "throws.hpp"

using namespace hwprof;
using hwprof_test::error_of;
using hwprof_test::has;
using hwprof_test::TempFolder;

namespace {

std::string big_endian(std::uint32_t value) {
  std::string out;
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(value >> shift & 0xFF);
  return out;
}

std::string idx_images(std::uint32_t n, std::uint32_t size) {
  std::string out = big_endian(0x803) + big_endian(n) + big_endian(size) + big_endian(size);
  for (std::uint32_t i = 0; i < n * size * size; ++i) out += static_cast<char>(i % 251);
  return out;
}

std::string idx_labels(std::uint32_t n) {
  std::string out = big_endian(0x801) + big_endian(n);
  for (std::uint32_t i = 0; i < n; ++i) out += static_cast<char>(i % 10);
  return out;
}

void write_idx(const TempFolder& folder) {
  folder.write("train-images-idx3-ubyte", idx_images(50, 6));
  folder.write("train-labels-idx1-ubyte", idx_labels(50));
  folder.write("t10k-images-idx3-ubyte", idx_images(20, 6));
  folder.write("t10k-labels-idx1-ubyte", idx_labels(20));
}

/// A data set of one image {0, 1, 2, …} that is normalised by nothing.
DataSet numbered(int size) {
  DataSet data;
  data.train.channels = 1;
  data.train.size = size;
  data.train.classes = 2;
  for (int i = 0; i < size * size; ++i) data.train.pixels.push_back(static_cast<std::uint8_t>(i));
  data.train.labels = {0};
  data.mean = {0};
  data.deviation = {1.F / 255};
  return data;
}

}  // namespace

TEST_CASE("IDX files: content, moments, fingerprint") {
  const TempFolder folder;
  write_idx(folder);
  const DataSet data = load_data("idx:" + folder.path(), {1, 6});
  CHECK(data.train.count() == 50);
  CHECK(data.test.count() == 20);
  CHECK(data.train.labels[13] == 3);
  CHECK(data.train.pixels[36 * 7 + 2] == (36 * 7 + 2) % 251);
  double sum = 0, squares = 0;
  for (const auto pixel : data.train.pixels) {
    sum += pixel / 255.;
    squares += pixel / 255. * (pixel / 255.);
  }
  const double n = 50 * 36;
  CHECK(data.mean.at(0) == doctest::Approx(sum / n));
  CHECK(data.deviation.at(0) == doctest::Approx(std::sqrt(squares / n - sum / n * (sum / n))));
  auto other = idx_images(20, 6);
  other.back() = static_cast<char>(other.back() + 1);
  folder.write("t10k-images-idx3-ubyte", other);
  CHECK(load_data("idx:" + folder.path(), {1, 6}).fingerprint != data.fingerprint);
}

TEST_CASE("IDX files that do not fit are refused with their name") {
  const TempFolder folder;
  const auto refused = [&folder](const std::string& name, const std::string& content) {
    write_idx(folder);
    folder.write(name, content);
    return error_of(Fault::input, [&folder] { (void)load_data("idx:" + folder.path(), {1, 6}); });
  };
  CHECK(has(refused("train-images-idx3-ubyte", idx_images(50, 6).substr(0, 1000)), "train-images"));
  CHECK(has(refused("train-images-idx3-ubyte", idx_labels(50)), "3 dimensions"));
  CHECK(has(refused("train-labels-idx1-ubyte", idx_labels(49)), "50 labels"));
  CHECK(has(refused("train-images-idx3-ubyte", big_endian(0x803) + big_endian(0xFFFFFFFF) + big_endian(0xFFFFFFFF)),
            "train-images"));
  CHECK(has(
      refused("train-images-idx3-ubyte", big_endian(0x803) + big_endian(0xFFFFFFFF) + big_endian(6) + big_endian(6)),
      "train-images"));
  CHECK(has(refused("t10k-labels-idx1-ubyte", idx_labels(19) + '\x0a'), "t10k-labels"));
  auto labels = idx_labels(20);
  labels.back() = 10;
  CHECK(has(refused("t10k-labels-idx1-ubyte", labels), "label 10"));
  write_idx(folder);
  CHECK(has(error_of(Fault::input, [&] { (void)load_data("idx:" + folder.path(), {3, 32}); }), "3 x 32 x 32"));
  CHECK(has(error_of(Fault::input, [&] { (void)load_data("fashion-mnist:" + folder.path(), {1, 6}); }), "bytes"));
  CHECK(has(error_of(Fault::missing, [&] { (void)load_data("fashion-mnist:/nowhere", {1, 28}); }), "dataset-fashion"));
  CHECK(has(error_of(Fault::usage, [] { (void)load_data("fashion-mnits", {1, 28}); }), "fashion-mnist"));
  (void)error_of(Fault::usage, [] { (void)load_data("cifar10", {3, 32}); });
  (void)error_of(Fault::input, [] { (void)load_data("fashion-mnist", {2, 28}); });
}

TEST_CASE("Fashion-MNIST as Debian packages it") {
  DataSet data;
  try {
    data = load_data("fashion-mnist", {1, 28});
  } catch (const Error& error) {
    MESSAGE("skipped: " << error.what());
    return;
  }
  CHECK(data.train.count() == 60000);
  CHECK(data.test.count() == 10000);
  CHECK(data.mean[0] == doctest::Approx(0.2860).epsilon(0.001));  // as published with many programs
  CHECK(data.deviation[0] == doctest::Approx(0.3530).epsilon(0.001));
  CHECK(std::count(data.train.labels.begin(), data.train.labels.end(), 4) == 6000);
}

TEST_CASE("CIFAR-10's binary files") {
  const TempFolder folder;
  std::string batch;
  for (int i = 0; i < 10000; ++i) batch += static_cast<char>(i % 10) + std::string(3072, static_cast<char>(i % 128));
  for (const char* name : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                           "data_batch_5.bin", "test_batch.bin"})
    folder.write(name, batch);
  const DataSet data = load_data("cifar10:" + folder.path(), {3, 32});
  CHECK(data.train.count() == 50000);
  CHECK(data.mean.size() == 3);
  CHECK(data.train.pixels[3072 * 12345] == 12345 % 10000 % 128);
  CHECK(data.train.labels[12345] == 5);
  folder.write("data_batch_3.bin", batch.substr(1));
  CHECK(has(error_of(Fault::input, [&] { (void)load_data("cifar10:" + folder.path(), {3, 32}); }), "data_batch_3"));
  std::filesystem::remove(folder.file("data_batch_3.bin"));
  CHECK(has(error_of(Fault::missing, [&] { (void)load_data("cifar10:" + folder.path(), {3, 32}); }), "data_batch_3"));
}

TEST_CASE("folders of images, resized by area") {
  const TempFolder folder;
  // 4 x 2 grey: left half 0, right half 200; as 2 x 2 each column is one of them.
  folder.write("train/dark/a.pgm",
               std::string("P5 # comment\n4 2\n255\n") + std::string("\0\0\xC8\xC8\0\0\xC8\xC8", 8));
  folder.write("train/light/b.ppm", std::string("P6\n1 1\n255\n\xFF\x80\0", 14));
  folder.write("test/light/c.pgm", "P5 3 3 255\naaaaaaaaa");
  std::filesystem::create_directories(folder.file("test/dark"));
  const DataSet data = load_data("folder:" + folder.path(), {1, 2});
  CHECK(data.train.pixels == std::vector<std::uint8_t>{0, 200, 0, 200, 151, 151, 151, 151});  // 0.299, 0.587, 0.114
  CHECK(data.test.labels == std::vector<std::uint16_t>{1});
  CHECK(data.test.pixels == std::vector<std::uint8_t>(4, 'a'));
  CHECK(load_data("folder:" + folder.path(), {3, 3}).train.pixels.size() == 2 * 27);
  const auto refused = [&folder] {
    return error_of(Fault::input, [&folder] { (void)load_data("folder:" + folder.path(), {1, 2}); });
  };
  folder.write("test/bright/d.pgm", "P5 3 3 255\naaaaaaaaa");
  CHECK(has(refused(), "test/bright: is no class"));
  std::filesystem::remove_all(folder.file("test/bright"));
  std::filesystem::create_directories(folder.file("train/none"));
  std::filesystem::create_directories(folder.file("test/none"));
  CHECK(has(refused(), "train/none: holds no images"));
  for (const char* none : {"train/none", "test/none"}) std::filesystem::remove(folder.file(none));
  folder.write("train/.notes/e.txt", "no class");
  CHECK(load_data("folder:" + folder.path(), {1, 2}).train.classes == 2);
  folder.write("test/light/d.txt", "no image");
  CHECK(has(refused(), "d.txt"));
  for (const char* bad : {"P5 3 3 255\naaaa", "P5 99999 99999 255\n", "P5 3 3 65535\n", "P5 3", "P5", "P6 0 1 255\n",
                          "P5 99999999999999999999 1 255\n", "\x89PNG\r\n"})
    (void)error_of(Fault::input, [bad, &folder] { (void)data::read_picture(folder.write("bad", bad)); });
}

TEST_CASE("a split keeps classes balanced, loses nothing, and follows the seed") {
  ImageSet images;
  images.classes = 3;
  for (int i = 0; i < 900; ++i) images.labels.push_back(static_cast<std::uint16_t>(i < 600 ? 0 : i < 800 ? 1 : 2));
  const Split split = split_images(images, 90, 5);
  CHECK(split.validation.size() == 90);
  std::set<std::uint32_t> all(split.train.begin(), split.train.end());
  all.insert(split.validation.begin(), split.validation.end());
  CHECK(all.size() == 900);
  std::vector<int> counts(3);
  for (const auto index : split.validation) ++counts[images.labels[index]];
  CHECK(counts == std::vector<int>{60, 20, 10});
  CHECK(split_images(images, 90, 5).validation == split.validation);
  CHECK(split_images(images, 90, 6).validation != split.validation);
  CHECK(split_images(images, 0, 5).train.size() == 900);
  CHECK(split_images(images, 7, 5).validation.size() == 7);
  (void)error_of(Fault::usage, [&] { (void)split_images(images, 900, 5); });
}

TEST_CASE("batches: normalised, shifted within the frame, flipped") {
  const DataSet data = numbered(4);
  const std::uint32_t zero = 0;
  std::mt19937_64 rng(3);
  std::vector<float> out(16), plain(16);
  fill_batch(data, data.train, &zero, 1, {}, rng, plain.data());
  for (int i = 0; i < 16; ++i) CHECK(plain[static_cast<std::size_t>(i)] == doctest::Approx(i));
  std::set<std::vector<float>> seen;
  bool flipped = false;
  for (int round = 0; round < 400; ++round) {
    fill_batch(data, data.train, &zero, 1, {1, true}, rng, out.data());
    seen.insert(out);
    // Neighbours of the middle differ by 1 along a row, in one of both directions, and by 4 along a column.
    CHECK(std::abs(out[6] - out[5]) == doctest::Approx(1));
    CHECK(out[9] - out[5] == doctest::Approx(4));
    flipped = flipped || out[6] < out[5];
  }
  CHECK(flipped);
  CHECK(seen.size() == 18);  // three rows, three columns, two directions
}
