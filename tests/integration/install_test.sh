#!/usr/bin/env bash
# What `cmake --install` puts in place can be built against: a client is compiled, linked and run
# through find_package and through pkg-config, from a tree that was moved after it was installed, and
# every installed header can be included without a warning.
# usage: install_test.sh SOURCE_DIRECTORY BUILD_DIRECTORY COMPILER
set -euo pipefail
client=$1/tests/integration/client
build=$2
compiler=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "FAIL: $*" >&2
  exit 1
}

cmake --install "$build" --prefix "$work/first" >"$work/log" || fail "$(tail -5 "$work/log")"
mv "$work/first" "$work/prefix"
prefix=$work/prefix
for program in attestctl agentd verifierd inferd; do
  "$prefix/bin/$program" --version >/dev/null || fail "$program does not start"
done
[ -z "$(find "$prefix/include" -path '*http*')" ] || fail "the HTTP room's headers are installed"

# The root of two entries as RFC 6962 has it, worked out by somebody else.
expected=$(python3 -c '
from hashlib import sha256
leaf = lambda entry: sha256(b"\0" + entry).digest()
print(sha256(b"\1" + leaf(b"first") + leaf(b"second")).hexdigest())')

cmake -S "$client" -B "$work/client" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_COMPILER="$compiler" \
  >"$work/log" || fail "find_package(attest): $(cat "$work/log")"
cmake --build "$work/client" >"$work/log" || fail "a client of find_package: $(cat "$work/log")"
[ "$("$work/client/client")" = "$expected" ] || fail "a client of find_package computes another root"
echo "find_package ok"

file=$(find "$prefix" -name attest.pc)
export PKG_CONFIG_PATH=${file%/*}
read -r -a flags <<<"$(pkg-config --cflags attest)"
"$compiler" -std=c++23 "${flags[@]}" -c "$client/client.cpp" -o "$work/client.o"
for static in "" --static; do
  read -r -a libraries <<<"$(pkg-config $static --libs attest)"
  "$compiler" "$work/client.o" "${libraries[@]}" -o "$work/by-pkg-config"
  [ "$("$work/by-pkg-config")" = "$expected" ] ||
    fail "a client of pkg-config $static computes another root"
done
echo "pkg-config   ok"

(cd "$prefix/include" && find libattest -name '*.h' | sort | sed 's/.*/#include "&"/') >"$work/all.cpp"
"$compiler" -std=c++23 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -fsyntax-only \
  "${flags[@]}" "$work/all.cpp" || fail "an installed header cannot be included"
echo "$(wc -l <"$work/all.cpp") headers   ok"
