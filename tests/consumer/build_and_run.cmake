# SPDX-License-Identifier: Apache-2.0
# Configures SOURCE with the settings after "--" in a fresh BINARY, builds it and runs PROGRAM, if one is named.
cmake_minimum_required(VERSION 3.24)
set(options)
set(after_dashes FALSE)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
  if(after_dashes)
    string(REPLACE "|" "\\;" setting "${CMAKE_ARGV${i}}")
    list(APPEND options "-D${setting}")
  elseif("${CMAKE_ARGV${i}}" STREQUAL "--")
    set(after_dashes TRUE)
  endif()
endforeach()

file(REMOVE_RECURSE ${BINARY})
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${BINARY} -G ${GENERATOR} ${options}
                COMMAND_ERROR_IS_FATAL ANY)
if(PROGRAM)
  cmake_host_system_information(RESULT jobs QUERY NUMBER_OF_LOGICAL_CORES)
  execute_process(COMMAND ${CMAKE_COMMAND} --build ${BINARY} --target ${PROGRAM} --parallel ${jobs}
                  COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${BINARY}/${PROGRAM} WORKING_DIRECTORY ${BINARY} COMMAND_ERROR_IS_FATAL ANY)
endif()
