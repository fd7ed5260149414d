#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures the primitives of ofa_five_sizes.yaml with libtorch on this CPU (about a minute), then hides random ones
# and predicts them:  bench/kernel_accuracy.sh BUILD_DIR WORK_DIR
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
build=$1
work=$2
if [ ! -e "$work/run/records.jsonl" ]; then
  "$build/tools/hwprof-cli/hwprof-cli" profile "$here/ofa_five_sizes.yaml" --out "$work/run" --budget 140 \
    --calibration 30 --validation 20 --model table
fi
for percent in 70 20; do
  "$build/bench/hwprof_bench_kernel_accuracy_bench" "$work/run/records.jsonl" 10 "$percent"
done
