#!/usr/bin/env python3
"""A node with GPUs, with every program running: from its manifest, its devices' lives and their RIM
files in the ledger to a passing result; and each attack on its hardware, refused for its reason.

The TPM is swtpm; the GPUs are shown by a library that speaks NVML's interface, and sign with keys
made here.

usage: hardware_node_test.py PROGRAMS SOURCES MADE_GPU_NODE STUB_NVML [unittest options]
"""
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import unittest

PROGRAMS, SOURCES, MADE, STUB = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4]
sys.path.insert(0, str(SOURCES / "fixtures" / "story"))
import world as story  # noqa: E402
from world import NODE, World, wait_for  # noqa: E402

for name in ["maker", "operator", "thief", "inspector"]:
    story.PEOPLE[name] = (f"{name}.example", ["custody", "inspection"], ["device:*"])

POLICY = story.NODE_POLICY + """
[gpu]
reports = "required"
minimum_vbios = "96.00.9F.00.01"

[machine]
certificate = "required"
components = "required"

[custody]
required = ["ek", "gpu", "platform"]
holder = "operator.example"
makers = ["maker.example"]
forbidden_parties = ["thief.example"]
forbidden_jurisdictions = ["XX"]

[place]
regions = ["eu-north"]
"""

world = None


class HardwareWorld(World):
    node_policy = POLICY

    def make(self):
        self.gpus = self.here / "gpus"
        self.make_keys()
        self.run(MADE, "gpus", self.gpus)
        os.environ["STUB_NVML"] = str(self.gpus / "shown")
        self.show("first", "second")
        self.make_tls()
        self.start_tpm()
        self.boot()
        self.make_log()
        self.start_witness()
        (self.gpus / "platform.cer").write_text("")
        self.configure_agent()
        self.read_ek()
        self.run(MADE, "platform", self.ek, self.gpus)
        self.found("components.json")
        self.write_trust()
        self.write_policies()
        self.start_verifier()

    def more_roots(self):
        return {kind: [(self.gpus / f"{file}.pem").read_text()]
                for kind, file in [("gpu", "device-roots"), ("rim", "rim-roots"), ("platform", "platform-ca")]}

    def agent_configuration(self, server=None, state="agent"):
        return super().agent_configuration(server, state) + f"""
[gpu]
nvml = "{STUB}"

[platform]
certificates = ["gpus/platform.cer"]
inventory = "gpus/found.json"
"""

    def show(self, *made):
        """Which GPUs the driver shows, in their order."""
        shown = self.gpus / "shown"
        shutil.rmtree(shown, ignore_errors=True)
        for number, name in enumerate(made):
            shutil.copytree(self.gpus / "made" / name, shown / str(number))

    def found(self, inventory):
        shutil.copy(self.gpus / inventory, self.gpus / "found.json")

    def device(self, name):
        """How the command line names a device."""
        if name == "ek":
            return ["--ek", self.ek]
        if name == "platform":
            return ["--platform-certificate", self.gpus / "platform.cer", "--platform-ca", self.gpus / "platform-ca.pem"]
        return ["--gpu-chain", self.gpus / "made" / name / "chain"]

    def says(self, person, device, verb, *how, after=None, expect=0):
        """A party's statement about a device; gives its digest."""
        previous = [] if after is None else ["--previous", after]
        done = self.attestctl("hardware", verb, *self.device(device), *how, *previous, *self.as_issuer(person), "--json",
                              expect=expect)
        return json.loads(done.stdout)["digest"]

    def life(self, device, region="eu-north", jurisdiction="TW"):
        """Made, sold to the operator, received and installed; gives the last statement's digest."""
        head = self.says("maker", device, "made", "--jurisdiction", jurisdiction)
        head = self.says("maker", device, "transfer", "--event", "sold", "--to", "operator.example", after=head)
        head = self.says("operator", device, "accept", after=head)
        return self.says("operator", device, "place", "--event", "installed", "--region", region, "--site", "hall 3",
                         after=head)

    def serial_of(self, name):
        chain = (self.gpus / "made" / name / "chain").read_text()
        second = chain.split("-----END CERTIFICATE-----\n")[1] + "-----END CERTIFICATE-----\n"
        (self.here / "second.pem").write_text(second)
        shown = self.run("openssl", "x509", "-in", self.here / "second.pem", "-noout", "-serial").stdout
        return shown.strip().split("=")[1].lower()

    def publish_hardware(self):
        components = [f"gpu:Example:GH100:{self.serial_of(name)}" for name in ["first", "second"]]
        self.attestctl("hardware", "add", "--ek", self.ek, "--node", NODE, "--manufacturer", "Example", "--model",
                       "Board 7", "--serial", "0815", *[word for each in components for word in ("--component", each)],
                       *self.as_issuer("integrator"))
        self.make_reference("debian 12 as installed")
        self.attestctl("policy", "sign", self.here / "node-policy.toml", "--name", "demo-hosts", *self.as_issuer("admin"))
        for rim in sorted(self.gpus.glob("NV_GPU_*.xml")):
            self.attestctl("rim", "add", rim, "--rim-roots", self.gpus / "rim-roots.pem", *self.as_issuer("owner"))

    def settle_ledger(self):
        """Waits until the published checkpoint covers all that was entered."""
        def covered():
            return self.ask("ledger", "show", self.here / "log")["size"] == \
                int((self.here / "log" / "public" / "checkpoint").read_text().split("\n")[1])
        wait_for(covered, "a checkpoint over everything")

    def attest(self):
        """Has the node attest; gives the result as attestctl verifies it, and its exit status."""
        self.settle_ledger()
        agent = self.agent("--once", expect=None)
        ear = self.here / "node.ear"
        shown = self.attestctl("node", "show", NODE, *self.online(), "--json", expect=None)
        ear.write_text(json.loads(shown.stdout)["ear"])
        done = self.attestctl("result", "verify", ear, "--trust", self.trust, "--json", expect=None)
        result = json.loads(done.stdout)
        result["status"] = done.returncode
        result["agent"] = agent
        return result


def setUpModule():
    global world
    folder = tempfile.TemporaryDirectory(prefix="attest-hardware-")
    unittest.addModuleCleanup(folder.cleanup)
    world = HardwareWorld(PROGRAMS, pathlib.Path(folder.name) / "world", SOURCES)
    unittest.addModuleCleanup(world.__exit__)
    world.make()
    world.publish_hardware()
    world.settle_ledger()
    world.agent("--enrol")


class TheNode(unittest.TestCase):
    """Names begin with a letter because they run in this order: what happened to a device stays."""

    def tearDown(self):
        world.show("first", "second")
        world.found("components.json")

    def check(self, result, name):
        found = [check for check in result["checks"] if check["name"] == name]
        self.assertEqual(len(found), 1, f"{name} in {[check['name'] for check in result['checks']]}")
        return found[0]

    def refused(self, result, name, why, found=None):
        self.assertEqual((result["verdict"], result["status"]), ("refused", 1), result["checks"])
        check = self.check(result, name)
        self.assertEqual(check["outcome"], "refused", check)
        self.assertIn(why, check["why"])
        if found is not None:
            self.assertEqual(check["found"], found)

    def failing(self, result):
        return {check["name"]: check["why"] for check in result["checks"] if check["outcome"] != "pass"}

    def test_a_before_anybody_claims_its_devices_the_node_is_refused(self):
        result = world.attest()
        for device in ["ek", "gpu.0", "gpu.1", "platform"]:
            self.refused(result, f"custody.{device}", "nobody says whose this device is")

    def test_b_with_manifest_rims_and_lives_in_the_ledger_the_node_passes(self):
        world.heads = {device: world.life(device) for device in ["ek", "platform", "first", "second"]}
        result = world.attest()
        self.assertEqual(self.failing(result), {})
        self.assertEqual((result["verdict"], result["status"], result["agent"].returncode), ("pass", 0, 0))
        levels = {name: submod["trust_level"] for name, submod in result["submods"].items()}
        self.assertEqual(levels, {"node": "hardware-signed", "boot": "tpm-measured", "models": "host-reported",
                                  "host": "host-reported", "gpu/0": "hardware-signed", "gpu/1": "hardware-signed",
                                  "platform": "hardware-signed", "components": "host-reported",
                                  "custody": "host-reported", "place": "host-reported"})
        self.assertTrue(any(line.startswith("place:") for line in result["not_checked"]))

    def test_c_a_rim_keeps_its_time_across_a_restart(self):
        world.stop("verifierd", signal.SIGKILL)
        world.start_verifier()
        self.assertEqual(world.attest()["verdict"], "pass")

    def test_d_a_swapped_gpu_is_refused_and_the_one_that_is_gone_is_missed(self):
        world.show("first", "spare")
        result = world.attest()
        self.refused(result, "gpu.1.manifest", "not in the node's manifest", "serial " + world.serial_of("spare"))
        self.refused(result, "gpu.manifest", "does not answer")
        self.refused(result, "custody.gpu.1", "nobody says whose this device is")

    def test_d_older_firmware_is_refused_though_its_rim_is_known_and_the_device_the_same(self):
        world.show("older", "second")
        result = world.attest()
        self.assertEqual(self.failing(result), {"gpu.0.vbios": "the device runs something older than the policy allows"})
        self.refused(result, "gpu.0.vbios", "older", "96.00.5E.00.01")

    def test_d_a_machine_with_other_parts_than_its_maker_certified_is_refused(self):
        world.found("fewer.json")
        result = world.attest()
        self.assertEqual(set(self.failing(result)), {"components.listed"})
        self.assertIn("DIMM", self.check(result, "components.listed")["expected"])

    def test_d_one_gpu_cannot_stand_for_two(self):
        world.show("first", "first")
        self.refused(world.attest(), "gpu.devices.repeated", "")

    def test_e_a_gpu_moved_out_of_its_region_is_refused(self):
        head = world.says("operator", "first", "place", "--event", "moved", "--region", "us-east", "--site", "hall 9",
                          after=world.heads["first"])
        result = world.attest()
        self.assertEqual(set(self.failing(result)), {"place.gpu.0"})
        self.refused(result, "place.gpu.0", "outside its region", "us-east")
        world.heads["first"] = world.says("operator", "first", "place", "--event", "moved", "--region", "eu-north",
                                          "--site", "hall 3", after=head)
        self.assertEqual(world.attest()["verdict"], "pass")

    def test_f_a_gpu_that_custody_says_is_anothers_is_refused(self):
        sold = world.says("operator", "second", "transfer", "--event", "sold", "--to", "inspector.example",
                          after=world.heads["second"])
        self.refused(world.attest(), "custody.gpu.1", "the last transfer was not accepted")
        world.says("inspector", "second", "accept", after=sold)
        result = world.attest()
        self.assertEqual(set(self.failing(result)), {"custody.gpu.1", "place.gpu.1"})
        self.refused(result, "custody.gpu.1", "in somebody else's hands", "inspector.example")

    def test_g_the_same_words_are_read_from_the_log_without_a_server(self):
        second = world.device("second")
        where = ["--log", world.here / "log" / "public", "--trust", world.trust]
        judged = world.ask("hardware", "verify", *second, *where, "--owner", "operator.example", expect=1)
        self.assertEqual(judged["owner"], "inspector.example")
        self.assertIn("hardware.custody.owner", [finding["rule"] for finding in judged["findings"]])
        history = world.attestctl("hardware", "history", *second, *where)
        self.assertIn("sold by operator.example to inspector.example", history.stdout)

    def test_h_a_gpu_sold_twice_is_refused(self):
        world.says("operator", "first", "transfer", "--event", "sold", "--to", "inspector.example",
                   after=world.heads["first"])
        world.says("operator", "first", "transfer", "--event", "sold", "--to", "maker.example", after=world.heads["first"])
        result = world.attest()
        self.assertEqual(self.check(result, "custody.gpu.0")["outcome"], "refused")
        self.assertIn("given away twice", self.check(result, "custody.gpu.0")["why"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[5:]], verbosity=2)
