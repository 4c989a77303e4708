#!/usr/bin/env python3
"""Every command that a text shows exists: its group, its verb and its options, as --help has them.

usage: documented_commands_test.py SOURCE_DIRECTORY PROGRAM_DIRECTORY
"""
import functools
import pathlib
import re
import subprocess
import sys

PROGRAMS = ["attestctl", "agentd", "verifierd", "inferd"]
COMMAND = re.compile(rf"^(?:\$ |sudo )?((?:{'|'.join(PROGRAMS)}) [^#|>&;]+)")


def shown_code(path: pathlib.Path, text: str):
    """Code of a Markdown or mdoc text, a line at a time: blocks, and what stands in backticks."""
    if path.suffix == ".md":
        fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        yield from (line for block in fenced for line in block.splitlines())
        yield from re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
    elif path.suffix in {".1", ".8"}:
        yield from re.findall(r"^\.D[l1] (.*)$", text, re.MULTILINE)
    else:
        yield from (line.lstrip("# ") for line in text.splitlines())


class Help:
    def __init__(self, programs: pathlib.Path):
        self.programs = programs

    @functools.cache
    def of(self, *words: str) -> tuple[set[str], set[str]]:
        """The subcommands and the options that a command's --help lists."""
        text = subprocess.run([self.programs / words[0], *words[1:], "--help"], capture_output=True, text=True,
                              check=True).stdout
        listed = text.partition("ubcommands:\n")[2].partition("\n\n")[0]
        return set(re.findall(r"^  ([a-z][a-z-]*)", listed, re.MULTILINE)), set(re.findall(r"--[a-z][a-z-]*", text))

    def complaint(self, command: str) -> str | None:
        words = command.split()
        known, rest = words[:1], words[1:]
        while (verbs := self.of(*known)[0]) and rest and not rest[0].startswith("-"):
            if rest[0].isupper() or rest[0] == "…":  # stands for any group or verb
                return None
            if rest[0] not in verbs:
                return f'{" ".join(known)} has no "{rest[0]}"'
            known.append(rest.pop(0))
        options = self.of(*known)[1] | {"--help"}
        unknown = [word for word in rest if re.match(r"--[a-z]", word) and word.split("=")[0] not in options]
        return f'{" ".join(known)} has no {unknown[0]}' if unknown else None


def main() -> int:
    root, asked = pathlib.Path(sys.argv[1]), Help(pathlib.Path(sys.argv[2]))
    texts = [path for pattern in ["*.md", "docs/*.md", "packaging/**/*", "*/README.md", "*/*/README.md"]
             for path in sorted(root.glob(pattern)) if path.is_file() and "build" not in path.relative_to(root).parts]
    found, commands = 0, 0
    for path in dict.fromkeys(texts):
        for line in shown_code(path, path.read_text()):
            match = COMMAND.match(line.strip())
            if not match:
                continue
            commands += 1
            if why := asked.complaint(match[1]):
                print(f"{path.relative_to(root)}: {line.strip()}: {why}")
                found += 1
    print(f"{commands} commands shown: {'all exist' if not found else f'{found} do not exist'}")
    return 1 if found or commands < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
