// SPDX-License-Identifier: Apache-2.0
#include <hwprof/hwprof.hpp>
#include <hwprof/opencv.hpp>
#include <iostream>

int main() {
  hwprof::register_opencv_compiler();
  std::cout << hwprof::make_compiler("opencv")->name() << '\n';
}
