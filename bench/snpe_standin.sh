#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# nnabla-nas' MobileNetV2 space for CIFAR-10 on the made-up phone of tests/standins/snpe_standin.cpp, whose true cost is
# known: the estimator's held-out error, and that of adding up whole runs.
#   bench/snpe_standin.sh BUILD_DIR OUT_DIR
set -euo pipefail
build=$(realpath "$1")
out=$2
here=$(dirname "$(realpath "$0")")
mkdir -p "$out"
out=$(realpath "$out")
export HWPROF_STANDIN="$out/standin"
mkdir -p "$HWPROF_STANDIN"
echo '{"phones": {"P1": "device", "P2": "device"}}' > "$HWPROF_STANDIN/control.json"
export PATH="$build/tests/standins/snpe:$PATH"
cli="$build/tools/hwprof-cli/hwprof-cli"
for runtime in GPU CPU; do
  echo "== $runtime"
  "$cli" profile "$here/../examples/spaces/mobilenet_cifar10.yaml" --device snpe --runtime "$runtime" --phone P1 --phone P2 \
    --isolated --calibration 50 --validation 32 --force --out "$out/$runtime" |
    grep -E '^(space|sampled|measured|model|fitted|fit error|held out|error|device|ranking)'
  "$build/bench/hwprof_bench_snpe_standin_bench" "$out/$runtime"
done
