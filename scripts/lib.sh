# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Shared by the scripts beside it; they source it from the repository's root.

export CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}"

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    echo "This needs root and there is no sudo: $*" >&2
    return 1
  fi
}

# install_missing GROUP…: installs the Debian packages of these groups of scripts/packages.txt that are not there.
install_missing() {
  local group package missing=()
  if ! command -v apt-get >/dev/null; then
    echo "No apt-get here; the packages of scripts/packages.txt are taken to be installed." >&2
    return 0
  fi
  while read -r group package _; do
    if [[ " $* " == *" $group "* ]] && ! is_installed "$package"; then
      missing+=("$package")
    fi
  done < <(grep -v '^#' scripts/packages.txt)
  if [ "${#missing[@]}" -gt 0 ]; then
    echo "Installing: ${missing[*]}"
    as_root apt-get -qq update
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "${missing[@]}"
  fi
}
