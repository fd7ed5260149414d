#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Measures compiled networks on a DPU board with DNNDK.
#   sh measure.sh RUNS WARM_UP                    all lines of kernels.txt (KERNEL MODE ELF) without a log of this ELF file
#   sh measure.sh RUNS WARM_UP KERNEL MODE ELF    this one, again
# MODE is debug (a table of nodes from every run) or normal (the time of every run). Logs go to logs/KERNEL.MODE.txt,
# and the file that each is of to logs/KERNEL.MODE.elf, or to logs/KERNEL.MODE.failed where it could not be measured.
# HWPROF_LIB_DIR: where DNNDK looks for networks, /usr/lib; HWPROF_LIBS: libraries of hwprof_run;
# HWPROF_RUN_LIMIT: seconds for one network, where the board has the program timeout.
cd "$(dirname "$0")" || exit 1
runs=$1
warm_up=$2
if [ -z "$warm_up" ] || [ $# -ne 2 ] && [ $# -ne 5 ]; then
  echo "usage: measure.sh RUNS WARM_UP [KERNEL MODE ELF]" >&2
  exit 2
fi
lib_dir=${HWPROF_LIB_DIR:-/usr/lib}
mkdir -p so logs || exit 1

if [ ! -x hwprof_run ]; then
  # shellcheck disable=SC2086
  if g++ -O2 -std=c++11 hwprof_run.cpp -o hwprof_run.part ${HWPROF_LIBS:--ln2cube -lhineon} >build.log 2>&1; then
    mv hwprof_run.part hwprof_run
  else
    echo "hwprof_run.cpp cannot be built; see build.log" >&2
    exit 3
  fi
fi
if [ ! -s logs/board.txt ] && dexplorer -w >logs/board.part 2>/dev/null; then mv logs/board.part logs/board.txt; fi

limit=
if command -v timeout >/dev/null 2>&1; then limit="timeout ${HWPROF_RUN_LIMIT:-600}"; fi

measure() {
  so="so/libdpumodel$1.so"
  rm -f "logs/$1.$2.txt" "logs/$1.$2.elf" "logs/$1.$2.failed"
  # The linker's warning about an unknown machine has no consequence here.
  g++ -nostdlib -fPIC -shared "$3" -o "$so" 2>"logs/$1.$2.err" || return 1
  cp "$so" "$lib_dir/" 2>>"logs/$1.$2.err" || return 1
  $limit ./hwprof_run "$1" "$2" "$runs" "$warm_up" >"logs/$1.$2.part" 2>>"logs/$1.$2.err" || return 1
  cp "$3" "logs/$1.$2.elf" || return 1
  mv "logs/$1.$2.part" "logs/$1.$2.txt"
}

if [ $# -eq 5 ]; then
  if measure "$3" "$4" "$5"; then exit 0; fi
  tail -n 3 "logs/$3.$4.err" >&2
  exit 4
fi

failed=0
while read -r kernel mode elf; do
  [ -z "$kernel" ] && continue
  [ -s "logs/$kernel.$mode.txt" ] && cmp -s "$elf" "logs/$kernel.$mode.elf" && continue
  if ! measure "$kernel" "$mode" "$elf" </dev/null; then
    cp "$elf" "logs/$kernel.$mode.failed"
    echo "failed: $kernel $mode (see logs/$kernel.$mode.err)" >&2
    failed=$((failed + 1))
  fi
done <kernels.txt
echo "$failed failed"
[ "$failed" = 0 ]
