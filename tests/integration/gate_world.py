"""A log, its witness, a publisher and a published model, all in files: what the gate's tests stand in.

No server runs: statements go into a log on this machine, and a witness key of our own cosigns it.
"""
import hashlib
import json
import pathlib
import shutil
import subprocess

PUBLISHER = "tiny@lab.example"
WITNESS = "witness.lab.example"
POLICY = f"""version = 1
issuers = ["{PUBLISHER}"]
formats = ["gguf"]
not_models = ["README.md"]
max_status_age = "1h"
"""


class GateWorld:
    def __init__(self, programs, here, sources):
        self.programs, self.here, self.sources = pathlib.Path(programs), pathlib.Path(here), pathlib.Path(sources)
        self.models = self.here / "models"
        self.models.mkdir(parents=True)
        self.trust, self.policy = self.here / "trust.toml", self.here / "release.toml"
        self.policy.write_text(POLICY)
        self.statements = 0
        for name in ["root", "log", "witness", "publisher", "stranger"]:
            self.attestctl("key", "new", self.key(name))
        self.write_trust()

    def key(self, name):
        return self.here / f"{name}.key"

    def attestctl(self, *arguments, expect=0, cwd=None):
        done = subprocess.run([self.programs / "attestctl", *map(str, arguments)], capture_output=True, text=True,
                              cwd=cwd or self.here, timeout=120)
        if expect is not None and done.returncode != expect:
            raise AssertionError(f"attestctl {' '.join(map(str, arguments))}: {done.returncode}, not {expect}\n"
                                 f"{done.stdout}{done.stderr}")
        return done

    def ask(self, *arguments, expect=0):
        return json.loads(self.attestctl(*arguments, "--json", expect=expect).stdout)

    def public_key(self, name):
        return self.ask("key", "show", self.key(name))["public_key"]

    def write_trust(self):
        log = self.ask("ledger", "init", self.here / "log", "--origin", "lab.example/models", "--key",
                       self.key("log"))["verifier_key"]
        witness = self.ask("witness", "show", "--name", WITNESS, "--key", self.key("witness"))["verifier_key"]
        may = '["data-set", "training-run", "model-release", "consent", "revocation"]'
        self.trust.write_text(f"""format = "attest-trust-root/v1"
[root]
version = 1
expires = "2036-01-01T00:00:00Z"
threshold = 1
[[root.key]]
name = "root.lab.example"
key = "{self.public_key('root')}"
[[log]]
origin = "lab.example/models"
keys = ["{log}"]
[[witness]]
key = "{witness}"
[quorum]
witnesses = 1
[[issuer]]
name = "{PUBLISHER}"
key = "{self.public_key('publisher')}"
may = {may}
subjects = ["sha256:*"]
""")

    def trust_digest(self):
        return hashlib.sha256(self.trust.read_bytes()).hexdigest()

    def say(self, *verb):
        """Signs a statement and enters it in the log."""
        self.statements += 1
        statement = self.here / f"{self.statements}.statement"
        self.attestctl("lineage", *verb, "--issuer", PUBLISHER, "--key", self.key("publisher"), "--output", statement)
        self.attestctl("ledger", "add", self.here / "log", statement, "--key", self.key("log"))

    def bundle(self, model):
        self.attestctl("lineage", "bundle", model, "--log", self.here / "log", "--witness",
                       f"{WITNESS}={self.key('witness')}")

    def publish(self):
        """The text, the weights trained on it, and the quantised file made of them."""
        tiny = self.sources / "fixtures" / "tiny-model"
        self.text, self.base = self.here / "stories.txt", self.here / "tiny-f32.gguf"
        self.model = self.models / "tiny-q8.gguf"
        self.text.write_text("Once upon a time there was a node.\n")
        shutil.copy(tiny / "tiny-story-f32.gguf", self.base)
        self.attestctl("model", "quantize", self.base, "--output", self.model)
        (self.models / "README.md").write_text("Models of the lab.\n")
        self.say("add", self.text, "--data-set", "--licence", "CC0-1.0", "--jurisdiction", "EU")
        self.say("add", self.base, "--operation", "train", "--parent", f"dataset:{self.text}", "--licence", "MIT")
        self.say("add", self.model, "--operation", "quantize", "--parameter", "to=q8_0", "--parent",
                 f"base:{self.base}", "--licence", "MIT")
        self.bundle(self.model)

    def copy_of_model(self, name):
        copy = self.here / name
        shutil.copy(self.model, copy)
        shutil.copytree(f"{self.model}.attest", f"{copy}.attest")
        return copy

    def gate(self, *paths, expect=0, policy=None):
        return self.attestctl("gate", "--trust", self.trust, "--policy", policy or self.policy, *paths, expect=expect)
