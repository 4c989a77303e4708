#!/usr/bin/env bash
# Man pages have no fault a linter knows; shell files parse; both pipelines give the gate step what it
# reads; it refuses a trust root that is not the pinned one and hands on the gate's exit status;
# completion and gate step fit the attestctl that was built.
# usage: packaging_texts_test.sh SOURCE_DIRECTORY PROGRAM_DIRECTORY
set -euo pipefail
packaging=$1/packaging
programs=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "FAIL: $*" >&2
  exit 1
}

for page in "$packaging"/man/*.[18]; do
  mandoc -T lint -W warning "$page" || fail "$page has warnings"
done
for script in "$packaging"/*.sh "$packaging"/completions/*.bash "$packaging"/pre-commit/*; do
  bash -n "$script" || fail "$script does not parse"
done

grep -oE 'ATTEST_[A-Z0-9_]+' "$packaging/gate.sh" | sort -u >"$work/variables"
for pipeline in github-action/action.yml gitlab/attest-gate.yml; do
  while read -r variable; do
    grep -q "^ *$variable: " "$packaging/$pipeline" || fail "$pipeline does not set $variable"
  done <"$work/variables"
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

# With the attestctl that was built: a model that no bundle stands beside cannot be checked.
status=0
env PATH="$programs:$PATH" ATTEST_TRUST="$packaging/examples/trust.toml" \
  ATTEST_TRUST_SHA256="$(sha256sum <"$packaging/examples/trust.toml" | cut -d ' ' -f 1)" \
  ATTEST_POLICY="$packaging/examples/release.toml" ATTEST_REPORT="$work/report.json" \
  ATTEST_PATHS="$1/fixtures/tiny-model/tiny-story-q8_0.gguf" \
  bash "$packaging/gate.sh" >"$work/gate" 2>&1 || status=$?
[ "$status" = 2 ] || fail "a model without a bundle ended with $status: $(cat "$work/gate")"
grep -q "INCOMPLETE .*tiny-story-q8_0.gguf" "$work/gate" || fail "nobody is told: $(cat "$work/gate")"
[ "$(jq -r '.outcome, .models[0].outcome' "$work/report.json" | paste -sd ' ')" = "incomplete incomplete" ] ||
  fail "the report says otherwise: $(cat "$work/report.json")"

# Completion asks the program and finds what it has.
complete_words() { # WORDS…: what completing the last one gives
  PATH="$programs:$PATH" bash -c '
    source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _attestctl; echo "${COMPREPLY[@]}"' \
    "$packaging/completions/attestctl.bash" "$@"
}
completes() { # EXPECTED WORDS…
  local found
  found=$(complete_words "${@:2}")
  [ "$found" = "$1" ] || fail "\"${*:2}\" completes to \"$found\", expected \"$1\""
}
case " $(complete_words attestctl '') " in
  *" gate "*" ledger "*" key "*) ;;
  *) fail "groups do not complete" ;;
esac
completes "ledger" attestctl le
completes "--help --version" attestctl --
completes "verify-note verify-proof verify-consistency verify-receipt" attestctl ledger ver
completes "--cache --help --json --junit --key --passphrase-file --policy --region --sarif --trust --verifier --vsa" \
  attestctl gate --
completes "--policy" attestctl gate --trust trust.toml --po

# The gate's manual describes the options that it has, and no other.
sed -nE 's/^\.It Fl -([a-z-]+).*/--\1/p' "$packaging/man/attestctl-gate.1" | sort >"$work/named"
complete_words attestctl gate -- | tr ' ' '\n' | grep -vx -- --help | sort >"$work/there"
diff "$work/named" "$work/there" >"$work/difference" ||
  fail "attestctl-gate(1) and --help differ: $(cat "$work/difference")"

# The manual names every group, and no other.
sed -n 's/^\.It Cm //p' "$packaging/man/attestctl.1" | tr -d ' ' | tr , '\n' | sort >"$work/named"
complete_words attestctl '' | tr ' ' '\n' | sort >"$work/there"
diff "$work/named" "$work/there" >"$work/difference" || fail "attestctl(1) and --help differ: $(cat "$work/difference")"

# Each daemon's manual describes the options that it has, and no other.
for daemon in agentd verifierd inferd; do
  sed -nE 's/^\.It Fl -([a-z-]+).*/\1/p' "$packaging/man/$daemon.8" | sort >"$work/named"
  "$programs/$daemon" --help | sed -nE 's/^  (-[a-zA-Z],)?--([a-z-]+).*/\2/p' | sort >"$work/there"
  diff "$work/named" "$work/there" >"$work/difference" ||
    fail "$daemon(8) and --help differ: $(cat "$work/difference")"
done
echo ok
