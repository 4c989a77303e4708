#!/usr/bin/env python3
"""The conformance adapter signs and verifies by key and by certificate, and refuses what it must.

usage: oms_adapter_test.py PROGRAM
"""
import os
import pathlib
import subprocess
import sys
import tempfile

ADAPTER = pathlib.Path(__file__).parent / "oms_adapter.py"


def openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True)


def adapter(*words) -> int:
    done = subprocess.run([sys.executable, ADAPTER, *map(str, words)], capture_output=True, text=True)
    assert done.returncode in (0, 1), f"{words}: {done.returncode}: {done.stdout}{done.stderr}"
    return done.returncode


def expect(status: int, *words) -> None:
    found = adapter(*words)
    assert found == status, f"{' '.join(map(str, words))}: ended with {found}, expected {status}"


def main() -> None:
    os.environ["ATTESTCTL"] = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        place = pathlib.Path(folder)
        model = place / "model"
        (model / "d").mkdir(parents=True)
        (model / "weights.bin").write_bytes(bytes(range(256)) * 64)
        (model / "d" / "config.json").write_text("{}")
        (model / "notes").write_text("n")
        for curve in ("prime256v1", "secp384r1", "secp521r1"):
            openssl("ecparam", "-name", curve, "-genkey", "-noout", "-out", str(place / "key.pem"))
            openssl("ec", "-in", str(place / "key.pem"), "-pubout", "-out", str(place / "key.pub"))
            by_key = ["--method", "key", "--model-path", model]
            expect(0, "sign-model", *by_key, "--private-key", place / "key.pem",
                   "--output-bundle", model / "model.sig", "--ignore-paths", model / "notes")
            verify = ["verify-model", *by_key, "--public-key", place / "key.pub", "--bundle", model / "model.sig"]
            expect(0, *verify)
            (model / "extra.txt").write_text("x")
            expect(1, *verify)
            expect(0, *verify, "--ignore-unsigned-files")
            expect(0, *verify, "--ignore-paths", model / "extra.txt")
            (model / "extra.txt").unlink()
        (model / "weights.bin").write_bytes(bytes(256 * 64))
        expect(1, *verify)
        certificate = ["--method", "certificate", "--model-path", model]
        openssl("req", "-x509", "-key", str(place / "key.pem"), "-subj", "/CN=signer.example", "-days", "2",
                "-addext", "extendedKeyUsage=codeSigning", "-addext", "keyUsage=digitalSignature",
                "-out", str(place / "cert.pem"))
        expect(0, "sign-model", *certificate, "--private-key", place / "key.pem",
               "--signing-cert", place / "cert.pem", "--output-bundle", place / "cert.sig",
               "--ignore-paths", model / "model.sig")
        expect(0, "verify-model", *certificate, "--cert-chain", place / "cert.pem", "--bundle", place / "cert.sig")
        expect(1, *verify[:-1], place / "cert.sig")
    print("ok")


if __name__ == "__main__":
    main()
