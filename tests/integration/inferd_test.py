#!/usr/bin/env python3
"""inferd with real parts: a node attested by a software TPM, a ledger, a released model, HTTP, signals.

usage: inferd_test.py PROGRAMS SOURCES [unittest options]
"""
import json
import pathlib
import signal
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

PROGRAMS, SOURCES = sys.argv[1], pathlib.Path(sys.argv[2])
sys.path.insert(0, str(SOURCES / "fixtures" / "story"))
from world import NODE, World, free_port, wait_for  # noqa: E402

world = None
port = free_port()


def setUpModule():
    global world
    folder = tempfile.TemporaryDirectory(prefix="attest-inferd-")
    unittest.addModuleCleanup(folder.cleanup)
    world = World(PROGRAMS, pathlib.Path(folder.name) / "world", SOURCES)
    unittest.addModuleCleanup(world.__exit__)
    world.make()
    world.settle()
    (world.here / "inferd.toml").write_text(f"""version = 1
directory = "inferd"
trust = "trust.toml"
[model]
file = "{world.model}"
policy = "release.toml"
name = "tiny"
[server]
listen = "127.0.0.1:{port}"
[receipts]
agent = "{world.agent_socket}"
""")
    world.start("inferd", "inferd", "--config", world.here / "inferd.toml")
    wait_for(lambda: world.alive("inferd") and call("/health")[0] == 200, "inferd", 60)


def call(path, body=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Content-Type": "application/json"},
                                     data=None if body is None else json.dumps(body).encode())
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def complete():
    return call("/v1/completions", {"model": "tiny", "prompt": "The node", "max_tokens": 16, "temperature": 0})


class Inferd(unittest.TestCase):
    """Names begin with a letter because they run in this order: what ends the daemon comes last."""

    def test_a_an_answer_is_proven_to_come_from_the_model_on_the_node(self):
        status, body = complete()
        self.assertEqual(status, 200, body)
        answer = json.loads(body)
        receipt = world.here / "served.receipt"
        receipt.write_bytes(call("/v1/receipts/" + answer["receipt"])[1])
        wait_for(lambda: world.attestctl("receipt", "prove", receipt, *world.online(), expect=None).returncode == 0,
                 "the proof that inferd submitted the receipt")
        shown = " ".join(world.attestctl("receipt", "verify", receipt, "--trust", world.trust).stdout.split())
        self.assertIn(f"by the key that {NODE} quoted; the node was trusted then, and the receipt was in the ledger",
                      shown)
        self.assertIn("this answer came from this model", world.replay(receipt).stdout)

    def test_b_a_revoked_model_stops_on_reload(self):
        world.attestctl("lineage", "revoke", world.model, "--reason", "poisoned data set",
                        *world.as_issuer("publisher"))

        def refetched():
            world.attestctl("lineage", "bundle", world.model, *world.online())
            return world.gate(world.model, expect=None).returncode == 1

        wait_for(refetched, "the revocation in the bundle")
        self.assertEqual(complete()[0], 200)
        world.running["inferd"].send_signal(signal.SIGHUP)
        wait_for(lambda: complete()[0] == 503, "the reload")
        self.assertIn(b"poisoned data set", complete()[1])
        self.assertIn(b"not issued", call("/health")[1])

    def test_c_it_ends_in_order(self):
        process = world.running["inferd"]
        world.stop("inferd")
        self.assertEqual(process.returncode, 0)
        self.assertIn("ended in order", world.log_of("inferd"))

    def test_d_it_does_not_start_on_a_revoked_model(self):
        refused = world.run("inferd", "--config", world.here / "inferd.toml", expect=1)
        self.assertIn("poisoned data set", refused.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
