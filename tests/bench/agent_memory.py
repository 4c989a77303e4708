#!/usr/bin/env python3
"""How much memory a running agentd holds, with a software TPM, a verifier and an IMA list of 100,000
entries: after its first attestation, which sends the whole list, and after the next, which sends what
is new.

usage: agent_memory.py PROGRAMS SOURCES
"""
import hashlib
import pathlib
import signal
import struct
import sys
import tempfile

PROGRAMS, SOURCES = sys.argv[1], pathlib.Path(sys.argv[2])
sys.path.insert(0, str(SOURCES / "fixtures" / "story"))
from world import NODE, World, wait_for  # noqa: E402

ENTRIES = 100_000


def ima_list():
    entries = []
    for number in range(ENTRIES):
        path = f"/usr/lib/x86_64-linux-gnu/module-{number}.so".encode()
        fields = [b"sha256:\0" + hashlib.sha256(path).digest(), path + b"\0"]
        data = b"".join(struct.pack("<I", len(field)) + field for field in fields)
        entries.append(struct.pack("<I", 10) + hashlib.sha1(data).digest() + struct.pack("<I", 6) + b"ima-ng" +
                       struct.pack("<I", len(data)) + data)
    return b"".join(entries)


def memory(process):
    """Megabytes: what is the agent's own now, and the most that was resident."""
    found = {}
    for file in ["smaps_rollup", "status"]:
        for line in pathlib.Path(f"/proc/{process}/{file}").read_text().splitlines():
            if line.endswith("kB"):
                name, size, _ = line.split()
                found[name] = int(size) / 1024
    return found["Private_Clean:"] + found["Private_Dirty:"], found["VmHWM:"]


with tempfile.TemporaryDirectory(prefix="attest-memory-") as folder, \
        World(PROGRAMS, pathlib.Path(folder) / "world", SOURCES) as world:
    world.make()
    world.publish_hardware()
    (world.here / "ima.bin").write_bytes(ima_list())
    config = world.here / "agentd.toml"
    config.write_text(config.read_text().replace("[evidence]", '[evidence]\nima = "ima.bin"'))
    world.agent("--enrol")
    world.start_agent()

    def result():
        return world.ask("node", "show", NODE, *world.online(), expect=None)["result"]

    for when in ["after its first attestation", "after the next"]:
        before = result() if when != "after its first attestation" else None
        if before:
            world.running["agentd"].send_signal(signal.SIGHUP)
        wait_for(lambda: result() not in [None, before], "an attestation", 60)
        own, most = memory(world.running["agentd"].pid)
        print(f"agentd {when}: {own:.1f} MB of its own, {most:.1f} MB resident at most", flush=True)
