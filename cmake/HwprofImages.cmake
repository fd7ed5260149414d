# SPDX-License-Identifier: Apache-2.0
# zlib and libpng, with which compressed data sets and PNG images are read; installed beside hwprofConfig.cmake too.
if(NOT TARGET ZLIB::ZLIB)
  find_package(ZLIB QUIET)
endif()
if(NOT TARGET PNG::PNG)
  find_package(PNG QUIET)
endif()
