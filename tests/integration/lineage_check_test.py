#!/usr/bin/env python3
"""attestctl lineage check ends as the corpus's list says, and tells line, field and rule.

usage: lineage_check_test.py ATTESTCTL
"""
import json
import os
import pathlib
import subprocess
import sys

STATUS = {"pass": 0, "fail": 1}


def main() -> int:
    attestctl, folder = sys.argv[1], pathlib.Path(os.environ.get("ATTEST_CORPUS", "/nonexistent")) / "model/lineage"
    if not folder.exists():
        print("skipped: ATTEST_CORPUS has no model/lineage")
        return 0
    failed = 0
    for case in json.loads((folder / "cases.json").read_text()):
        ran = subprocess.run([attestctl, "lineage", "check", folder / case["file"], "--json"], capture_output=True,
                             text=True, timeout=10)
        said = json.loads(ran.stdout)
        told = all(problem["line"] > 0 and problem["rule"] and problem["what"] for problem in said["problems"])
        good = ran.returncode == STATUS[case["expect"]] and told and bool(said["problems"]) == bool(ran.returncode)
        print(f'{"ok  " if good else "FAIL"} {case["file"]}: exit status {ran.returncode}, {case["why"]}')
        failed += not good
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
