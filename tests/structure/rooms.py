#!/usr/bin/env python3
"""Fails when a room has no README.md of a screenful, or docs/house.md does not show it on its floor.

usage: rooms.py ROOT
"""
import pathlib
import re
import sys

sys.dont_write_bytecode = True
from includes import FLOORS, SIDE

LONGEST_README = 60  # lines
BESIDE = ["fixtures", "packaging", "tests"]
# The three rooms of the ground floor stand on one another, in that order.
FLOOR_OF = {room: max(0, number - 2) for number, rooms in enumerate(FLOORS) for room in rooms} | {SIDE: "side"}


def complaints(root: pathlib.Path):
    house = (root / "docs/house.md").read_text()
    shown = {room.rstrip("/"): floor for floor, room in re.findall(r"^\| (\w+) \| \[`([^`]+)`\]", house, re.MULTILINE)}
    for room in [*FLOOR_OF, *BESIDE]:
        if not (root / room).is_dir():
            if room in shown:
                yield f"docs/house.md shows {room}, which is not there"
            continue
        readme = root / room / "README.md"
        if not readme.is_file():
            yield f"{room} has no README.md"
        elif len(readme.read_text().splitlines()) > LONGEST_README:
            yield f"{room}/README.md is longer than a screenful"
        if room in FLOOR_OF and shown.get(room) != str(FLOOR_OF[room]):
            yield f"docs/house.md shows {room} on floor {shown.get(room)}; it stands on {FLOOR_OF[room]}"
        if room in BESIDE and f"{room}/README.md" not in house:
            yield f"docs/house.md does not show {room}"


def main() -> int:
    found = list(complaints(pathlib.Path(sys.argv[1])))
    print("\n".join(found) or "rooms: ok")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
