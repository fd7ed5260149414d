# SPDX-License-Identifier: Apache-2.0
# Installs this build, and builds and runs projects that know nothing of it but the installed package.
set(folder ${CMAKE_CURRENT_SOURCE_DIR}/consumer)
set(prefix ${CMAKE_CURRENT_BINARY_DIR}/consumer/prefix)

add_test(NAME consumer_install COMMAND ${CMAKE_COMMAND} -DBUILD=${PROJECT_BINARY_DIR} -DCONFIG=$<CONFIG>
         -DPREFIX=${prefix} -P ${folder}/install.cmake)
set_tests_properties(consumer_install PROPERTIES FIXTURES_SETUP installed LABELS consumer)

# What the other project must be configured with to fit this build. Lists cross the command line with "|".
set(settings "CMAKE_PREFIX_PATH=${prefix};${CMAKE_PREFIX_PATH}")
string(REPLACE ";" "|" settings "${settings}")
foreach(name CMAKE_CXX_COMPILER CMAKE_CXX_COMPILER_LAUNCHER CMAKE_CXX_FLAGS CMAKE_CXX_STANDARD Torch_DIR yaml-cpp_DIR)
  if(NOT "${${name}}" STREQUAL "")
    string(REPLACE ";" "|" value "${${name}}")
    list(APPEND settings "${name}=${value}")
  endif()
endforeach()

# add_consumer(name source [PROGRAM program] [ARGS name=value…]): configures, builds and runs a project from scratch.
function(add_consumer name source)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "PROGRAM" "ARGS")
  add_test(NAME ${name} COMMAND ${CMAKE_COMMAND} -DGENERATOR=${CMAKE_GENERATOR} -DPROGRAM=${arg_PROGRAM}
           -DSOURCE=${source} -DBINARY=${CMAKE_CURRENT_BINARY_DIR}/consumer/${name} -P ${folder}/build_and_run.cmake
           -- ${settings} ${arg_ARGS})
  set_tests_properties(${name} PROPERTIES FIXTURES_REQUIRED installed LABELS consumer TIMEOUT 3000)
endfunction()

add_consumer(consumer_package ${folder} PROGRAM consumer)
add_consumer(consumer_subdirectory ${folder} PROGRAM consumer
             ARGS SOURCE_TREE=${PROJECT_SOURCE_DIR} CMAKE_BUILD_TYPE=Debug)
add_consumer(consumer_example ${PROJECT_SOURCE_DIR}/examples/predict_in_loop PROGRAM predict_in_loop)
add_consumer(consumer_unknown_component ${folder} ARGS COMPONENTS=opera)
set_tests_properties(consumer_unknown_component PROPERTIES PASS_REGULAR_EXPRESSION "There is no component 'opera'")
if(HWPROF_TORCH)
  add_consumer(consumer_torch ${folder} PROGRAM consumer_torch ARGS COMPONENTS=torch)
else()
  add_consumer(consumer_absent_torch ${folder} ARGS COMPONENTS=torch)
  set_tests_properties(consumer_absent_torch PROPERTIES PASS_REGULAR_EXPRESSION "-DHWPROF_TORCH=ON")
endif()
if(HWPROF_OPENCV)
  add_consumer(consumer_opencv ${folder} PROGRAM consumer_opencv ARGS COMPONENTS=opencv)
endif()
