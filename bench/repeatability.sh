#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How far two independent runs in two processes agree on the latencies of a space's primitives: hwprof's way, and
# beside it, in the same run, the usual one (two warm-ups, 100 forwards in a row, the mean).
#
#   bench/repeatability.sh BUILD_DIR [SPACE]      BUILD_DIR: a build with HWPROF_BENCH=ON
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:?usage: bench/repeatability.sh BUILD_DIR [SPACE]}
space=${2:-$root/examples/spaces/ofa_mbv3.yaml}
cli=$build/tools/hwprof-cli/hwprof-cli
helper=$build/bench/hwprof_bench_repeatability

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for run in a b; do
  "$cli" profile "$space" --device cpu --out "$work/$run" --quiet
done
for run in a b; do
  "$helper" naive "$work/a/prof_nets" "$work/naive_$run.jsonl"
done

echo "hwprof, two processes:"
"$helper" compare "$work/a/records.jsonl" "$work/b/records.jsonl"
echo "naive, two processes, packed networks:"
"$helper" compare "$work/naive_a.jsonl" "$work/naive_b.jsonl" | tail -n 1
