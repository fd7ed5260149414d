# SPDX-License-Identifier: Apache-2.0
# The messages of ONNX as target hwprof::onnx_proto, and its checker as hwprof::onnx; installed beside
# hwprofConfig.cmake too. ONNX' own package config names files that Debian packages elsewhere, and targets without a
# namespace, so the library is looked for here.
if(NOT TARGET hwprof::onnx_proto)
  find_package(Protobuf QUIET)
  find_path(HWPROF_ONNX_INCLUDE_DIR onnx/onnx_pb.h)
  find_library(HWPROF_ONNX_PROTO_LIBRARY onnx_proto)
  find_library(HWPROF_ONNX_LIBRARY onnx)
  mark_as_advanced(HWPROF_ONNX_INCLUDE_DIR HWPROF_ONNX_PROTO_LIBRARY HWPROF_ONNX_LIBRARY)
  if(TARGET protobuf::libprotobuf AND HWPROF_ONNX_INCLUDE_DIR AND HWPROF_ONNX_PROTO_LIBRARY AND HWPROF_ONNX_LIBRARY)
    add_library(hwprof::onnx_proto INTERFACE IMPORTED)
    # Its headers change with these; they are those of every packaged ONNX.
    target_compile_definitions(hwprof::onnx_proto INTERFACE ONNX_NAMESPACE=onnx ONNX_ML=1)
    target_include_directories(hwprof::onnx_proto SYSTEM INTERFACE ${HWPROF_ONNX_INCLUDE_DIR})
    target_link_libraries(hwprof::onnx_proto INTERFACE ${HWPROF_ONNX_PROTO_LIBRARY} protobuf::libprotobuf)
    add_library(hwprof::onnx INTERFACE IMPORTED)
    target_link_libraries(hwprof::onnx INTERFACE ${HWPROF_ONNX_LIBRARY} hwprof::onnx_proto)
  endif()
endif()
