#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# install_onnxruntime.sh [FOLDER]: installs the npm package onnxruntime-node, which brings the library for the CPU
# along, into FOLDER (build/onnxruntime unless named). Its install scripts, which fetch libraries for CUDA, are not run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
folder="${1:-build/onnxruntime}"
version=1.30.0

if ! command -v npm >/dev/null; then
  echo "npm is not there (Debian: nodejs npm); onnxruntime-node was not installed." >&2
  exit 1
fi
if [ "$(node -p "require('$(realpath -m "$folder")/node_modules/onnxruntime-node/package.json').version" 2>/dev/null)" = "$version" ]; then
  echo "onnxruntime-node $version is in $folder already."
  exit 0
fi
mkdir -p "$folder"
npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --no-save "onnxruntime-node@$version"
node -e "require('$(realpath "$folder")/node_modules/onnxruntime-node')"
echo "onnxruntime-node $version is in $folder; name it to hwprof-cli with HWPROF_ONNXRUNTIME=$folder"
