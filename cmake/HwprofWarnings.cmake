# SPDX-License-Identifier: Apache-2.0
# Warnings of every target of ours; linked inside $<BUILD_INTERFACE:> so that it is not exported.
add_library(hwprof_warnings INTERFACE)
target_compile_options(hwprof_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual)

# In C++20 g++ 12 warns of an overlap in "text" + string that cannot be (GCC bug 105651).
if(CMAKE_CXX_STANDARD GREATER 17 AND "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}" MATCHES "^GNU 12\\.")
  target_compile_options(hwprof_warnings INTERFACE -Wno-restrict)
endif()

# Errors only with the compilers that our checks use: a newer one warns of more, and that must not stop a user.
if(HWPROF_WERROR AND "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}" MATCHES "^(GNU 12|Clang 14)\\.")
  target_compile_options(hwprof_warnings INTERFACE -Werror)
endif()
