// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hwprof/format.hpp"

// A Graph as a Caffe network: prototxt and caffemodel. docs/caffe.md says how every op is written and what is read.
namespace hwprof {

/// Whether this build reads and writes Caffe (-DHWPROF_CAFFE=ON); without it the functions below throw
/// Error(Fault::unsupported) with how to get it.
[[nodiscard]] bool has_caffe() noexcept;

/// Which layers may be written.
enum class CaffeLayers {
  vitis,  ///< what both vai_q_caffe and vai_c_caffe of Vitis AI take, wherever they let it run
  all     ///< Reshape, Permute, Power, TanH, Softmax and Scale of two values too
};

/// Images that the network is calibrated with. Numbers are those of an RGB network that was trained on (x / 255 -
/// m) / s; here they are 255 m and 255 s. A network of one channel takes them in grey, and the first numbers.
struct CaffeImages {
  std::string list;                                        ///< text file, a line "file.jpg 0" an image
  std::string folder;                                      ///< what the list's files are relative to
  std::array<double, 3> mean{123.675, 116.28, 103.53};     ///< of red, green, blue; 0 to 255
  std::array<double, 3> deviation{58.395, 57.12, 57.375};  ///< of red, green, blue; > 0
  int batch = 1;
};

struct CaffeOptions {
  CaffeLayers layers = CaffeLayers::vitis;
  std::uint64_t seed = 0;  ///< of with_weights(), for ops of the graph that have no weights
  /// Batch norms become part of the convolution or linear layer that alone gives their input.
  bool fold_batch_norm = false;
  /// With images, a prototxt for calibration is made too, and the network takes what Caffe's ImageData gives: blue,
  /// green, red, each (x - mean) * scale, scale one over the average deviation. The deviations' ratios and the order of
  /// channels go into the weights of the convolutions that read the input, which changes no result. Needs such
  /// convolutions, of one group, alone on an input of three channels, or of one, where no weights are changed.
  std::optional<CaffeImages> images;
};

/// A network as text and weights. Both prototxts take the same weights.
struct CaffeText {
  std::string deploy;       ///< prototxt that begins with an Input layer
  std::string calibration;  ///< prototxt that begins with ImageData, in phase TRAIN alone; empty without images
  std::string weights;      ///< bytes of the caffemodel
};

/// Layers and their first outputs carry the names of ops ("L03.dw"), so that what a device says of a layer finds its
/// primitive; helpers of an op that takes several layers are named behind it, "L03.pool/crop_h". Pools: where Caffe,
/// which rounds up, would give more windows than the graph, they are sliced off; a batch norm is BatchNorm and Scale.
/// @throws Error(Fault::unsupported) naming an op that Caffe, or the subset asked for, cannot express exactly, and for
/// weights of 2 GB and more; Error(Fault::input) for a graph that infer_shapes() refuses, two ops of one name, ops
/// that nothing reads and that are no outputs; Error(Fault::usage) for images with senseless numbers.
[[nodiscard]] CaffeText to_caffe(const Graph& graph, const Shape& input, const CaffeOptions& options = {});

struct CaffeFiles {
  std::string deploy, calibration, weights;  ///< calibration is empty where there is none
};

/// Writes <stem>.prototxt, <stem>.caffemodel and, with images, <stem>.calibration.prototxt. They appear by rename, and
/// the same call writes the same bytes. @throws as to_caffe, and Error(Fault::input) for a file that cannot be written.
CaffeFiles write_caffe(const std::string& stem, const Graph& graph, const Shape& input,
                       const CaffeOptions& options = {});

/// Writes the list of the images in a folder (jpg, jpeg, png, bmp; not below it), one "name 0" a line, sorted, the
/// first `most` of them. Returns how many. @throws Error(Fault::input) for a folder without images.
std::size_t write_image_list(const std::string& file, const std::string& folder, std::size_t most = 1000);

using CaffeNet = OnnxNet;  ///< graph, input shape and notes

/// Reads what write_caffe() wrote (the graph comes back equal, but for what options changed, dropout of rate 0, which
/// comes back as identity, and uneven padding of convolutions) and networks by others that consist of ops that Graph
/// has: layers in phase TEST, in place or not; losses and accuracies are left out. weights may be empty: ops have none
/// then. Memory stays within a small multiple of the files' sizes.
/// @throws Error(Fault::input) for a file that is damaged or makes no sense, naming the layer;
/// Error(Fault::unsupported) naming layer and type, for a network that a Graph cannot hold.
[[nodiscard]] CaffeNet read_caffe(const std::string& prototxt, const std::string& caffemodel = {});

/// The same from memory; source is how messages call it.
[[nodiscard]] CaffeNet parse_caffe(std::string_view prototxt, std::string_view weights, const std::string& source);

/// Mends a prototxt in which vai_c_caffe finds "multiple layers with same name", the redundant input that is left of
/// an ImageData layer without a phase: beside an Input layer, such data layers and all further Inputs of the same name
/// or value are taken out; in a file without Input they get include { phase: TRAIN }. All else stays as it is, byte
/// for byte. notes say what was done. @throws Error(Fault::input) for a text that is no prototxt, and where a layer
/// reads what would go.
[[nodiscard]] std::string clean_prototxt(std::string_view text, const std::string& source,
                                         std::vector<std::string>* notes = nullptr);

}  // namespace hwprof
