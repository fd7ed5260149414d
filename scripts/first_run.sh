#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a fresh Debian machine to a profiled search space: installs what is missing, builds a release, and runs
# hwprof-cli profile. Arguments go to hwprof-cli. A second call goes on where the first was stopped.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/lib.sh

install_missing build
cmake --preset release -DHWPROF_TESTS=OFF -DHWPROF_EXAMPLES=OFF -DHWPROF_BENCH=OFF
cmake --build --preset release --target hwprof-cli

resume=()
if [ -d run ]; then
  resume=(--resume)
fi
build/release/tools/hwprof-cli/hwprof-cli profile examples/spaces/ofa_mbv3.yaml --device cpu --out run/ "${resume[@]}" "$@"
