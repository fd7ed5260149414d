# SPDX-License-Identifier: Apache-2.0
find_package(Threads REQUIRED)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(nlohmann_json 3.10 REQUIRED)
find_package(yaml-cpp REQUIRED)
include(HwprofYamlCpp)

if(HWPROF_TORCH)
  find_package(Torch QUIET)
  if(NOT Torch_FOUND)
    message(FATAL_ERROR "hwprof: libtorch was not found. Install it (Debian: libtorch-dev), name another one with "
                        "-DCMAKE_PREFIX_PATH=/path/to/libtorch, or leave the component out with -DHWPROF_TORCH=OFF.")
  endif()
  include(HwprofLibtorch)
  if(TORCH_CXX_FLAGS MATCHES "_GLIBCXX_USE_CXX11_ABI=0")
    # A libtorch of the old C++ ABI binds everything that meets it, yaml-cpp included.
    include(CheckCXXSourceCompiles)
    set(CMAKE_REQUIRED_DEFINITIONS -D_GLIBCXX_USE_CXX11_ABI=0)
    set(CMAKE_REQUIRED_LIBRARIES yaml-cpp::yaml-cpp)
    check_cxx_source_compiles("#include <yaml-cpp/yaml.h>\nint main() { return YAML::Load(\"1\").as<int>(); }"
                              HWPROF_YAML_CPP_HAS_OLD_ABI)
    unset(CMAKE_REQUIRED_DEFINITIONS)
    unset(CMAKE_REQUIRED_LIBRARIES)
    if(NOT HWPROF_YAML_CPP_HAS_OLD_ABI)
      message(FATAL_ERROR "hwprof: this libtorch was built with _GLIBCXX_USE_CXX11_ABI=0, and yaml-cpp was not. "
                          "Take the libtorch whose name says cxx11-abi, or a yaml-cpp built with the old ABI too.")
    endif()
  endif()
endif()

include(HwprofImages)
foreach(library ZLIB PNG)
  set(HWPROF_${library} OFF)
  if(TARGET ${library}::${library})
    set(HWPROF_${library} ON)
  endif()
endforeach()

if(HWPROF_ONNX)
  include(HwprofOnnx)
  if(NOT TARGET hwprof::onnx_proto)
    message(FATAL_ERROR "hwprof: the ONNX library or protobuf was not found. Install them (Debian: libonnx-dev "
                        "libprotobuf-dev), name them with -DCMAKE_PREFIX_PATH=/path/to/onnx, or leave ONNX out with "
                        "-DHWPROF_ONNX=OFF.")
  endif()
endif()

if(HWPROF_CAFFE)
  find_package(Protobuf QUIET)
  if(NOT TARGET protobuf::libprotobuf OR NOT TARGET protobuf::protoc)
    message(FATAL_ERROR "hwprof: protobuf or its compiler was not found. Install them (Debian: libprotobuf-dev "
                        "protobuf-compiler), name them with -DCMAKE_PREFIX_PATH=/path/to/protobuf, or leave Caffe out "
                        "with -DHWPROF_CAFFE=OFF.")
  endif()
endif()

if(HWPROF_OPENCV)
  find_package(OpenCV QUIET COMPONENTS core dnn)
  if(NOT OpenCV_FOUND)
    message(FATAL_ERROR "hwprof: OpenCV's DNN module was not found. Install it (Debian: libopencv-dev), name it with "
                        "-DOpenCV_DIR=/path, or leave the component out with -DHWPROF_OPENCV=OFF.")
  endif()
  if(NOT HWPROF_CAFFE)
    message(FATAL_ERROR "hwprof: the OpenCV component reads Caffe files; it needs -DHWPROF_CAFFE=ON.")
  endif()
endif()

if(HWPROF_HTTP)
  find_package(CURL 7.62 QUIET)
  if(NOT CURL_FOUND)
    message(FATAL_ERROR "hwprof: libcurl was not found. Install it (Debian: libcurl4-openssl-dev), name it with "
                        "-DCMAKE_PREFIX_PATH=/path/to/curl, or leave HTTP out with -DHWPROF_HTTP=OFF.")
  endif()
endif()
