#!/usr/bin/env bash
# A log's life through attestctl: filled, watched, backed up, restored with its tiles, ended.
# usage: ledger_keeping_test.sh ATTESTCTL
set -euo pipefail
attestctl=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  echo "ledger_keeping: $1" >&2
  exit 1
}
gives() { # STATUS COMMAND…
  local status=0
  "${@:2}" >out 2>&1 || status=$?
  [ "$status" = "$1" ] || fail "\"${*:2}\" gave $status, expected $1: $(cat out)"
}
ledger() { "$attestctl" ledger "$@"; }
# entry N: a DSSE envelope of another subject each, as anybody may enter.
entry() {
  local statement
  statement=$(printf '{"_type":"https://in-toto.io/Statement/v1","predicateType":"p","predicate":{},"subject":[{"name":"n","digest":{"sha256":"%064d"}}]}' "$1" | base64 -w0)
  printf '{"payload":"%s","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"k","sig":"AAAA"}]}' "$statement" >"entry$1"
}

for n in 1 2 3; do entry "$n"; done
"$attestctl" key new log.key --json >/dev/null
"$attestctl" key new next.key --json >/dev/null
key=$(ledger init log --origin log.example/a --key log.key --json | jq -r .verifier_key)
gives 0 ledger add log entry1 --key log.key
gives 0 ledger monitor log/public --key "$key" --state seen --expect 0:entry1
cp -r log/public earlier
gives 0 ledger backup log --output backup
gives 1 ledger backup log --output backup

gives 0 ledger add log entry2 entry3 --key log.key
sought=$(printf 'sha256:%064d' 3)
[ "$(ledger monitor log/public --key "$key" --state seen --subject "$sought" --json | jq .sightings[0].index)" = 3 ] ||
  fail "the monitor does not tell of entry 3"
gives 1 ledger monitor log/public --key "$key" --state seen --expect 0:entry2

# One that goes on looking outlives a log that cannot be reached, and ends with an alarm.
cp -r log/public shown
ledger monitor shown --key "$key" --state followed --every 1 >follow.out 2>&1 &
follower=$!
until grep -q 'new entries' follow.out; do sleep 0.2; done
mv shown hidden
until grep -q incomplete follow.out; do sleep 0.2; done
kill -0 "$follower" || fail "the monitor gave up when the log was away"
mv earlier shown
wait "$follower" && fail "the monitor did not alarm at a log that went back"
grep -q ALARM follow.out || fail "the monitor ended without an alarm"
gives 2 ledger monitor nowhere --key "$key" --state seen

# Receipts, of either kind, under the published checkpoint.
gives 0 ledger receipt log 0 --key log.key --output entry1.receipt
gives 0 ledger verify-receipt --key "$key" --entry entry1 entry1.receipt
gives 1 ledger verify-receipt --key "$key" --entry entry2 entry1.receipt
gives 0 ledger receipt log --from 2 --key log.key --output growth.receipt
gives 0 ledger verify-receipt --key "$key" --older backup/checkpoint growth.receipt
gives 1 ledger receipt log 0 --key next.key --output wrong.receipt

# A backup alone is older than the log; with the tiles it is the log.
gives 1 ledger restore backup --output restored --checkpoint log/public/checkpoint
gives 0 ledger restore backup --output restored --checkpoint log/public/checkpoint --mirror log/public
gives 0 ledger fsck restored
gives 0 ledger audit restored/public --key "$key"
gives 0 ledger add restored entry1 --key log.key
digest=sha256:$(sha256sum < entry3 | cut -d ' ' -f 1)
ledger find restored "$digest" --by digest | grep -qx 'entry 3' || fail "entry 3 is not found by its digest"
cmp <(ledger get restored 3) entry3 || fail "entry 3 is not what it was"

gives 0 ledger rotate log --key log.key --next next --next-origin log.example/b --next-key next.key
entry 4
gives 0 ledger repair log --key log.key --mirror log/public
gives 1 ledger add log entry4 --key log.key
gives 0 ledger add next entry4 --key next.key
gives 0 ledger freeze next --key next.key
gives 1 ledger add next entry3 --key next.key
gives 0 ledger audit log/public --key "$key"
echo ok
