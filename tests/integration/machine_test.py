#!/usr/bin/env python3
"""A whole machine attests: firmware, boot loader and kernel measure themselves, the agent runs in the
guest, the verifier outside; then the boot is changed, and what changed is named.

usage: machine_test.py PROGRAMS SOURCES KERNEL [unittest options]

KERNEL is a folder with an unpacked Debian kernel package.
"""
import pathlib
import shutil
import sys
import tempfile
import unittest

PROGRAMS, SOURCES, KERNEL = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
sys.path.insert(0, str(SOURCES / "fixtures" / "machine"))
from machine import COMMAND_LINE  # noqa: E402
from machine_world import MachineWorld  # noqa: E402

sys.path.insert(0, str(SOURCES / "fixtures" / "story"))
from world import NODE  # noqa: E402

world = None


def setUpModule():
    global world
    folder = tempfile.TemporaryDirectory(prefix="attest-machine-")
    unittest.addModuleCleanup(folder.cleanup)
    world = MachineWorld(PROGRAMS, pathlib.Path(folder.name) / "world", SOURCES)
    unittest.addModuleCleanup(world.__exit__)
    world.make(KERNEL)
    world.machine.install_grub()
    world.boot_machine("--version")  # the firmware's first start writes its boot variables
    world.boot_machine("--version")  # a boot as its owner wants it
    world.publish_hardware()


def words(text):
    return " ".join(text.split())


class AWholeMachine(unittest.TestCase):
    """Names begin with a letter because they run in this order: each boot is the last one's successor."""

    def attest(self, expected, *tasks):
        status, said = world.boot_machine(*(tasks or ["--once"]))
        self.assertEqual(status, expected, said)
        return words(said)

    def test_a_the_log_that_firmware_loader_and_kernel_wrote_explains_the_boot(self):
        shown = world.ask("eventlog", "show", world.event_log)
        self.assertEqual(shown["format"], "crypto-agile")
        self.assertIs(shown["secure_boot"], False)

    def test_b_the_machine_enrols_and_is_trusted(self):
        self.attest(0, "--enrol", "--once")
        self.assertEqual(world.ask("node", "show", NODE, *world.online())["state"], "trusted")

    def test_c_it_is_trusted_after_the_next_boot_too(self):
        self.attest(0)

    def test_d_another_kernel_command_line_is_named(self):
        world.machine.install_grub(COMMAND_LINE + " init=/bin/sh")
        said = self.attest(1)
        self.assertIn("PCR 8", said)
        self.assertIn("init=/bin/sh", said)

    def test_e_another_kernel_is_named(self):
        world.machine.replace_kernel()
        world.machine.install_grub()
        said = self.attest(1)
        self.assertIn("PCR 9", said)
        self.assertIn("/vmlinuz", said)

    def test_f_a_unified_kernel_image_is_another_boot_and_trusted_once_its_owner_says_so(self):
        world.machine.install_uki()
        self.attest(1)
        world.make_reference("debian 12 as a unified kernel image")
        self.attest(0)

    def test_g_an_update_that_was_predicted_raises_no_alarm(self):
        booted = world.machine.folder / "booted.efi"
        shutil.copy(world.machine.folder / "linux.efi", booted)
        updated = COMMAND_LINE + " lockdown=integrity"
        world.machine.install_uki(updated)
        world.make_reference("debian 12 with lockdown", "--booted-image", booted, "--next-image",
                             world.machine.folder / "linux.efi")
        self.attest(0)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], verbosity=2)
