# SPDX-License-Identifier: Apache-2.0
# cmake -DFILE=<script> -DOUTPUT=<source> -P embed_runner.cmake
cmake_minimum_required(VERSION 3.24)
file(READ ${FILE} text)
file(WRITE ${OUTPUT} "#include \"compiler/ort_runner.hpp\"\n\nconst char* const hwprof::compiling::ort_runner = "
  "R\"~runner~(${text})~runner~\";\n")
