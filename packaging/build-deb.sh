#!/usr/bin/env bash
# Builds the Debian package from an existing release build, or from nothing.
#
# usage: packaging/build-deb.sh OUT [BUILD_DIRECTORY]
#
# OUT gets the .deb. With BUILD_DIRECTORY, a finished build of this checkout, what is there is
# packed, which takes seconds; without, the package's own rules compile everything.
set -euo pipefail
if [ $# -lt 1 ] || [ $# -gt 2 ]; then
  sed -n 's/^# usage: /usage: /p' "$0" >&2
  exit 64
fi
source_directory=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tree=$work/attest
if [ $# = 2 ]; then
  ATTEST_BUILD_DIRECTORY=$(cd "$2" && pwd)
  export ATTEST_BUILD_DIRECTORY
  mkdir "$tree"
else
  git -C "$source_directory" archive --prefix=attest/ HEAD | tar -x -C "$work"
fi
cp -r "$source_directory/packaging/debian" "$tree/debian"

# The build dependencies are those of ./run, so they are not asked for a second time.
(cd "$tree" && dpkg-buildpackage --no-check-builddeps -b -us -uc) >"$work/log" 2>&1 || {
  tail -40 "$work/log" >&2
  exit 1
}
for deb in "$work"/attest_*.deb; do
  cp "$deb" "$out/"
  echo "$out/$(basename "$deb")"
done
