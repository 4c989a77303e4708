#!/usr/bin/env python3
"""Fails when two headers declare one Rule, or two Rules share a text.

Rules are inline constants of one namespace: a program that links two of one name has one of them for
both, and says so of the wrong check.

usage: rules.py ROOT
"""
import collections
import pathlib
import re
import sys

RULE = re.compile(r'inline constexpr Rule\s+(\w+)\s*\{\s*"([^"]+)"')


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    places = collections.defaultdict(list)
    for top in ["libattest", "ledger", "agentd", "verifierd", "inference", "cli"]:
        for path in sorted((root / top).rglob("*.h")):
            for name, text in RULE.findall(path.read_text()):
                places[f"rules::{name}"].append(path.relative_to(root).as_posix())
                places[f'"{text}"'].append(path.relative_to(root).as_posix())
    shared = {what: where for what, where in places.items() if len(where) > 1}
    for what, where in shared.items():
        print(f"{what} is declared in {' and in '.join(where)}")
    print(f"{len(places) // 2} rules: {'ok' if not shared else f'{len(shared)} are not alone'}")
    return 1 if shared or not places else 0


if __name__ == "__main__":
    sys.exit(main())
