#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Training cost of pruned networks: five networks at five pruning levels and four batch sizes, measured twice, in two
# processes, on the CPU, with networks drawn for calibration; predicted with each network left out in turn. How far both
# runs agree stands beside the error.
#
#   bench/train_cost.sh PROGRAM DIR [PART]    PROGRAM: hwprof-cli; PART: jobs, a, b or fit; all of them without
#
# BUDGET: seconds of measuring a run, 155 unless set. Measure on a quiet machine.
set -euo pipefail

program=${1:?usage: bench/train_cost.sh PROGRAM DIR [PART]}
dir=${2:?usage: bench/train_cost.sh PROGRAM DIR [PART]}
parts=${3:-jobs a b fit}
root=$(cd "$(dirname "$0")/.." && pwd)

for part in $parts; do
  case $part in
    jobs)
      for run in a b; do
        "$program" jobs --result-dir "$dir/$run" -c cpu --mode train --image-size 32 --seed 1 \
          --level 0,0.2,0.4,0.6,0.8 --batch 2,4,8,16 --calibration 144 \
          --network "$root/examples/spaces/mobilenet_v2.yaml" --network "$root/examples/spaces/mnasnet.yaml" \
          --network "$root/examples/spaces/resnet18.yaml" --network "$root/examples/spaces/squeezenet.yaml" \
          --network "$root/examples/spaces/googlenet.yaml"
      done
      ;;
    a | b)
      "$program" measure "$dir/$part" --budget "${BUDGET:-155}"
      "$program" net2primitive "$dir/$part" --result-file "$dir/$part/records.jsonl"
      ;;
    fit)
      "$program" fingerprint --records "$dir/a/records.jsonl" "$dir/b/records.jsonl" --networks "$dir/a/prof_nets" \
        --out "$dir/fingerprint.json" --force
      ;;
  esac
done
