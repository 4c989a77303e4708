#!/usr/bin/env bash
# Man pages have no fault a linter knows; shell files parse; pipeline files are YAML; the gate step
# refuses a trust root that is not the pinned one and hands on the gate's exit status.
# usage: packaging_texts_test.sh SOURCE_DIRECTORY
set -euo pipefail
packaging=$1/packaging
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "FAIL: $*" >&2
  exit 1
}

for page in "$packaging"/man/*.[18]; do
  mandoc -T lint -W warning "$page" || fail "$page has warnings"
done
for script in "$packaging"/*.sh "$packaging"/completions/*.bash; do
  bash -n "$script" || fail "$script does not parse"
done

# A stand-in for attestctl that says what it was given, and ends as it is told to.
mkdir "$work/bin"
cat >"$work/bin/attestctl" <<'TEXT'
#!/bin/sh
echo "$@" >>"$WORK/calls"
exit "$GATE_STATUS"
TEXT
chmod +x "$work/bin/attestctl"
echo 'version = 1' >"$work/trust.toml"
pinned=$(sha256sum <"$work/trust.toml" | cut -d ' ' -f 1)

gate() { # EXPECTED_STATUS PINNED_DIGEST GATE_STATUS PATHS
  local status=0
  rm -f "$work/calls"
  env PATH="$work/bin:$PATH" WORK="$work" GATE_STATUS="$3" ATTEST_TRUST="$work/trust.toml" \
    ATTEST_TRUST_SHA256="$2" ATTEST_POLICY= ATTEST_REPORT="$work/report.json" ATTEST_PATHS="$4" \
    bash "$packaging/gate.sh" >/dev/null 2>&1 || status=$?
  [ "$status" = "$1" ] || fail "the gate ended with $status, expected $1 ($*)"
}
gate 0 "$pinned" 0 "models/ other.gguf"
grep -qx -- "gate --trust $work/trust.toml -- models/ other.gguf" "$work/calls" ||
  fail "attestctl was not called as documented: $(cat "$work/calls")"
gate 1 "$pinned" 1 models/
gate 2 "$pinned" 2 models/
gate 1 "$(printf '0%.0s' {1..64})" 0 models/
[ ! -e "$work/calls" ] || fail "an unpinned trust root was used"
gate 0 "$pinned" 0 "\$(touch $work/injected)"
[ ! -e "$work/injected" ] || fail "a path became a command"
mv "$work/trust.toml" "$work/elsewhere"
gate 2 "$pinned" 0 models/

# Completion asks the program and finds what it lists.
cat >"$work/bin/attestctl" <<'TEXT'
#!/bin/sh
case "$1" in
  key) printf 'Options:\n  --help    Show\n\nSubcommands:\n  new       Make\n  show      Show\n' ;;
  *) printf 'Options:\n  -h,--help Show\n  --version Show\n\nSubcommands:\n  key       Keys\n  ledger    Log\n' ;;
esac
TEXT
complete_words() { # WORDS…: what completing the last one gives
  PATH="$work/bin:$PATH" bash -c '
    source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _attestctl; echo "${COMPREPLY[@]}"' \
    "$packaging/completions/attestctl.bash" "$@"
}
[ "$(complete_words attestctl '')" = "key ledger" ] || fail "groups do not complete"
[ "$(complete_words attestctl le)" = "ledger" ] || fail "a group does not complete"
[ "$(complete_words attestctl key '')" = "new show" ] || fail "verbs do not complete"
[ "$(complete_words attestctl --v)" = "--version" ] || fail "options do not complete"
echo ok
