#!/usr/bin/env python3
"""The gate with real models, log and proofs: what it refuses, what it writes, and that action, template,
hook and init container end as they should where their hosts run them. No network, no server.

usage: gate_test.py PROGRAMS SOURCES [unittest options]
"""
import base64
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree as xml

PROGRAMS, SOURCES = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
sys.path.insert(0, str(SOURCES / "tests" / "integration"))
from gate_world import POLICY, GateWorld  # noqa: E402

PACKAGING = SOURCES / "packaging"
world = None


def setUpModule():
    global world
    folder = tempfile.TemporaryDirectory(prefix="attest-gate-")
    unittest.addModuleCleanup(folder.cleanup)
    world = GateWorld(PROGRAMS, pathlib.Path(folder.name) / "world", SOURCES)
    world.publish()


def words(done):
    return " ".join((done.stdout + done.stderr).split())


class TheGate(unittest.TestCase):
    def fresh(self, name, content=b""):
        place = world.here / f"{self.id().rsplit('.', 1)[1]}-{name}"
        place.write_bytes(content)
        return place

    def failed_rules(self, path, expect, *options):
        found = world.ask("gate", "--trust", world.trust, "--policy", world.policy, *options, path, expect=expect)
        return [check["name"] for model in found["models"] for check in model["checks"]
                if check["outcome"] != "pass"]

    def test_a_published_model_passes_and_what_is_no_model_is_left_out(self):
        done = world.gate(world.models)
        self.assertIn("PASS", done.stdout)
        self.assertIn("1 files are no models, by release.toml:4", done.stdout)

    def test_one_changed_byte_is_refused_with_rule_file_found_and_next_command(self):
        copy = world.copy_of_model("changed.gguf")
        data = bytearray(copy.read_bytes())
        data[-1] ^= 1
        copy.write_bytes(data)
        said = words(world.gate(copy, expect=1))
        self.assertIn("changed.gguf is refused", said)
        self.assertIn("is not the file that was released", said)
        self.assertIn(f"attestctl lineage graph {copy} --trust {world.trust}", said)
        self.assertEqual(self.failed_rules(copy, 1), ["lineage.model.digest"])

    def test_a_model_without_a_bundle_is_incomplete(self):
        lonely = world.here / "lonely.gguf"
        shutil.copy(world.model, lonely)
        self.assertIn("attestctl lineage bundle", words(world.gate(lonely, expect=2)))

    def test_a_pickle_is_refused_by_name_whatever_it_is_called(self):
        pickle = self.fresh("model.safetensors", b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01K\x01s.")
        self.assertIn("model.format.code-on-load", self.failed_rules(pickle, 1))
        self.assertIn("attestctl model inspect", words(world.gate(pickle, expect=1)))
        configuration = self.fresh("config.json", b'{"auto_map": {"AutoModel": "modeling.Model"}}')
        self.assertIn("model.format.configuration-code", self.failed_rules(configuration, 1))

    def test_a_git_lfs_pointer_is_incomplete_and_says_how_to_fetch_the_file(self):
        pointer = self.fresh("big.gguf", b"version https://git-lfs.github.com/spec/v1\n"
                             b"oid sha256:" + b"a" * 64 + b"\nsize 123456\n")
        self.assertEqual(self.failed_rules(pointer, 2), ["lineage.file.git-lfs-pointer"])
        self.assertIn("git lfs pull --include=", words(world.gate(pointer, expect=2)))

    def gated(self, path, expect=0):
        return world.ask("gate", "--trust", world.trust, "--policy", world.policy, "--cache",
                         world.here / f"{self._testMethodName}.cache", path, expect=expect)

    def test_a_model_that_did_not_change_is_not_read_again(self):
        copy = world.copy_of_model("cached.gguf")
        self.assertEqual(self.gated(copy)["bytes_read"], copy.stat().st_size)
        time.sleep(2.1)
        self.gated(copy)
        self.assertEqual(self.gated(copy)["bytes_read"], 0)
        # A byte is changed, and the clock of the file set back, as who wants to hide it would.
        before, data = copy.stat(), bytearray(copy.read_bytes())
        data[-1] ^= 1
        copy.write_bytes(data)
        os.utime(copy, ns=(before.st_atime_ns, before.st_mtime_ns))
        again = self.gated(copy, expect=1)
        self.assertEqual(again["bytes_read"], len(data))

    def test_a_model_that_the_kernel_protects_is_not_read(self):
        image, mounted = world.here / "verity.img", world.here / "verity"
        mounted.mkdir()
        with open(image, "wb") as file:
            file.truncate(64 << 20)

        def did(*words):
            try:
                return subprocess.run(words, capture_output=True).returncode == 0
            except FileNotFoundError:
                return False

        if not did("mkfs.ext4", "-q", "-O", "verity", image) or not did("mount", "-o", "loop", image, mounted):
            self.skipTest("no file system with fs-verity can be mounted here")
        self.addCleanup(did, "umount", mounted)
        copy = mounted / "protected.gguf"
        shutil.copy(world.model, copy)
        shutil.copytree(f"{world.model}.attest", f"{copy}.attest")
        if not did("fsverity", "enable", copy):
            self.skipTest("this kernel has no fs-verity, or there is no fsverity program")
        found = world.ask("gate", "--trust", world.trust, "--policy", world.policy, copy)
        self.assertEqual(found["bytes_read"], 0)
        self.assertEqual(found["models"][0]["outcome"], "pass")

    def test_a_link_among_the_models_is_refused(self):
        folder = world.here / "linked"
        folder.mkdir()
        (folder / "model.gguf").symlink_to(world.model)
        self.assertIn("link", words(world.gate(folder, expect=1)))

    def test_an_old_bundle_is_incomplete(self):
        policy = self.fresh("old.toml", POLICY.replace('"1h"', '"1s"').encode())
        copy = world.copy_of_model("old.gguf")
        time.sleep(2.1)
        said = words(world.gate(copy, expect=2, policy=policy))
        self.assertIn("too old", said)

    def test_b_a_revoked_parent_is_refused_with_the_policys_line(self):
        other = GateWorld(PROGRAMS, world.here / "other", SOURCES)
        other.policy.write_text(POLICY + "allow_revoked_ancestors = false\n")
        other.publish()
        other.say("revoke", other.base, "--reason", "poisoned data set")
        other.bundle(other.model)
        said = words(other.gate(other.model, expect=1))
        self.assertIn('revoked by its issuer tiny@lab.example', said)
        self.assertIn('"poisoned data set"', said)
        self.assertIn("policy release.toml:6", said)

    def test_a_directory_with_a_bundle_beside_it_is_one_model(self):
        folder = world.here / "sharded"
        folder.mkdir()
        for shard in ["a.gguf", "b.gguf"]:
            shutil.copy(world.model, folder / shard)
        world.say("add", folder, "--licence", "MIT", "--name", "sharded")
        world.bundle(folder)
        world.gate(folder)
        world.gate(str(folder) + "/")
        self.assertIn("pass", world.attestctl("lineage", "verify", folder, "--trust", world.trust).stdout)
        (folder / "c.gguf").write_bytes(world.model.read_bytes())
        self.assertEqual(self.failed_rules(folder, 1), ["lineage.model.files"])
        self.assertIn("c.gguf is not in the release", words(world.gate(folder, expect=1)))
        (folder / "c.gguf").unlink()
        (folder / "b.gguf").unlink()
        self.assertIn("b.gguf is missing", words(world.gate(folder, expect=1)))

    def test_where_a_model_may_run_is_asked(self):
        policy = self.fresh("placed.toml", POLICY.encode() + b'[[placement]]\njurisdiction = "EU"\n'
                            b'regions = ["eu-central"]\n')
        world.attestctl("gate", "--trust", world.trust, "--policy", policy, world.model, expect=2)
        found = world.ask("gate", "--trust", world.trust, "--policy", policy, "--region", "us-east", world.model,
                          expect=1)
        self.assertIn("lineage.model.region", json.dumps(found))

    def test_no_network_is_used(self):
        if subprocess.run(["unshare", "-rn", "true"], capture_output=True).returncode != 0:
            self.skipTest("no network namespace can be made here")
        done = subprocess.run(["unshare", "-rn", PROGRAMS / "attestctl", "gate", "--trust", world.trust, "--policy",
                               world.policy, world.model], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_many_models_are_judged_side_by_side_and_told_in_order(self):
        folder = world.here / "many"
        folder.mkdir()
        for number in range(20):
            shutil.copy(world.model, folder / f"{number:02}.gguf")
            if number != 7:
                shutil.copytree(f"{world.model}.attest", folder / f"{number:02}.gguf.attest")
        found = world.ask("gate", "--trust", world.trust, "--policy", world.policy, folder, expect=2)
        self.assertEqual([pathlib.Path(model["path"]).name for model in found["models"]],
                         [f"{number:02}.gguf" for number in range(20)])
        self.assertEqual([model["outcome"] for model in found["models"]].count("incomplete"), 1)


class WhatItWrites(unittest.TestCase):
    def setUp(self):
        self.changed = world.here / "written.gguf"
        if not self.changed.exists():
            world.copy_of_model("written.gguf")
            with self.changed.open("ab") as file:
                file.write(b"\0")

    def write(self, option, *more):
        place = world.here / f"gate{option}"
        world.attestctl("gate", "--trust", world.trust, "--policy", world.policy, option, place, *more, world.model,
                        self.changed, expect=1)
        return place.read_text()

    def test_sarif_names_rule_level_and_place(self):
        sarif = json.loads(self.write("--sarif"))
        self.assertEqual(sarif["version"], "2.1.0")
        run = sarif["runs"][0]
        ids = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
        self.assertTrue(run["results"])
        for result in run["results"]:
            self.assertIn(result["ruleId"], ids)
            self.assertIn(result["level"], {"error", "warning"})
            self.assertTrue(result["message"]["text"])
            self.assertTrue(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].endswith("written.gguf"))

    def test_junit_counts_every_check(self):
        suites = xml.fromstring(self.write("--junit"))
        self.assertEqual(len(suites.findall("testsuite")), 2)
        for suite in suites:
            self.assertEqual(len(suite.findall("testcase")), int(suite.get("tests")))
            self.assertEqual(len(suite.findall("testcase/failure")), int(suite.get("failures")))
        self.assertGreater(int(suites.get("failures")), 0)

    def test_summaries_are_signed_and_say_what_the_gate_said(self):
        lines = self.write("--vsa", "--key", world.key("publisher")).splitlines()
        results = []
        for line in lines:
            envelope = json.loads(line)
            payload = base64.b64decode(envelope["payload"])
            kind = envelope["payloadType"].encode()
            pae = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
            pem, message, signature = world.here / "key.pem", world.here / "pae", world.here / "sig"
            pem.write_text(f"-----BEGIN PUBLIC KEY-----\n{world.public_key('publisher')}\n-----END PUBLIC KEY-----\n")
            message.write_bytes(pae)
            signature.write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
            done = subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", pem, "-rawin", "-in", message,
                                   "-sigfile", signature], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            statement = json.loads(payload)
            self.assertEqual(statement["predicateType"], "https://slsa.dev/verification_summary/v1")
            predicate = statement["predicate"]
            self.assertEqual(predicate["policy"]["digest"]["sha256"],
                             hashlib.sha256(world.policy.read_bytes()).hexdigest())
            results.append((pathlib.Path(predicate["resourceUri"]).name, predicate["verificationResult"]))
            digest = hashlib.sha256(pathlib.Path("/" + predicate["resourceUri"].lstrip("/")).read_bytes()).hexdigest()
            self.assertEqual(statement["subject"][0]["digest"]["sha256"], digest)
        self.assertEqual(sorted(results), [("tiny-q8.gguf", "PASSED"), ("written.gguf", "FAILED")])

    def test_a_summary_without_a_key_is_wrong_usage(self):
        world.attestctl("gate", "--trust", world.trust, "--vsa", world.here / "x", world.model, expect=64)


class WhereItRuns(unittest.TestCase):
    """Each recipe, run as its host runs it: its own text is read, and the host's part is played."""

    def run_as(self, command, environment, expect, cwd=None):
        path = f"{PROGRAMS}:{os.environ['PATH']}"
        done = subprocess.run(command, capture_output=True, text=True, cwd=cwd or world.here, timeout=120,
                              env={"PATH": path, "HOME": str(world.here), **environment})
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done

    def inputs(self, paths, digest=None):
        return {"paths": str(paths), "trust": str(world.trust), "trust-sha256": digest or world.trust_digest(),
                "policy": str(world.policy), "sarif": str(world.here / "action.sarif")}

    def run_action(self, inputs, expect):
        text = (PACKAGING / "github-action" / "action.yml").read_text()
        defaults = dict(re.findall(r"^  ([a-z0-9-]+):\n(?:    .*\n)*?    default: \"(.*)\"", text, re.M))
        given = {**defaults, **inputs}
        environment = {name: given[key] for name, key in
                       re.findall(r"^        (ATTEST_\w+): \$\{\{ inputs\.([a-z0-9-]+) \}\}$", text, re.M)}
        temp = re.search(r"ATTEST_REPORT: \$\{\{ runner\.temp \}\}/(.*)", text)[1]
        output = world.here / "github-output"
        output.write_text("")
        environment |= {"ATTEST_REPORT": str(world.here / temp), "GITHUB_OUTPUT": str(output),
                        "GITHUB_ACTION_PATH": str(PACKAGING / "github-action")}
        self.run_as(["bash", "-c", re.search(r"^      run: (.*)$", text, re.M)[1]], environment, expect)
        return dict(line.split("=", 1) for line in output.read_text().splitlines())

    def test_the_github_action(self):
        outputs = self.run_action(self.inputs(world.models), 0)
        self.assertEqual(json.loads(pathlib.Path(outputs["report"]).read_text())["outcome"], "pass")
        self.assertEqual(json.loads(pathlib.Path(outputs["sarif"]).read_text())["runs"][0]["results"], [])
        lonely = world.here / "action.gguf"
        shutil.copy(world.model, lonely)
        self.assertEqual(json.loads(pathlib.Path(self.run_action(self.inputs(lonely), 2)["report"]).read_text())
                         ["outcome"], "incomplete")
        self.run_action(self.inputs(world.models, digest="0" * 64), 1)

    def test_the_gitlab_template(self):
        text = (PACKAGING / "gitlab" / "attest-gate.yml").read_text()
        body = text[text.index(".attest-gate:"):]
        variables = dict(re.findall(r"^    (ATTEST_\w+): \"?([^\"\n]*)\"?$", body, re.M))
        script = re.search(r"^    - (bash .*)$", body, re.M)[1].replace("/usr/share/attest", str(PACKAGING))
        variables |= {"ATTEST_PATHS": "models", "ATTEST_TRUST_SHA256": world.trust_digest(),
                      "ATTEST_POLICY": "release.toml"}
        self.run_as(["bash", "-c", script], variables, 0)
        for artefact in re.findall(r"^      - (attest-gate\S+)$", body, re.M) + ["attest-gate.xml"]:
            self.assertTrue((world.here / artefact).exists(), artefact)

    def test_the_hook_of_git(self):
        repository = world.here / "repository"
        repository.mkdir()

        def git(*arguments, expect=0):
            return self.run_as(["git", "-c", "user.name=a", "-c", "user.email=a@lab.example", *arguments],
                               {"GIT_CONFIG_NOSYSTEM": "1"}, expect, cwd=repository)

        git("init", "-q")
        (repository / ".git" / "hooks").mkdir(exist_ok=True)
        (repository / ".git" / "hooks" / "pre-commit").symlink_to(PACKAGING / "pre-commit" / "attest-gate")
        git("config", "attest.trust", str(world.trust))
        git("config", "attest.policy", str(world.policy))
        shutil.copy(world.model, repository / "a model.gguf")
        git("add", ".")
        self.assertIn("INCOMPLETE", words(git("commit", "-qm", "no bundle", expect=1)))
        shutil.copytree(f"{world.model}.attest", repository / "a model.gguf.attest")
        git("commit", "-qm", "with its bundle")
        with (repository / "a model.gguf").open("ab") as file:
            file.write(b"\0")
        git("add", ".")
        git("commit", "-qm", "changed", expect=1)
        git("checkout", "-q", "HEAD", "--", ".")
        (repository / "notes.txt").write_text("no model\n")
        git("add", ".")
        git("commit", "-qm", "no model at all")

    def test_the_pre_commit_framework_finds_the_hook_and_gives_it_names(self):
        text = (SOURCES / ".pre-commit-hooks.yaml").read_text()
        entry, files = re.search(r"entry: (.*)", text)[1], re.search(r"files: (.*)", text)[1]
        self.assertTrue(re.search(files, "models/tiny-q8.gguf"))
        self.assertFalse(re.search(files, "README.md"))
        self.assertTrue(os.access(SOURCES / entry, os.X_OK))

    def test_the_init_container(self):
        text = (PACKAGING / "kubernetes" / "init-container.yaml").read_text()
        command = json.loads(re.search(r"command: (\[.*\])", text)[1])
        environment = dict(re.findall(r"- name: (ATTEST_\w+)\n\s+value: (.*)", text))
        environment |= {"ATTEST_TRUST_SHA256": world.trust_digest(), "ATTEST_REPORT": str(world.here / "init.json")}
        root = {"/models": str(world.models), "/etc/attest": str(world.here), "/usr/share/attest": str(PACKAGING)}

        def mounted(value):
            for inside, outside in root.items():
                value = value.replace(inside, outside) if value.startswith(inside) else value
            return value

        environment = {name: mounted(value) for name, value in environment.items()}
        self.run_as([mounted(word) for word in command], environment, 0)
        self.run_as([mounted(word) for word in command], environment | {"ATTEST_PATHS": str(world.base)}, 2)


class WhatALineageShows(unittest.TestCase):
    def lineage(self, verb, *options):
        return world.attestctl("lineage", verb, world.model, "--trust", world.trust, *options).stdout

    def test_graphs_are_drawn_in_four_forms(self):
        self.assertIn("[quantize] tiny-q8.gguf", self.lineage("graph"))
        self.assertTrue(self.lineage("graph", "--as", "dot").startswith("digraph lineage {"))
        self.assertTrue(self.lineage("graph", "--as", "mermaid").startswith("graph BT"))
        svg = xml.fromstring(self.lineage("graph", "--as", "svg"))
        names = [each.text for each in svg.iter() if each.get("class") == "name"]
        self.assertEqual(sorted(names), ["stories.txt", "tiny-f32.gguf", "tiny-q8.gguf"])

    def test_show_says_how_it_was_made(self):
        said = self.lineage("show")
        self.assertIn("quantize to=q8_0", said)
        self.assertIn("need no consent", said)

    def test_a_quantized_file_is_made_again(self):
        self.assertIn("the digest that was released", self.lineage("reproduce", "--parent", world.base))
        world.attestctl("lineage", "reproduce", world.model, "--trust", world.trust, "--parent", world.text, expect=1)

    def test_claims_are_imported_as_unverified(self):
        card = world.here / "card.md"
        card.write_text("---\nbase_model: lab.example/base\nlicense: mit\n---\n# A model\n")
        claims = world.ask("lineage", "import", card)
        self.assertFalse(claims["verified"])
        self.assertEqual(claims["parents"][0]["name"], "lab.example/base")
        card.write_text("no front matter\n")
        world.attestctl("lineage", "import", card, expect=1)
        self.assertEqual(world.ask("lineage", "import", world.model)["source"], "GGUF")

    def test_the_bill_of_materials_has_pedigree_and_the_schemas_shape(self):
        bom = json.loads(self.lineage("bom"))
        self.assertEqual(bom["metadata"]["component"]["pedigree"]["ancestors"][0]["name"], "tiny-f32.gguf")
        self.assertEqual({each["type"] for each in bom["components"]}, {"machine-learning-model", "data"})
        self.assertEqual(self.lineage("bom"), self.lineage("bom"))
        schema = pathlib.Path(os.environ.get("ATTEST_CORPUS", "/nonexistent")) / "model/cyclonedx/bom-1.6.schema.json"
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        if not schema.exists():
            self.skipTest("ATTEST_CORPUS has no CycloneDX schema")
        loaded = json.loads(schema.read_text())
        beside = {f"http://cyclonedx.org/schema/{name}": {} for name in ["spdx.schema.json", "jsf-0.82.schema.json"]}
        resolver = jsonschema.RefResolver(loaded["$id"], loaded, store=beside)
        jsonschema.Draft7Validator(loaded, resolver=resolver).validate(bom)


class TheNewcomersPage(unittest.TestCase):
    def test_its_commands_do_what_it_says_with_that_page_alone(self):
        here = world.here / "newcomer"
        here.mkdir()
        shutil.copy(world.base, here / "base.gguf")
        shutil.copy(world.text, here / "texts.txt")
        page = (SOURCES / "docs" / "publish-a-model.md").read_text()
        blocks = re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", "".join(blocks)], cwd=here, capture_output=True,
                              text=True, env={**os.environ, "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}, timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("refused, as it should be", done.stdout)
        self.assertEqual(done.stdout.count("  PASS  "), 2, done.stdout)
        self.assertIn("the digest that was released", done.stdout)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
