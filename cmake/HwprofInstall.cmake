# SPDX-License-Identifier: Apache-2.0
# Install components: core (no libtorch), torch, opencv, tools (the program installs itself, with the example spaces).
include(CMakePackageConfigHelpers)
set(hwprof_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/hwprof)

install(TARGETS hwprof EXPORT hwprof
  ARCHIVE COMPONENT core LIBRARY COMPONENT core RUNTIME COMPONENT core
  FILE_SET HEADERS COMPONENT core)
install(EXPORT hwprof FILE hwprofTargets.cmake NAMESPACE hwprof:: DESTINATION ${hwprof_cmake_dir} COMPONENT core)

if(HWPROF_TORCH)
  install(TARGETS hwprof_torch EXPORT hwprof_torch
    ARCHIVE COMPONENT torch LIBRARY COMPONENT torch RUNTIME COMPONENT torch
    FILE_SET HEADERS COMPONENT torch)
  install(EXPORT hwprof_torch FILE hwprofTorchTargets.cmake NAMESPACE hwprof:: DESTINATION ${hwprof_cmake_dir}
    COMPONENT torch)
endif()

if(HWPROF_OPENCV)
  install(TARGETS hwprof_opencv EXPORT hwprof_opencv
    ARCHIVE COMPONENT opencv LIBRARY COMPONENT opencv RUNTIME COMPONENT opencv
    FILE_SET HEADERS COMPONENT opencv)
  install(EXPORT hwprof_opencv FILE hwprofOpenCvTargets.cmake NAMESPACE hwprof:: DESTINATION ${hwprof_cmake_dir}
    COMPONENT opencv)
endif()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/hwprofConfig.cmake.in
  ${PROJECT_BINARY_DIR}/hwprofConfig.cmake INSTALL_DESTINATION ${hwprof_cmake_dir}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/hwprofConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/hwprofConfig.cmake ${PROJECT_BINARY_DIR}/hwprofConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/HwprofYamlCpp.cmake ${PROJECT_SOURCE_DIR}/cmake/HwprofLibtorch.cmake
  ${PROJECT_SOURCE_DIR}/cmake/HwprofOnnx.cmake ${PROJECT_SOURCE_DIR}/cmake/HwprofImages.cmake
  DESTINATION ${hwprof_cmake_dir} COMPONENT core)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md
  DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT core)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/tools/runners DESTINATION ${CMAKE_INSTALL_DATADIR}/hwprof COMPONENT core)
if(HWPROF_TOOLS)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/examples/spaces DESTINATION ${CMAKE_INSTALL_DATADIR}/hwprof COMPONENT tools)
endif()
