# SPDX-License-Identifier: Apache-2.0
# cmake -DFILE=<script> -DHEADER=<room/file.hpp> -DSYMBOL=<name> -DOUTPUT=<source> -P embed_runner.cmake
cmake_minimum_required(VERSION 3.24)
file(READ ${FILE} text)
file(WRITE ${OUTPUT} "#include \"${HEADER}\"\n\nconst char* const hwprof::compiling::${SYMBOL} = "
  "R\"~runner~(${text})~runner~\";\n")
