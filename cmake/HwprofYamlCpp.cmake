# SPDX-License-Identifier: Apache-2.0
# yaml-cpp exports its target with a namespace from 0.8 on; installed beside hwprofConfig.cmake too.
if(NOT TARGET yaml-cpp::yaml-cpp)
  add_library(yaml-cpp::yaml-cpp INTERFACE IMPORTED)
  target_link_libraries(yaml-cpp::yaml-cpp INTERFACE yaml-cpp)
endif()
