#!/usr/bin/env python3
"""The ledger's vectors through attestctl: exit status, verdicts and names as their tables say.

usage: ledger_corpus_test.py ATTESTCTL        with ATTEST_CORPUS in the environment
"""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

P256_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
ED25519_SPKI = bytes.fromhex("302a300506032b6570032100")
ML_DSA_44 = 6


class Cases:
    def __init__(self, attestctl: str, corpus: pathlib.Path, work: pathlib.Path):
        self.attestctl, self.corpus, self.work = attestctl, corpus, work
        self.done, self.wrong = 0, []

    def run(self, *arguments):
        done = subprocess.run([self.attestctl, "ledger", *map(str, arguments), "--json"], capture_output=True)
        return done.returncode, json.loads(done.stdout) if done.stdout else {}

    def expect(self, name: str, found, expected):
        self.done += 1
        if found != expected:
            self.wrong.append(f"{name}: expected {expected}, found {found}")

    def read(self, name: str):
        file = self.corpus / name
        return json.loads(file.read_text()) if file.exists() else {}

    def file(self, name: str, content: bytes) -> pathlib.Path:
        (self.work / name).write_bytes(content)
        return self.work / name


def decoded(text: str) -> bytes:
    return base64.b64decode(text)


def keys(texts):
    return [part for text in texts for part in ("--key", text)]


def notes(cases: Cases):
    for part in ("notes/cases.json", "cosignatures/cases.json"):
        for case in cases.read(part):
            note = cases.file("note", decoded(case["note_b64"]))
            status, report = cases.run("verify-note", *keys(case["vkeys"]), note)
            cases.expect(case["name"], status, 0 if case["expect"] == "accept" else 1)
            if status != 0:
                continue
            # Keys that are recognised and never verified: their lines are passed over.
            passed_over = {"+".join(text.split("+", 2)[:2]) for text in case["vkeys"]
                           if decoded(text.split("+", 2)[2])[0] == ML_DSA_44}
            cases.expect(case["name"], report["verified"], [v for v in case["verified"] if v not in passed_over])


def offline_proofs(cases: Cases):
    expected = cases.read("tlog-proof/expected.json")
    if not expected:
        return
    names = [f"w{i}" for i in range(len(expected["cosigner_vkeys"]))]
    lines = [f"log {expected['log_vkey']}"]
    lines += [f"witness {name} {key}" for name, key in zip(names, expected["cosigner_vkeys"])]
    lines += [f"group g 2 {' '.join(names)}", "quorum g", ""]
    policy = cases.file("policy", "\n".join(lines).encode())
    for case in expected["cases"]:
        entry = cases.file("entry", decoded(case["entry_b64"]))
        status, _ = cases.run("verify-proof", "--policy", policy, "--entry", entry,
                              cases.corpus / "tlog-proof" / case["file"])
        cases.expect(case["file"], status, 0 if case["expect"] == "accept" else 1)


def damaged_logs(cases: Cases):
    table = cases.read("damaged/cases.json")
    for case in table.get("cases", []):
        log = cases.work / "log"
        shutil.rmtree(log, ignore_errors=True)
        shutil.copytree(cases.corpus / "damaged/clean", log, copy_function=shutil.copyfile)
        for folder, _, _ in os.walk(log):
            os.chmod(folder, 0o755)
        for path, content in case["replace_or_remove"].items():
            (log / path).parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                (log / path).unlink(missing_ok=True)
            else:
                (log / path).write_bytes(decoded(content))
        status, report = cases.run("audit", log, "--key", table["log_vkey"])
        cases.expect(case["name"], report.get("verdict"), case["expect"])
        cases.expect(case["name"], status, {"ok": 0, "missing": 2}.get(case["expect"], 1))


def sound_logs(cases: Cases):
    for checkpoint in sorted(cases.corpus.rglob("checkpoint")):
        log = checkpoint.parent
        for key_file in (log / "keys.json", log.with_name(log.name + ".keys.json")):
            if key_file.exists():
                status, report = cases.run("audit", log, "--key", json.loads(key_file.read_text())["log_vkey"])
                cases.expect(str(log), (status, report.get("verdict")), (0, "ok"))


def receipts(cases: Cases):
    expected = cases.read("cose-receipts/generated/expected.json")
    if not expected:
        return
    jwk = expected["es256_jwk"]
    point = b"".join(base64.urlsafe_b64decode(jwk[name] + "=") for name in ("x", "y"))
    log_keys = keys([str(cases.file("es256.der", P256_SPKI + point)),
                     str(cases.file("ed25519.der", ED25519_SPKI + decoded(expected["ed25519_public_b64"])))])
    for case in expected["cases"]:
        if case["kind"] == "inclusion":
            about = ["--entry", cases.file("entry", decoded(case["entry_b64"]))]
        else:
            about = ["--older-root", case["old_root_b64"]]
        status, _ = cases.run("verify-receipt", *log_keys, *about,
                              cases.corpus / "cose-receipts/generated" / case["file"])
        cases.expect(case["file"], status, 0 if case["expect"] == "accept" else 1)


def main() -> int:
    corpus = pathlib.Path(os.environ.get("ATTEST_CORPUS", "")) / "ledger"
    if "ATTEST_CORPUS" not in os.environ or not corpus.is_dir():
        print("skipped: ATTEST_CORPUS has no ledger")
        return 0
    with tempfile.TemporaryDirectory() as work:
        cases = Cases(sys.argv[1], corpus, pathlib.Path(work))
        for part in (notes, offline_proofs, damaged_logs, sound_logs, receipts):
            part(cases)
    print("\n".join(cases.wrong + [f"{cases.done} answers, {len(cases.wrong)} wrong"]))
    return 1 if cases.wrong or cases.done == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
