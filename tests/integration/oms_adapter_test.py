#!/usr/bin/env python3
"""The conformance adapter signs and verifies by key and by certificate, and refuses what it must.

With ATTEST_CORPUS, the suite's own cases are driven through it, as the suite drives a program.

usage: oms_adapter_test.py PROGRAM
"""
import json
import os
import pathlib
import shutil
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


def prepare(model: pathlib.Path, changes: dict) -> None:
    """Changes a copy of a case's model as its configuration says."""
    for name, content in [*changes.get("inject", {}).items(), *changes.get("tamper", {}).items()]:
        (model / name).parent.mkdir(parents=True, exist_ok=True)
        (model / name).write_text(content)
    for name in changes.get("delete", []):
        (model / name).unlink()


def run_suite(suite: pathlib.Path) -> int:
    cases = sorted((suite / "cases").iterdir())
    for case in cases:
        said = json.loads((case / "config.json").read_text())
        with tempfile.TemporaryDirectory() as folder:
            source = (case if said.get("model_relative_to") == "test_dir" else suite) / said["model"]
            model = pathlib.Path(folder) / "model"
            shutil.copytree(source, model) if source.is_dir() else shutil.copy(source, model)
            prepare(model, said.get("model_modifications", {}))
            options = said["verify"]
            words = ["verify-model", "--method", said["method"], "--model-path", model, "--bundle", case / "bundle.sig"]
            if "public_key" in options:
                words += ["--public-key", suite / options["public_key"]]
            for certificate in options.get("cert_chain", []):
                words += ["--cert-chain", suite / certificate]
            for name in ["identity", "identity_provider"]:
                if name in options:
                    words += ["--" + name.replace("_", "-"), options[name]]
            for path in options.get("ignore_paths", []):
                words += ["--ignore-paths", model / path]
            words += ["--ignore-unsigned-files"] * options.get("ignore_unsigned_files", False)
            expect(1 if said.get("expect") == "fail" else 0, *words)
    return len(cases)


def main() -> None:
    corpus = pathlib.Path(os.environ.get("ATTEST_CORPUS", "/nonexistent")) / "model"
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
    if (corpus / "oms" / "conformance").is_dir():
        os.environ["ATTEST_SIGSTORE_ROOT"] = str(corpus / "sigstore" / "go" / "public-good.json")
        print(f"{run_suite(corpus / 'oms' / 'conformance')} cases of the suite end as they should")
    print("ok")


if __name__ == "__main__":
    main()
