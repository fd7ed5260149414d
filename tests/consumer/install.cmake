# SPDX-License-Identifier: Apache-2.0
# Installs a build into a fresh prefix:  cmake -DBUILD=<folder> -DCONFIG=<type> -DPREFIX=<folder> -P install.cmake
cmake_minimum_required(VERSION 3.24)
file(REMOVE_RECURSE ${PREFIX})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --config ${CONFIG} --prefix ${PREFIX}
                OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)

# What was installed must not remember where it was built.
file(GLOB_RECURSE files ${PREFIX}/*.cmake)
foreach(file IN LISTS files)
  file(STRINGS ${file} lines)
  foreach(line IN LISTS lines)
    string(FIND "${line}" "${BUILD}/" at)
    if(NOT at EQUAL -1 AND NOT line MATCHES "prefix")
      message(FATAL_ERROR "${file} names the build folder: ${line}")
    endif()
  endforeach()
endforeach()
