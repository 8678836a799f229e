#!/usr/bin/env bash
# Installs what building and testing needs, from Debian 12's own packages. Root, or sudo.
#   tools/setup.sh           installs what is missing, and says so
#   tools/setup.sh --check   only reports; exit status 1 when something is missing
set -euo pipefail

check=false
case "${1:-}" in
  "") ;;
  --check) check=true ;;
  -h | --help)
    sed -n '2,4s/^# //p' "${BASH_SOURCE[0]}"
    exit 0
    ;;
  *)
    echo "setup: \"$1\" is not an option; there are --check and --help" >&2
    exit 2
    ;;
esac

packages=(
  bazel-bootstrap bazel-platforms bazel-rules-java bazel-rules-proto bazel-skylib
  g++ pkg-config git
  libabsl-dev libsimdjson-dev librocksdb-dev libxapian-dev libre2-dev libxxhash-dev
  libcli11-dev libedit-dev libsqlite3-dev
  libgtest-dev libgmock-dev libbenchmark-dev
  clang clang-format clang-tidy libclang-rt-14-dev
)

missing=()
for p in "${packages[@]}"; do
  if [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" != installed ]; then missing+=("$p"); fi
done

if [ ${#missing[@]} -eq 0 ]; then
  if $check; then echo "setup: everything is installed"; fi
  exit 0
fi
if $check; then
  echo "setup: missing: ${missing[*]}"
  exit 1
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "setup: these packages are missing, and only root can install them: ${missing[*]}" >&2
    echo "setup: run tools/setup.sh as root, or install sudo" >&2
    exit 1
  fi
  as_root=(sudo)
fi
echo "setup: installing ${missing[*]}" >&2
"${as_root[@]}" apt-get update -q >&2
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -q -y --no-install-recommends "${missing[@]}" >&2
