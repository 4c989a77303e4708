#!/bin/sh
# attestctl's exit status: 0 pass, 1 refused, 2 could not be checked, 64 wrong usage.
# usage: exit_status_test.sh ATTESTCTL
set -u
attestctl=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failed=0

expect() {
  wanted=$1
  shift
  "$attestctl" "$@" >out 2>err </dev/null
  got=$?
  if [ "$got" != "$wanted" ]; then
    echo "attestctl $*: exit status $got, not $wanted"
    cat out err
    failed=1
  fi
}

expect 0 --help
expect 0 gate --help
expect 0 --version
expect 64
expect 64 no-such-verb
expect 64 gate
expect 64 key new
expect 64 hardware add --ek k --manufacturer m --model m --serial s --issuer i --key k --no-such-option
expect 2 key show missing.key
expect 2 eventlog show missing.bin
printf 'no log' >text
expect 1 eventlog show text
expect 1 model inspect text
expect 0 key new a.key
expect 70 key new a.key
expect 0 key show a.key
chmod 644 a.key
expect 1 key show a.key
chmod 600 a.key
# Neither a ledger nor a file is named for the statement.
expect 64 key retire "key:$(printf '%064d' 0)" --from 0 --reason r --issuer i@example --key a.key
expect 0 key retire "key:$(printf '%064d' 0)" --from 0 --reason r --issuer i@example --key a.key --output s
# JSON says the same as the exit status.
"$attestctl" eventlog show text --json | grep -q '"outcome": "refused"' || { echo 'no outcome in JSON'; failed=1; }
# Colours never reach a pipe.
if "$attestctl" key show a.key | grep -q "$(printf '\033')"; then echo 'colour in a pipe'; failed=1; fi

[ "$failed" = 0 ] && echo 'every exit status is the documented one'
exit "$failed"
