#!/usr/bin/env python3
"""Fails when an include climbs a floor of the house.

A file includes from its own room and from the floors below, never upward, and never from another
room of its own floor (crypto may use base, and cose crypto: they stand on one floor in that order).
libattest/http is a side room: only the programs, the command line and the ledger may enter it.

usage: includes.py ROOT
"""
import pathlib
import re
import sys

FLOORS = [
    ["libattest/base"],
    ["libattest/crypto"],
    ["libattest/cose"],
    ["libattest/statement", "libattest/result", "libattest/reference", "libattest/evidence",
     "libattest/dice", "libattest/transparency"],
    ["libattest/tpm", "libattest/gpu", "libattest/tee", "libattest/model", "libattest/trust"],
    ["libattest/lineage", "libattest/hardware", "ledger"],
    ["libattest/appraisal"],
    ["agentd", "verifierd", "inference"],
    ["cli"],
]
SIDE = "libattest/http"
MAY_ENTER_SIDE = {"ledger", "agentd", "verifierd", "inference", "cli", SIDE}
# The command line drives the runtime and the ledger; the daemons it reaches over the network only.
CLOSED_TO = {"cli": {"agentd", "verifierd"}}

FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def room_of(path: str) -> str | None:
    parts = path.split("/")
    if parts[0] == "libattest" and len(parts) > 2:
        return "/".join(parts[:2])
    return parts[0] if parts[0] in FLOOR_OF else None


def complaint(source: str, included: str) -> str | None:
    here, there = room_of(source), room_of(included)
    if there is None:
        return "includes are written from the repository root, from a room of the house"
    if here == there:
        return None
    if there == SIDE:
        return None if here in MAY_ENTER_SIDE else f"{here} may not enter the side room {SIDE}"
    if here == SIDE:
        return None if FLOOR_OF[there] < FLOOR_OF["ledger"] else f"{SIDE} stands below {there}"
    if there in CLOSED_TO.get(here, set()):
        return f"{here} does not include {there}"
    if FLOOR_OF[there] < FLOOR_OF[here]:
        return None
    return f"{here} (floor {FLOOR_OF[here]}) climbs to {there} (floor {FLOOR_OF[there]})"


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    found = 0
    for top in ["libattest", "ledger", "agentd", "verifierd", "inference", "cli"]:
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in {".h", ".cpp"}:
                continue
            source = path.relative_to(root).as_posix()
            if room_of(source) not in FLOOR_OF and room_of(source) != SIDE:
                print(f"{source}: stands in no room of the house")
                found += 1
                continue
            for included in INCLUDE.findall(path.read_text()):
                if why := complaint(source, included):
                    print(f'{source}: #include "{included}": {why}')
                    found += 1
    print(f"includes: {'ok' if found == 0 else f'{found} climb a floor'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
