#!/usr/bin/env python3
"""Lets the public conformance suite of OpenSSF Model Signing drive attestctl.

The suite calls `sign-model` and `verify-model` and judges by the exit status. ATTESTCTL names the
program (default: attestctl on the path); ATTEST_SIGSTORE_ROOT a Sigstore trusted root file, for
keyless bundles. Keyless signing needs a network and is not offered.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    verbs = parser.add_subparsers(dest="verb", required=True)
    sign, verify = verbs.add_parser("sign-model"), verbs.add_parser("verify-model")
    for verb in (sign, verify):
        verb.add_argument("--method", choices=["key", "certificate", "sigstore"], required=True)
        verb.add_argument("--model-path", type=pathlib.Path, required=True)
        verb.add_argument("--cert-chain", action="append", default=[])
        verb.add_argument("--ignore-paths", type=pathlib.Path, action="append", default=[])
        verb.add_argument("--use-staging", action="store_true")
    sign.add_argument("--output-bundle", required=True)
    for name in ("--private-key", "--signing-cert", "--identity-token"):
        sign.add_argument(name)
    verify.add_argument("--bundle", required=True)
    verify.add_argument("--ignore-unsigned-files", action="store_true")
    for name in ("--public-key", "--identity", "--identity-provider"):
        verify.add_argument(name)
    return parser.parse_args()


def ignored(given: argparse.Namespace) -> list[str]:
    """attestctl takes paths relative to the model; the suite gives absolute ones."""
    words = []
    for path in given.ignore_paths:
        place = path.resolve()
        model = given.model_path.resolve()
        words += ["--ignore", str(place.relative_to(model) if place.is_relative_to(model) else path)]
    return words


def joined(files: list[str], to: pathlib.Path) -> str:
    to.write_text("".join(pathlib.Path(each).read_text() for each in files))
    return str(to)


def sign_words(given: argparse.Namespace, place: pathlib.Path) -> list[str]:
    # Keys are read in PKCS#8 only, and only from files that nobody else can read.
    key = place / "key.pem"
    key.touch(mode=0o600)
    converted = subprocess.run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", given.private_key],
                               capture_output=True, check=True)
    key.write_bytes(converted.stdout)
    words = ["sign", str(given.model_path), "--bundle", given.output_bundle, "--key", str(key)]
    if given.method == "certificate":
        words += ["--certificates", joined([given.signing_cert, *given.cert_chain], place / "chain.pem")]
    return words


def verify_words(given: argparse.Namespace, place: pathlib.Path) -> list[str]:
    words = ["verify", str(given.model_path), "--bundle", given.bundle]
    if given.method == "key":
        words += ["--key", given.public_key]
    elif given.method == "certificate":
        words += ["--roots", joined(given.cert_chain, place / "roots.pem")]
    else:
        words += ["--trusted-root", os.environ["ATTEST_SIGSTORE_ROOT"], "--identity", given.identity,
                  "--issuer", given.identity_provider]
    return words + ["--ignore-unsigned"] * given.ignore_unsigned_files


def main() -> int:
    given = arguments()
    if given.verb == "sign-model" and given.method == "sigstore":
        print("keyless signing is not offered", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as place:
        make = sign_words if given.verb == "sign-model" else verify_words
        words = make(given, pathlib.Path(place)) + ignored(given)
        return subprocess.run([os.environ.get("ATTESTCTL", "attestctl"), "model", *words]).returncode


if __name__ == "__main__":
    sys.exit(main())
