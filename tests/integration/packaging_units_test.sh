#!/usr/bin/env bash
# The systemd units are well-formed, closed enough, and name only users that the package makes.
# usage: packaging_units_test.sh SOURCE_DIRECTORY
set -euo pipefail
units=$1/packaging/systemd
highest_exposure=2.5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "FAIL: $*" >&2
  exit 1
}

# The programs need not be installed to judge their units: something executable stands for each.
mkdir "$work/bin"
for daemon in agentd verifierd inferd; do
  unit=$work/$daemon.service
  printf '#!/bin/sh\n' >"$work/bin/$daemon"
  chmod +x "$work/bin/$daemon"
  sed "s|@CMAKE_INSTALL_FULL_BINDIR@|$work/bin|" "$units/$daemon.service.in" >"$unit"

  # Man pages are checked where they are written, not where they are installed.
  systemd-analyze verify --man=no "$unit" >"$work/verify.log" 2>&1 ||
    fail "$daemon.service: $(cat "$work/verify.log")"
  if grep "$daemon.service" "$work/verify.log"; then fail "$daemon.service has warnings"; fi

  exposure=$(systemd-analyze security --offline=true --no-pager "$unit" |
    sed -n 's/.*Overall exposure level for .*: \([0-9.]*\) .*/\1/p')
  [ -n "$exposure" ] || fail "$daemon.service: no exposure level"
  awk -v found="$exposure" -v limit="$highest_exposure" 'BEGIN { exit !(found <= limit) }' ||
    fail "$daemon.service is exposed $exposure, at most $highest_exposure is wanted"
  echo "$daemon.service: exposure $exposure"

  user=$(sed -n 's/^User=//p' "$unit")
  grep -Eq "^u $user +-" "$units/attest.sysusers" || fail "nobody makes the user $user"
  grep -q '^Type=notify$' "$unit" || fail "$daemon.service does not notify"
  grep -q '^WatchdogSec=' "$unit" || fail "$daemon.service has no watchdog"
done

# sysusers and tmpfiles apply cleanly to an empty root.
mkdir -p "$work/root/etc"
systemd-sysusers --root="$work/root" "$units/attest.sysusers"
for user in agentd verifierd inferd; do
  grep -q "^$user:" "$work/root/etc/passwd" || fail "sysusers made no $user"
done
grep -q '^tss:.*agentd' "$work/root/etc/group" || fail "agentd is not in tss"
if [ "$(id -u)" = 0 ]; then
  systemd-tmpfiles --root="$work/root" --create "$units/attest.tmpfiles"
  [ "$(stat -c %a "$work/root/var/lib/verifierd")" = 700 ] || fail "verifierd's state is readable"
fi
echo ok
