# SPDX-License-Identifier: Apache-2.0
# Whichever libtorch find_package(Torch) found, as one target, so that an installed hwprof holds no path of
# the libtorch it was built with; installed beside hwprofConfig.cmake too.
if(NOT TARGET hwprof::libtorch)
  add_library(hwprof::libtorch INTERFACE IMPORTED)
  target_link_libraries(hwprof::libtorch INTERFACE ${TORCH_LIBRARIES})
  target_include_directories(hwprof::libtorch INTERFACE ${TORCH_INCLUDE_DIRS})
  separate_arguments(hwprof_torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
  target_compile_options(hwprof::libtorch INTERFACE ${hwprof_torch_flags})
  unset(hwprof_torch_flags)
endif()
