#!/usr/bin/env bash
# The Debian package installs, upgrades, is removed and is purged in a clean root, and leaves what it
# should and nothing else. Run by ./run package-test.
# usage: package_test.sh BUILD_DIRECTORY   where the target `programs` is built
set -euo pipefail
source_directory=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

deb=$("$source_directory/packaging/build-deb.sh" "$work" "$1")
echo "built $(basename "$deb"), $(du -k "$deb" | cut -f 1) KiB"

# The next version, to upgrade to: the same content under a higher number.
mkdir "$work/debs"
cp "$deb" "$work/debs/first.deb"
dpkg-deb -R "$deb" "$work/next"
sed -i 's/^Version: .*/&+next/' "$work/next/DEBIAN/control"
dpkg-deb --root-owner-group -b "$work/next" "$work/debs/next.deb" >/dev/null

cat >"$work/debs/inside.sh" <<'TEXT'
set -eu
cd /debs
fail() { echo "FAIL: $*" >&2; exit 1; }
everything() { find / -xdev -path /proc -prune -o -path /sys -prune -o -path /debs -prune -o \
  -path /var/lib/dpkg -prune -o -path /var/log -prune -o -path /var/cache -prune -o -print | sort; }
users() { cut -d : -f 1 /etc/passwd; }
quietly() { "$@" >log 2>&1 || { cat log >&2; fail "$*"; }; }
everything >before

quietly dpkg -i first.deb
for program in /usr/bin/*; do dpkg -S "$program" 2>/dev/null | grep -q '^attest:' || continue
  "$program" --version >/dev/null || fail "$program does not start"
done
attestctl --help >/dev/null || fail "attestctl does not start"
for daemon in agentd verifierd inferd; do
  users | grep -qx "$daemon" || fail "no user $daemon"
  [ "$(stat -c '%U %a' /var/lib/$daemon)" = "$daemon 700" ] || fail "/var/lib/$daemon is not its own"
  [ -f "/lib/systemd/system/$daemon.service" ] || fail "no unit $daemon"
  if grep -q "@CMAKE" "/lib/systemd/system/$daemon.service"; then fail "$daemon.service has a placeholder left"; fi
done
id -nG agentd | grep -qw tss || fail "agentd may not use the TPM"
echo "  install  ok"

echo 'node = "kept"' >/etc/attest/agentd.toml
echo ledger >/var/lib/verifierd/ledger.db
quietly dpkg -i next.deb
dpkg-query -W -f '${Version}\n' attest | grep -q '+next$' || fail "not upgraded"
grep -q kept /etc/attest/agentd.toml || fail "the configuration was changed by an upgrade"
[ -f /var/lib/verifierd/ledger.db ] || fail "an upgrade lost the ledger"
echo "  upgrade  ok"

quietly dpkg -r attest
[ ! -e /usr/bin/attestctl ] || fail "programs are left"
grep -q kept /etc/attest/agentd.toml || fail "removal took the configuration"
[ -f /var/lib/verifierd/ledger.db ] || fail "removal took the ledger"
echo "  remove   ok"

quietly dpkg -P attest
[ -f /var/lib/verifierd/ledger.db ] || fail "a purge took a ledger that holds something"
[ ! -e /var/lib/agentd ] || fail "a purge left the agent's state"
rm -r /etc/attest /var/lib/verifierd
quietly dpkg -i first.deb
quietly dpkg -P attest
# Users stay, as Debian has it: their numbers must not come back as somebody else's.
everything | grep -v '^/debs' >after
comm -13 before after | grep -Ev '^/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$|^/etc/.pwd.lock$' >left || true
[ ! -s left ] || { cat left >&2; fail "a purge left these files"; }
echo "  purge    ok"
TEXT

# What apt on this machine is configured to use; no mirror is named here.
sources=/etc/apt/sources.list.d/debian.sources
[ -f "$sources" ] || sources=/etc/apt/sources.list
# The first alternative of each dependency, without versions. dpkg refuses to configure the package
# where this is not all that it needs.
dependencies=$(dpkg-deb -f "$deb" Depends | tr ',' '\n' |
  sed 's/|.*//; s/(.*//; s/ //g; s/:any//' | paste -sd ,)
# shellcheck disable=SC2016  # the hook is run by mmdebstrap, which gives it the root as $1
mmdebstrap --quiet --variant=apt --include="$dependencies" --format=null \
  --customize-hook="mkdir \"\$1/debs\"" \
  --customize-hook="copy-in $work/debs/first.deb $work/debs/next.deb $work/debs/inside.sh /debs" \
  --customize-hook='chroot "$1" sh /debs/inside.sh' \
  bookworm /dev/null "$sources"
echo ok
