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
recheck_interval = "1s"
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

    def test_b_a_private_prompt_opens_in_parts(self):
        receipt, opening, some = (world.here / f"private.{end}" for end in ("receipt", "opening", "some"))
        world.infer("The node boots", receipt, "--private", opening)
        self.assertEqual(opening.stat().st_mode & 0o777, 0o600)
        self.assertIn("keeps its prompt private", world.replay(receipt, expect=2).stderr)
        self.assertIn("this answer came from this model", world.replay(receipt, "--opening", opening).stdout)
        world.attestctl("receipt", "disclose", receipt, "--opening", opening, "--tokens", "1-2", "--out", some)
        shown = world.ask("receipt", "show", receipt, "--disclosure", some, "--model", world.model, expect=2)
        prompt = json.loads(opening.read_text())["prompt"]
        self.assertEqual([each["token"] for each in shown["disclosed"]], prompt[1:3])
        other = json.loads(some.read_text())
        other["tokens"][0]["token"] += 1
        some.write_text(json.dumps(other))
        world.attestctl("receipt", "show", receipt, "--disclosure", some, expect=1)
        world.attestctl("receipt", "disclose", receipt, "--opening", opening, "--tokens", "99", "--out", some,
                        expect=1)
        world.attestctl("receipt", "disclose", receipt, "--opening", opening, "--tokens", "2-1", "--out", some,
                        expect=64)

    def test_c_a_conversation_has_a_receipt_for_each_answer(self):
        template, receipts = world.here / "plain.jinja", world.here / "chats"
        template.write_text("{% for m in messages %}{{ m.content }}\n{% endfor %}")
        said = world.run("attestctl", "chat", "--model", world.model, "--trust", world.trust, "--template", template,
                         "--max-tokens", 6, "--agent", world.agent_socket, "--receipts", receipts, "--json",
                         input="The node\nA log\n")
        told = json.loads(said.stdout)
        self.assertEqual(len(told["receipts"]), 2)
        self.assertEqual(len(told["messages"]), 4)
        for name in told["receipts"]:
            self.assertIn("this answer came from this model", world.replay(receipts / f"{name}.receipt").stdout)

    def test_d_an_answer_by_a_schema_replays(self):
        schema, receipt = world.here / "schema.json", world.here / "formed.receipt"
        schema.write_text('{"properties": {"trusted": {"type": "boolean"}}, "required": ["trusted"]}')
        written = json.loads(world.infer("The node", receipt, "--schema", schema, "--json").stdout)
        self.assertIsInstance(json.loads(written["text"])["trusted"], bool)
        self.assertIn("this answer came from this model", world.replay(receipt).stdout)

    def test_e_a_node_that_changed_signs_nothing_more(self):
        world.stop("agentd")
        world.reboot("--boot-loader", "tampered")
        world.start_agent()
        wait_for(lambda: complete()[0] == 503, "the node's verdict")
        self.assertIn(b"node-failed", complete()[1])
        self.assertIn(b"not issued", call("/health")[1])
        self.assertIn(b"inferd_node_pass 0", call("/metrics")[1])
        world.stop("agentd")
        world.reboot()
        world.start_agent()
        wait_for(lambda: complete()[0] == 200, "the node that is itself again", 40)

    def test_f_a_revoked_model_stops_by_itself(self):
        world.attestctl("lineage", "revoke", world.model, "--reason", "poisoned data set",
                        *world.as_issuer("publisher"))

        def refetched():
            world.attestctl("lineage", "bundle", world.model, *world.online())
            return world.gate(world.model, expect=None).returncode == 1

        wait_for(refetched, "the revocation in the bundle")
        wait_for(lambda: complete()[0] == 503, "the next look at the bundle")
        self.assertIn(b"poisoned data set", complete()[1])
        self.assertIn(b"not issued", call("/health")[1])
        world.running["inferd"].send_signal(signal.SIGHUP)
        wait_for(lambda: "not everything could be read anew" in world.log_of("inferd"), "the reload")
        self.assertEqual(complete()[0], 503)

    def test_g_it_ends_in_order(self):
        process = world.running["inferd"]
        world.stop("inferd")
        self.assertEqual(process.returncode, 0)
        self.assertIn("ended in order", world.log_of("inferd"))

    def test_h_it_does_not_start_on_a_revoked_model(self):
        refused = world.run("inferd", "--config", world.here / "inferd.toml", expect=1)
        self.assertIn("poisoned data set", refused.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
