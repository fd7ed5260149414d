#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds a release and runs all tests. Names of test presets as arguments run those
# instead: release, asan (AddressSanitizer and UndefinedBehaviorSanitizer, core only), clang, cpp20, shared, dev.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source scripts/lib.sh

presets=("$@")
if [ "${#presets[@]}" -eq 0 ]; then
  presets=(release)
fi

install_missing build test
scripts/install_onnxruntime.sh || echo "Tests on ONNX Runtime are skipped."
failed=()
for preset in "${presets[@]}"; do
  echo "== $preset"
  cmake --preset "$preset" -DHWPROF_TESTS=ON -DHWPROF_EXAMPLES=ON
  cmake --build --preset "$preset"
  if ! ctest --preset "$preset" | tee "build/$preset/ctest.log"; then
    failed+=("$preset")
  fi
done

for preset in "${presets[@]}"; do
  echo "== $preset"
  sed -n '/tests passed/,$p' "build/$preset/ctest.log"
done
if [ "${#failed[@]}" -gt 0 ]; then
  echo "Tests failed in: ${failed[*]}"
  exit 1
fi
