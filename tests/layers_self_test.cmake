# SPDX-License-Identifier: Apache-2.0
# layers.cmake must pass a clean tree and name each planted offence:  cmake -DWORK=<folder> -P layers_self_test.cmake
cmake_minimum_required(VERSION 3.24)

function(run_layers out_result out_text)
  execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${WORK} -P ${CMAKE_CURRENT_LIST_DIR}/layers.cmake
                  RESULT_VARIABLE result OUTPUT_VARIABLE text ERROR_VARIABLE text)
  string(REGEX REPLACE "[ \n]+" " " text "${text}")
  set(${out_result} ${result} PARENT_SCOPE)
  set(${out_text} "${text}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK})
file(WRITE ${WORK}/src/base/text.hpp "#include <string>\n")
file(WRITE ${WORK}/src/net/net.cpp "#include \"hwprof/net.hpp\"\n#include \"base/text.hpp\"\n#include <yaml-cpp/yaml.h>\n")
file(WRITE ${WORK}/src/torch/module.cpp "#include <torch/torch.h>\n#include \"hwprof/torch.hpp\"\n")
file(WRITE ${WORK}/include/hwprof/error.hpp "#include <stdexcept>\n")
file(WRITE ${WORK}/include/hwprof/net.hpp "#include \"hwprof/error.hpp\"\n")
file(WRITE ${WORK}/include/hwprof/torch.hpp "#include <torch/types.h>\n#include \"hwprof/net.hpp\"\n")
file(WRITE ${WORK}/include/hwprof/hwprof.hpp "#include \"hwprof/net.hpp\"\n")
file(WRITE ${WORK}/tools/cli/help.hpp "#include <string>\n")
file(WRITE ${WORK}/tools/cli/main.cpp "#include \"help.hpp\"\n#include \"hwprof/hwprof.hpp\"\n#include <CLI/CLI.hpp>\n")
run_layers(result text)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "a clean tree was refused: ${text}")
endif()

# file ; its content ; what must be said
set(offences
  "src/base/a.cpp|#include \"hwprof/net.hpp\"|src/base/a.cpp: \"hwprof/net.hpp\": room 'base' may not include room 'net'"
  "src/net/b.hpp|#  include \"space/x.hpp\"|src/net/b.hpp: \"space/x.hpp\": room 'net' may not include room 'space'"
  "src/model/c.cpp|#include \"net/x.hpp\"|src/model/c.cpp: \"net/x.hpp\": room 'model' may not include room 'net'"
  "src/prim/d.cpp|#include \"d.hpp\"|src/prim/d.cpp: \"d.hpp\" should be \"room/file.hpp\""
  "src/compiler/e.cpp|#include <torch/torch.h>|src/compiler/e.cpp: <torch/torch.h>: only room 'torch' may include libtorch"
  "src/attic/f.cpp|#include <string>|src/attic: no such room"
  "include/hwprof/graph.hpp|#include <nlohmann/json.hpp>|include/hwprof/graph.hpp: <nlohmann/json.hpp>: a public header may include only the standard library"
  "include/hwprof/prim.hpp|#include \"base/text.hpp\"|include/hwprof/prim.hpp: \"base/text.hpp\": a public header may include only public headers"
  "include/hwprof/model.hpp|#include \"hwprof/space.hpp\"|include/hwprof/model.hpp: \"hwprof/space.hpp\": room 'model' may not include room 'space'"
  "include/hwprof/run.hpp|#include \"hwprof/torch.hpp\"|include/hwprof/run.hpp: \"hwprof/torch.hpp\": only who asks for libtorch includes it"
  "include/hwprof/shed.hpp|#include <string>|include/hwprof/shed.hpp: belongs to no room"
  "tools/cli/g.cpp|#include \"base/text.hpp\"|tools/cli/g.cpp: \"base/text.hpp\": tools and examples may include only"
  "examples/h/h.cpp|#include \"model/table.hpp\"|examples/h/h.cpp: \"model/table.hpp\": tools and examples may include only")
foreach(offence IN LISTS offences)
  string(REPLACE "|" ";" offence "${offence}")
  list(GET offence 0 file)
  list(GET offence 1 content)
  list(GET offence 2 expected)
  file(WRITE ${WORK}/${file} "${content}\n")
  run_layers(result text)
  file(REMOVE ${WORK}/${file})
  if(file MATCHES "^src/attic/")
    file(REMOVE_RECURSE ${WORK}/src/attic)
  endif()
  string(FIND "${text}" "${expected}" at)
  if(result EQUAL 0 OR at EQUAL -1)
    message(FATAL_ERROR "planted in ${file}, expected: ${expected}\nfound: ${text}")
  endif()
endforeach()
file(REMOVE_RECURSE ${WORK})
