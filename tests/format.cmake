# SPDX-License-Identifier: Apache-2.0
# Every source is as .clang-format lays it out:  cmake -DROOT=<source tree> -DCLANG_FORMAT=<program> -P format.cmake
cmake_minimum_required(VERSION 3.24)
set(patterns)
foreach(folder include src tools tests examples bench)
  list(APPEND patterns ${ROOT}/${folder}/*.hpp ${ROOT}/${folder}/*.cpp)
endforeach()
file(GLOB_RECURSE files ${patterns})
execute_process(COMMAND ${CLANG_FORMAT} --style=file --dry-run -Werror ${files} RESULT_VARIABLE result)
list(LENGTH files count)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "some of ${count} files are not laid out; run: ${CLANG_FORMAT} -i <files>")
endif()
message(STATUS "format: ${count} files")
