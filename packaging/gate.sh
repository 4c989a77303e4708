#!/usr/bin/env bash
# The gate as a step of a pipeline: checks the trust root's digest, shows what attestctl gate says
# to people, keeps what it says to programs, and ends with its exit status.
#
# Environment: ATTEST_PATHS (separated by spaces), ATTEST_TRUST, ATTEST_TRUST_SHA256,
# ATTEST_POLICY, ATTEST_REGION, ATTEST_SARIF and ATTEST_JUNIT (each may be empty), ATTEST_REPORT
# (where the JSON report goes).
set -euo pipefail

incomplete=2
if ! command -v attestctl >/dev/null; then
  echo "attestctl is not installed: install the package attest in an earlier step" >&2
  exit $incomplete
fi
if [ ! -r "$ATTEST_TRUST" ]; then
  echo "the trust root $ATTEST_TRUST cannot be read" >&2
  exit $incomplete
fi
found=$(sha256sum <"$ATTEST_TRUST" | cut -d ' ' -f 1)
if [ "$found" != "$ATTEST_TRUST_SHA256" ]; then
  printf 'refused: %s is not the trust root that was pinned\n  expected    sha256:%s\n  found       sha256:%s\n' \
    "$ATTEST_TRUST" "$ATTEST_TRUST_SHA256" "$found" >&2
  exit 1
fi

read -r -a paths <<<"$ATTEST_PATHS"
options=(--trust "$ATTEST_TRUST")
[ -z "${ATTEST_POLICY:-}" ] || options+=(--policy "$ATTEST_POLICY")
[ -z "${ATTEST_REGION:-}" ] || options+=(--region "$ATTEST_REGION")
files=()
[ -z "${ATTEST_SARIF:-}" ] || files+=(--sarif "$ATTEST_SARIF")
[ -z "${ATTEST_JUNIT:-}" ] || files+=(--junit "$ATTEST_JUNIT")

status=0
attestctl gate "${options[@]}" "${files[@]}" -- "${paths[@]}" || status=$?
attestctl gate "${options[@]}" --json -- "${paths[@]}" >"$ATTEST_REPORT" || true
if [ -n "${GITHUB_OUTPUT:-}" ]; then
  printf 'report=%s\nsarif=%s\njunit=%s\n' "$ATTEST_REPORT" "${ATTEST_SARIF:-}" "${ATTEST_JUNIT:-}" >>"$GITHUB_OUTPUT"
fi
exit "$status"
