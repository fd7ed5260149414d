// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace hwprof {

/// Registers the compiler "opencv": networks as Caffe files, run by OpenCV's DNN module on the CPU of this machine,
/// with its fusion of layers and its own time of each layer. Call it once. Part of the component hwprof::opencv.
void register_opencv_compiler();

}  // namespace hwprof
