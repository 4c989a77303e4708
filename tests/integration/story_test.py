#!/usr/bin/env python3
"""The whole story with real parts: a software TPM, HTTPS, a ledger, a witness, a language model; and
each attack refused for the right reason.

usage: story_test.py PROGRAMS SOURCES [unittest options]
"""
import json
import pathlib
import signal
import sys
import tempfile
import unittest

PROGRAMS, SOURCES = sys.argv[1], pathlib.Path(sys.argv[2])
sys.path.insert(0, str(SOURCES / "fixtures" / "story"))
import attacks  # noqa: E402
from world import NODE, World, wait_for  # noqa: E402

world = None


def setUpModule():
    global world
    folder = tempfile.TemporaryDirectory(prefix="attest-story-")
    unittest.addModuleCleanup(folder.cleanup)
    world = World(PROGRAMS, pathlib.Path(folder.name) / "world", SOURCES)
    unittest.addModuleCleanup(world.__exit__)
    world.make()
    world.settle()
    world.receipt = world.here / "answer.receipt"
    world.answer = json.loads(world.infer("The node", world.receipt, "--json").stdout)
    wait_for(lambda: world.attestctl("receipt", "prove", world.receipt, *world.online(), expect=None).returncode == 0,
             "the proof of the receipt")


def words(*done):
    """All that was printed, with line breaks and indentation taken out, so that wrapping cannot matter."""
    return " ".join(" ".join(each.stdout.split() + each.stderr.split()) for each in done)


class TheStory(unittest.TestCase):
    """Names begin with a letter because they run in this order: reboots come last."""

    def test_a_the_node_is_trusted(self):
        shown = world.ask("node", "show", NODE, *world.online())
        self.assertEqual(shown["state"], "trusted")
        self.assertTrue(shown["software_tpm"])

    def test_a_the_result_is_signed_by_the_verifier_of_the_trust_root(self):
        ear = world.here / "node.ear"
        ear.write_text(world.ask("node", "show", NODE, *world.online())["ear"])
        result = world.ask("result", "verify", ear, "--trust", world.trust)
        self.assertEqual(result["verdict"], "pass")
        self.assertEqual(result["submods"]["boot"]["trust_level"], "tpm-measured")
        self.assertEqual(result["submods"]["host"]["trust_level"], "host-reported")
        ear.write_text(ear.read_text()[:-4] + "AAAA")
        self.assertEqual(world.attestctl("result", "verify", ear, "--trust", world.trust, expect=1).returncode, 1)

    def test_a_the_quantised_file_is_the_released_one_to_the_byte(self):
        committed = SOURCES / "fixtures" / "tiny-model" / "tiny-story-q8_0.gguf"
        self.assertEqual(world.model.read_bytes(), committed.read_bytes())

    def test_a_the_gate_passes_base_and_model(self):
        judged = json.loads(world.gate(world.model, world.base, "--json").stdout)
        self.assertEqual([model["outcome"] for model in judged["models"]], ["pass", "pass"])

    def test_a_the_answer_is_readable_and_the_same_on_any_number_of_threads(self):
        self.assertRegex(world.answer["text"], r"^[A-Za-z ,.'-]{40,}$")
        for threads in [1, 2]:
            again = json.loads(world.infer("The node", world.here / "again.receipt", "--threads", threads, "--json").stdout)
            self.assertEqual(again["tokens"], world.answer["tokens"])

    def test_a_the_receipt_is_bound_and_replays(self):
        self.assertEqual(world.ask("receipt", "verify", world.receipt, "--trust", world.trust)["binding"], "bound")
        replayed = world.ask("receipt", "replay", world.receipt, "--model", world.model, "--trust", world.trust)
        self.assertTrue(replayed["agrees"])
        self.assertEqual(replayed["equal"], replayed["positions"])

    def test_a_a_receipt_without_agent_says_that_no_tpm_vouches_for_it(self):
        receipt = world.here / "unbound.receipt"
        world.attestctl("infer", "--model", world.model, "--trust", world.trust, "--prompt", "A small model",
                        "--max-tokens", 8, "--receipt", receipt)
        self.assertIn("bound to no TPM", words(world.attestctl("receipt", "verify", receipt, "--trust", world.trust, expect=2)))

    def test_b_a_flipped_byte_is_found_before_a_token_is_computed(self):
        infer, gate = attacks.flip_one_byte(world)
        self.assertRegex(words(infer), r"byte [\d,]+ of [\d,]+ \(block \d+\): tensor blk\.\d\.\S+ is not what was released")
        self.assertFalse((world.here / "none.receipt").exists())
        self.assertIn("is not the file that was released", words(gate))

    def test_b_a_parent_nobody_released_is_named(self):
        self.assertIn("sha256:" + "ab" * 32, words(attacks.unknown_parent(world)))

    def test_b_a_revoked_release_is_refused_and_its_old_bundle_is_too_old(self):
        now_refused, old_bundle = attacks.revoked(world)
        self.assertIn('"poisoned data set"', words(now_refused))
        self.assertIn("strict.toml:6", words(old_bundle))

    def test_b_a_quote_counts_once(self):
        self.assertIn("verifierd.challenge.used", words(attacks.replayed_quote(world)))

    def test_b_an_entry_altered_in_the_database_is_named(self):
        self.assertRegex(words(attacks.altered_entry(world)), r"entry 1 the entry was altered after it entered the log")

    def test_b_an_entry_altered_in_an_export_is_named(self):
        self.assertRegex(words(attacks.altered_export(world)), r"corrupt tile/entries/000\.p/\d+, byte [\d,]+, entry \d+")

    def test_b_a_changed_word_is_found_under_a_genuine_signature(self):
        verified, replayed = attacks.lie(world)
        self.assertIn("a key that a node's TPM vouched for", words(verified))
        self.assertRegex(words(replayed), r'token \d+ of the answer: receipt says ".*" \(\d+\), the model gives ".*" \(\d+\)')

    def test_c_a_killed_verifier_forgets_nothing(self):
        before = world.ask("ledger", "show", world.here / "log")["size"]
        world.stop("verifierd", signal.SIGKILL)
        world.start_verifier()
        self.assertGreaterEqual(world.ask("ledger", "show", world.here / "log")["size"], before)
        self.assertEqual(world.ask("node", "show", NODE, *world.online())["state"], "trusted")

    def test_d_another_boot_loader_is_named(self):
        world.stop("agentd")
        shown = words(attacks.other_boot_loader(world))
        self.assertIn("PCR 4 differs from every reference value", shown)
        self.assertIn("/EFI/debian/grubx64.efi", shown)
        self.assertIn("not a change at run time", shown)

    def test_d_a_pcr_extended_after_the_boot_is_named(self):
        shown = words(attacks.extended_after_boot(world))
        self.assertIn("PCR 4 differs from every reference value", shown)
        self.assertIn("not another boot", shown)

    def test_d_evidence_for_another_verifier_is_worth_nothing(self):
        shown, asked = attacks.other_verifier(world)
        self.assertIn("verifierd.challenge.unknown", words(shown))
        self.assertIn("no key known for verifier", words(asked))

    def test_e_an_auditor_needs_no_server(self):
        for name in list(world.running)[::-1]:
            world.stop(name)
        export = world.here / "export"
        world.attestctl("ledger", "export", world.here / "log", "--output", export)
        audit = world.ask("ledger", "audit", export, "--trust", world.trust)
        self.assertEqual(audit["verdict"], "ok")
        self.assertEqual(audit["cosignatures"], 1)
        self.assertEqual(audit["may_not_speak"], 0)
        self.assertTrue(world.ask("receipt", "replay", world.receipt, "--model", world.model, "--trust", world.trust)["agrees"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
