#!/usr/bin/env python3
"""The life of a node with real parts: agentd, verifierd and software TPMs over HTTPS. It enrols, attests
through reboots and an update that was predicted; then its boot is changed, its evidence sent twice,
its name, its disk and its TPM copied, and its TPM replaced.

usage: node_test.py PROGRAMS SOURCES [unittest options]
"""
import hashlib
import pathlib
import shutil
import struct
import sys
import tempfile
import time
import unittest

PROGRAMS, SOURCES = sys.argv[1], pathlib.Path(sys.argv[2])
sys.path.insert(0, str(SOURCES / "fixtures" / "story"))
import attacks  # noqa: E402
import unified_image  # noqa: E402
from world import NODE, PLATFORM, World, wait_for  # noqa: E402

PCRS = [0, 1, 2, 3, 4, 5, 7, 11]
world = None


class NodeWorld(World):
    """One node that boots a unified kernel image, and its verifier. No models."""

    referenced_pcrs = PCRS
    node_policy = f"""version = 1
name = "nodes"
platform = "{PLATFORM}"

[pcrs]
bank = "sha256"
required = {PCRS}

[boot]
secure_boot = "required"
event_log = "required"

[ima]
list = "required"

[software_tpm]
allow = true
"""

    def boot(self, *how):
        image = self.here / "linux.efi"
        if not image.exists():
            image.write_bytes(unified_image.debian("6.1.0-28"))
        super().boot("--unified-image", image, *how)
        (self.here / "ima.log").write_text("")
        self.run_file("/usr/lib/systemd/systemd")

    def run_file(self, path):
        """Plays the kernel: a file is run, and measured by the template ima-ng."""
        content = hashlib.sha256(path.encode()).digest()
        fields = [b"sha256:\0" + content, path.encode() + b"\0"]
        data = self.here / "measured"
        data.write_bytes(b"".join(struct.pack("<I", len(field)) + field for field in fields))
        self.run("attest-fixture-boot", "--tcti", self.tcti, "--extend", 10, "--file", data)
        line = f"10 {hashlib.sha1(data.read_bytes()).hexdigest()} ima-ng sha256:{content.hex()} {path}\n"
        with open(self.here / "ima.log", "a", encoding="utf-8") as log:
            log.write(line)

    def agent_configuration(self, server=None, state="agent"):
        text = super().agent_configuration(server, state)
        return text.replace(f'directory = "{state}"', f'directory = "{state}"\ninterval = "1h"\nchange_interval = "1s"') \
                   .replace("[evidence]", f'pcrs = "sha256:{",".join(map(str, range(15)))}"\n\n[evidence]\nima = "ima.log"')

    def settle(self):
        self.publish_hardware()
        self.agent("--enrol")

    def shown(self, node=NODE):
        return self.ask("node", "show", node, *self.online(), expect=None)

    def result(self):
        """What the verifier said last of the node."""
        ear = self.here / "node.ear"
        ear.write_text(self.shown()["ear"])
        return self.ask("result", "verify", ear, "--trust", self.trust, expect=None)

    def check(self, name):
        (check,) = [check for check in self.result()["checks"] if check["name"] == name]
        return check

    def other_tpm(self, name, state=None):
        """Another TPM of the same maker, or one with a copy of a TPM's state; gives its TCTI."""
        folder = self.here / name
        shutil.copytree(self.tpm_dir / "ca", folder / "ca")
        if state:
            shutil.copytree(state, folder / "state")
            shutil.copy(self.tpm_dir / "ek-roots.pem", folder)
        else:
            self.run("attest-fixture-tpm", "--dir", folder, "--manufacture")
        self.start(name, "attest-fixture-tpm", "--dir", folder)
        wait_for(lambda: self.alive(name) and "swtpm" in self.log_of(name), name)
        return self.log_of(name).strip().splitlines()[-1]

    def machine(self, name, tcti, state, node=NODE):
        """The configuration of a machine with this TPM, and this folder of its agent's."""
        text = self.agent_configuration(state=state).replace(self.tcti, tcti)
        text = text.replace("eventlog.bin", f"{name}.log").replace(f'node = "{NODE}"', f'node = "{node}"')
        (self.here / state).mkdir(mode=0o700, exist_ok=True)
        (self.here / f"{name}.toml").write_text(text)
        self.run("attest-fixture-boot", "--tcti", tcti, "--log", self.here / f"{name}.log", "--unified-image",
                 self.here / "linux.efi")
        return f"{name}.toml"

    def manifest(self, ek, *how):
        self.attestctl("hardware", "add", "--ek", ek, "--manufacturer", "Example", "--model", "Board 7", "--serial",
                       "0816", *how, *self.as_issuer("integrator"))


def setUpModule():
    global world
    folder = tempfile.TemporaryDirectory(prefix="attest-node-")
    unittest.addModuleCleanup(folder.cleanup)
    world = NodeWorld(PROGRAMS, pathlib.Path(folder.name) / "world", SOURCES)
    unittest.addModuleCleanup(world.__exit__)
    world.make()
    world.settle()


def words(*done):
    """All that was printed, with line breaks and indentation taken out, so that wrapping cannot matter."""
    return " ".join(" ".join(each.stdout.split() + each.stderr.split()) for each in done)


def events():
    return [event["what"] for event in world.shown()["events"]]


class ANode(unittest.TestCase):
    """Names begin with a letter because they run in this order: each step follows on the last."""

    def attest(self, expected, config="agentd.toml"):
        return words(world.agent("--once", expect=expected, config=config))

    def test_a_an_enrolled_node_is_known_and_not_yet_trusted(self):
        self.assertEqual(world.shown()["state"], "enrolled")
        self.assertEqual(events(), ["enrolled"])

    def test_b_it_is_trusted_once_it_attests(self):
        self.assertIn("verdict pass", self.attest(0))
        self.assertEqual(world.shown()["state"], "trusted")
        self.assertEqual(world.result()["verdict"], "pass")

    def test_c_it_attests_on_through_a_reboot_which_is_told_and_alarms_nobody(self):
        before = world.shown()["result"]
        world.start_agent()
        wait_for(lambda: world.shown()["result"] != before, "the attestation of a starting agent")
        self.assertIn("same boot", world.check("node.clock")["why"])
        world.stop("agentd")
        world.reboot()
        world.start_agent()
        wait_for(lambda: "rebooted" in events()[0], "the attestation after the reboot")
        world.stop("agentd")
        self.assertRegex(events()[0], r"^rebooted \(resetCount (\d+) → (\d+)\)$")
        self.assertEqual(world.shown()["state"], "trusted")

    def test_d_an_update_that_was_predicted_raises_no_alarm(self):
        booted, following = world.here / "linux.efi", world.here / "next.efi"
        following.write_bytes(unified_image.debian("6.1.0-29"))
        world.make_reference("debian 12 with the next kernel", "--booted-image", booted, "--next-image", following)
        following.replace(booted)
        world.reboot()
        self.assertIn("verdict pass", self.attest(0))
        self.assertRegex(events()[0], r"^rebooted \(.*; PCR 4,11 changed: it booted from other files or settings$")
        self.assertEqual(world.shown()["state"], "trusted")

    def test_e_an_update_that_nobody_predicted_is_named(self):
        image = world.here / "linux.efi"
        kept = image.read_bytes()
        image.write_bytes(unified_image.debian("6.1.0-666"))
        world.reboot()
        said = self.attest(1)
        image.write_bytes(kept)
        self.assertIn("PCR 4 differs from every reference value", said)
        self.assertIn("PCR 11 differs from every reference value", said)
        self.assertIn("debian.efi", said)
        self.assertIn("a boot from other files, not a change at run time", said)
        self.assertEqual(world.shown()["state"], "failed")

    def test_f_the_boot_as_it_was_is_trusted_again(self):
        world.reboot()
        self.attest(0)
        self.assertRegex(events()[0], "^failed → trusted")

    def test_g_what_is_extended_at_run_time_is_a_compromise_and_no_boot(self):
        world.run("attest-fixture-boot", "--tcti", world.tcti, "--extend", 4, "--text", "an unknown program")
        for _ in range(2):
            self.attest(1)
            check = world.check("boot.runtime")
            self.assertEqual(check["outcome"], "refused")
            self.assertIn("PCR 4 changed without a reboot", check["why"])
        world.reboot()
        self.attest(0)

    def test_h_of_the_ima_list_only_what_is_new_is_sent_and_none_of_it_can_be_taken_back(self):
        whole = (world.here / "ima.log").read_text()
        for path in ["/usr/bin/one", "/usr/bin/two"]:
            world.run_file(path)
        self.attest(0)
        self.assertRegex(world.check("ima.list")["why"], "for 2 entries of the IMA list, after 1 that were judged before$")
        self.assertNotIn(b"/usr/lib/systemd/systemd", world.evidence().read_bytes())
        kept = (world.here / "ima.log").read_text()
        (world.here / "ima.log").write_text(whole)
        self.assertIn("entries were taken out of the IMA list", self.attest(1))
        (world.here / "ima.log").write_text(kept)
        self.attest(0)

    def test_i_a_change_makes_the_agent_attest_long_before_its_time(self):
        world.start_agent()
        for change in [lambda: world.run_file("/usr/bin/three"),
                       lambda: (world.models / "a.gguf").write_bytes(b"GGUF")]:
            time.sleep(1.1)
            before = world.shown()["result"]
            change()
            wait_for(lambda: world.shown()["result"] != before, "an attestation on change")
        world.stop("agentd")
        self.assertRegex(world.log_of("agentd"), "IMA list grew[^$]*models changed: .*a.gguf")

    def test_j_evidence_counts_once(self):
        self.assertIn("verifierd.challenge.used", words(attacks.replayed_quote(world)))
        self.assertEqual(world.shown()["state"], "trusted")

    def test_k_a_name_cannot_be_claimed_by_another_tpm(self):
        tcti = world.other_tpm("impostor")
        config = world.machine("impostor", tcti, "impostor-agent")
        said = words(world.agent("--enrol", expect=1, config=config))
        self.assertIn("nobody has said whose this TPM is", said)
        world.agent("--write-ek", world.here / "impostor.pem", config=config)
        world.manifest(world.here / "impostor.pem")
        said = words(world.agent("--enrol", expect=1, config=config))
        self.assertIn("this node is registered with another TPM", said)
        self.assertEqual(world.shown()["state"], "trusted")
        self.attest(0)

    def test_l_a_copied_disk_is_worth_nothing_with_another_tpm(self):
        shutil.copytree(world.here / "agent", world.here / "impostor-agent", dirs_exist_ok=True)
        said = self.attest(1, "impostor.toml")
        self.assertIn("this TPM does not know the attestation key", said)
        world.stop("impostor")

    def test_m_a_copied_tpm_shows_by_its_clock(self):
        world.stop("tpm")
        shutil.copytree(world.tpm_dir / "state", world.here / "copied-state")
        starts = world.log_of("tpm").count("\n")
        world.start("tpm", "attest-fixture-tpm", "--dir", world.tpm_dir)
        wait_for(lambda: world.alive("tpm") and world.log_of("tpm").count("\n") > starts, "the TPM")
        world.reboot()
        self.attest(0)
        tcti = world.other_tpm("copy", world.here / "copied-state")
        shutil.copytree(world.here / "agent", world.here / "copy-agent")
        said = self.attest(1, world.machine("copy", tcti, "copy-agent"))
        self.assertIn("older than the last accepted quote", said)
        world.stop("copy")
        self.attest(0)

    def test_n_a_policy_does_not_go_back(self):
        policy = world.here / "node-policy.toml"
        text = policy.read_text()
        for revision in [2, 1]:
            policy.write_text(text.replace('name = "nodes"', f'name = "nodes"\nrevision = {revision}'))
            world.attestctl("policy", "sign", policy, "--name", "nodes", *world.as_issuer("admin"))
            world.stop("verifierd")
            if revision == 2:
                world.start_verifier()
                self.attest(0)
        self.assertEqual(world.run("verifierd", "--config", world.here / "verifierd.toml", expect=1).returncode, 1)
        policy.write_text(text.replace('name = "nodes"', 'name = "nodes"\nrevision = 2'))
        world.start_verifier()

    def test_o_the_files_that_a_good_node_ran_become_those_that_may_run(self):
        world.reboot()
        self.attest(0)
        files = world.here / "files.json"
        made = world.ask("reference", "make", "--evidence", world.evidence(), "--trust", world.trust, "--ima-list", files,
                         "--platform", PLATFORM, "--description", "files of debian 12", "--pcrs",
                         ",".join(map(str, PCRS)), *world.as_issuer("owner"))
        self.assertEqual(made["ima_list"], "sha256:" + hashlib.sha256(files.read_bytes()).hexdigest())
        policy, config = world.here / "node-policy.toml", world.here / "verifierd.toml"
        policy.write_text(policy.read_text().replace("revision = 2", "revision = 3")
                          .replace('list = "required"', 'list = "required"\nallow_list = "reference"'))
        world.attestctl("policy", "sign", policy, "--name", "nodes", *world.as_issuer("admin"))
        world.stop("verifierd")
        world.start_verifier({"ima_list": "files.json"})
        self.attest(0)
        self.assertIn("1 measured files are allowed", world.check("ima.files")["why"])
        world.run_file("/usr/bin/unknown")
        self.assertIn("/usr/bin/unknown: nothing allows a file at this path", self.attest(1))

    def test_p_the_files_of_a_package_are_known_before_it_is_installed(self):
        tree = world.here / "package"
        for path, content in {"DEBIAN/control": "Package: unknown\nVersion: 1\nArchitecture: all\n"
                                                "Maintainer: nobody <nobody@example>\nDescription: none\n",
                              "usr/bin/unknown": "/usr/bin/unknown", "lib/udev/known": "/usr/lib/udev/known"}.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(content)
        package, files = world.here / "unknown.deb", world.here / "files.json"
        world.run("dpkg-deb", "--root-owner-group", "--build", tree, package)
        made = world.ask("reference", "predict", "--package", package, "--ima-list", files, "--output", files)
        self.assertEqual((made["files"], made["added"]), (2, 3))
        world.make_reference("files with the package", "--ima-list", files)
        world.stop("verifierd")
        world.start_verifier({"ima_list": "files.json"})
        world.run_file("/usr/lib/udev/known")
        self.attest(0)

    def test_q_a_replaced_tpm_is_another_node(self):
        world.stop("tpm")
        tcti = world.other_tpm("replacement")
        config = world.machine("replacement", tcti, "agent")
        self.assertIn("this TPM does not know the attestation key", self.attest(1, config))
        world.agent("--write-ek", world.here / "replacement.pem", config=config)
        world.manifest(world.here / "replacement.pem")
        said = words(world.agent("--enrol", expect=1, config=config))
        self.assertIn("this node is registered with another TPM", said)
        self.assertIn("another node id", said)
        config = world.machine("replacement", tcti, "replacement-agent", "rack7-n03-b")
        world.agent("--enrol", config=config)
        self.assertEqual(world.shown("rack7-n03-b")["state"], "enrolled")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
