// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace hwprof {

/// Labelled square images, as bytes.
struct ImageSet {
  int channels = 0, size = 0, classes = 0;
  std::vector<std::uint8_t> pixels;   ///< count() images, each by channel, row, column
  std::vector<std::uint16_t> labels;  ///< below classes
  [[nodiscard]] std::size_t count() const noexcept { return labels.size(); }
};

/// What a network learns from, and what it is judged by when all choices have been made.
struct DataSet {
  std::string name;
  ImageSet train, test;
  std::vector<float> mean, deviation;  ///< of each channel of train, pixels within 0 to 1
  std::string fingerprint;             ///< hexadecimal; differs when any pixel or label does
};

/// What the images of a folder are made into; the other sources have their own form and are checked against it.
struct ImageForm {
  int channels = 3;  ///< 1 or 3
  int size = 32;     ///< height and width [px]
};

/// Reads a data set by its text:
///   fashion-mnist[:DIR]  the four IDX files of Fashion-MNIST, plain or .gz; DIR is where Debian's package
///                        dataset-fashion-mnist has them unless given. Sizes and the CRC-32 of the content are checked.
///   idx:DIR              other files of the same names, form and ten classes (MNIST); sizes and labels are checked
///   cifar10:DIR          data_batch_1.bin to _5.bin and test_batch.bin; sizes and labels are checked
///   folder:DIR           DIR/train/<class>/<image> and DIR/test/<class>/<image>, the classes those of train by name;
///                        binary PGM and PPM, and PNG in builds with libpng; resized by area to the form
/// @throws Error(Fault::input) naming the file, what was expected and what was found, also for images of another form;
/// Error(Fault::missing) when the data set is not there, saying how to get it; Error(Fault::unsupported) for compressed
/// files in a build without zlib or libpng; Error(Fault::usage) for another text.
[[nodiscard]] DataSet load_data(const std::string& text, const ImageForm& form);

/// Indices of a training set, of which one part is never learned from, so that choices can be made by it.
struct Split {
  std::vector<std::uint32_t> train, validation;
};

/// Takes out `validation` images, as many of each class as the set's shares allow; both parts in an order that the seed
/// draws. The same on every machine. @throws Error(Fault::usage) when nothing would be left to learn from.
[[nodiscard]] Split split_images(const ImageSet& images, std::size_t validation, std::uint64_t seed);

/// How images are varied while a network learns.
struct Augmentation {
  int shift = 0;      ///< cut at random out of the image with so many pixels of zeros around it
  bool flip = false;  ///< left and right exchanged every second time
};

/// Writes n images as network input, {n, channels, size, size}: (pixel / 255 - mean) / deviation, with black where
/// a shift leaves the image. Draws from rng for every image in the same way, whatever its content.
void fill_batch(const DataSet& data, const ImageSet& images, const std::uint32_t* indices, std::size_t n,
                const Augmentation& augmentation, std::mt19937_64& rng, float* out);

}  // namespace hwprof
