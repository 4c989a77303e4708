#!/usr/bin/env python3
"""Operations on models and their proofs: each verb of `attestctl model` that makes a model enters its descent,
and `attestctl lineage reproduce` makes the same bytes again, or says what differs. No network, no server.

usage: operations_test.py PROGRAMS SOURCES [unittest options]
"""
import json
import pathlib
import shutil
import struct
import sys
import tempfile
import unittest

PROGRAMS, SOURCES = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
sys.path.insert(0, str(SOURCES / "tests" / "integration"))
from gate_world import PUBLISHER, GateWorld  # noqa: E402

world = None


def setUpModule():
    global world
    folder = tempfile.TemporaryDirectory(prefix="attest-operations-")
    unittest.addModuleCleanup(folder.cleanup)
    world = GateWorld(PROGRAMS, pathlib.Path(folder.name) / "world", SOURCES)


def safetensors(tensors, seed):
    """A file of F32 tensors, {name: shape}, of numbers that follow from the seed."""
    header, data, state = {}, b"", seed
    for name, shape in tensors.items():
        count, start = 1, len(data)
        for size in shape:
            count *= size
        for _ in range(count):
            state = (state * 1664525 + 1013904223) % 2**32
            data += struct.pack("<f", state / 2**32 - 0.5)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, len(data)]}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


WIDTH, KEYS, INNER, TOKENS = 256, 64, 32, 9
LAYER = {"input_layernorm": [WIDTH], "post_attention_layernorm": [WIDTH], "self_attn.q_proj": [WIDTH, WIDTH],
         "self_attn.k_proj": [KEYS, WIDTH], "self_attn.v_proj": [KEYS, WIDTH], "self_attn.o_proj": [WIDTH, WIDTH],
         "mlp.gate_proj": [INNER, WIDTH], "mlp.up_proj": [INNER, WIDTH], "mlp.down_proj": [WIDTH, INNER]}
TENSORS = {"model.embed_tokens.weight": [TOKENS, WIDTH], "model.norm.weight": [WIDTH],
           "lm_head.weight": [TOKENS, WIDTH],
           **{f"model.layers.0.{name}.weight": shape for name, shape in LAYER.items()}}


def write_llama(folder):
    """A model of two shards, as Hugging Face's transformers write one."""
    folder.mkdir()
    config = {"architectures": ["LlamaForCausalLM"], "max_position_embeddings": 64, "hidden_size": WIDTH,
              "num_hidden_layers": 1, "intermediate_size": INNER, "num_attention_heads": 4,
              "num_key_value_heads": 1, "vocab_size": TOKENS,
              "rms_norm_eps": 1e-5, "bos_token_id": 1, "eos_token_id": 2}
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2, "\u2581": 3, "a": 4, "b": 5, "ab": 6, "<0x00>": 7, "<0x01>": 8}
    tokenizer = {"added_tokens": [{"id": 1, "content": "<s>", "special": True},
                                  {"id": 2, "content": "</s>", "special": True}],
                 "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first"},
                 "model": {"type": "BPE", "unk_token": "<unk>", "byte_fallback": True, "vocab": vocabulary,
                           "merges": ["a b"]}}
    names = sorted(TENSORS)
    shards = {"model-00001-of-00002.safetensors": names[:4], "model-00002-of-00002.safetensors": names[4:]}
    for seed, (shard, held) in enumerate(shards.items()):
        (folder / shard).write_bytes(safetensors({name: TENSORS[name] for name in held}, seed))
    index = {"weight_map": {name: shard for shard, held in shards.items() for name in held}}
    for name, content in [("config.json", config), ("tokenizer.json", tokenizer),
                          ("model.safetensors.index.json", index)]:
        (folder / name).write_text(json.dumps(content))


class OperationsAndTheirProofs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.source = world.here / "llama"
        write_llama(cls.source)
        world.say("add", cls.source, "--licence", "MIT", "--name", "llama")
        for seed, name in enumerate(["one", "two"]):
            file = world.here / f"{name}.safetensors"
            file.write_bytes(safetensors({"q.weight": [8, 4], "v.weight": [3]}, 40 + seed))
            world.say("add", file, "--licence", "MIT")
        cls.one, cls.two = world.here / "one.safetensors", world.here / "two.safetensors"
        cls.converted = world.models / "llama.gguf"
        cls.conversion = cls.make("convert", cls.converted, cls.source)
        cls.adapter = world.here / "adapter"
        cls.adapter.mkdir()
        (cls.adapter / "adapter_config.json").write_text('{"r": 2, "lora_alpha": 4}')
        (cls.adapter / "adapter_model.safetensors").write_bytes(
            safetensors({"base_model.model.q.lora_A.weight": [2, 4], "base_model.model.q.lora_B.weight": [8, 2]}, 5))
        world.say("add", cls.adapter, "--licence", "MIT", "--name", "adapter")

    @staticmethod
    def make(verb, output, *options):
        """Makes a model and enters its descent in the same command; gives the report."""
        statement = world.here / f"{output.name}.statement"
        report = world.ask("model", verb, *options, "--output", output, "--licence", "MIT", "--issuer", PUBLISHER,
                           "--key", world.key("publisher"), "--statement", statement)
        world.attestctl("ledger", "add", world.here / "log", statement, "--key", world.key("log"))
        world.bundle(output)
        return report

    def reproduce(self, output, *parents, expect=0):
        options = [word for parent in parents for word in ("--parent", parent)]
        done = world.attestctl("lineage", "reproduce", output, "--trust", world.trust, *options, expect=expect)
        return " ".join((done.stdout + done.stderr).split())

    def test_a_directory_is_converted_then_quantized_and_both_edges_are_proven(self):
        converted, report = self.converted, self.conversion
        self.assertEqual(report["operation"], {"name": "convert", "parameters": {"to": "gguf"}})
        self.assertEqual(world.ask("model", "inspect", converted)["architecture"], "llama")
        self.assertIn("the digest that was released", self.reproduce(converted, self.source))
        for kind in ["q8_0", "q4_0", "q4_k", "q5_k", "q6_k"]:
            with self.subTest(kind):
                quantized = world.models / f"llama-{kind}.gguf"
                made = self.make("quantize", quantized, converted, "--to", kind)
                self.assertEqual(made["parents"], [report["subject"]])
                said = self.reproduce(quantized, converted)
                self.assertIn(f"quantize to={kind}, performed again", said)
        world.attestctl("gate", "--trust", world.trust, quantized)

    def test_merges_of_each_method_are_proven(self):
        linear, slerp, lora = (world.here / f"{name}.safetensors" for name in ["linear", "slerp", "lora"])
        self.make("merge", linear, self.one, self.two, "--weight", "0.7", "0.3")
        self.assertIn("merge method=linear weights=0.7,0.3", self.reproduce(linear, self.two, self.one))
        self.make("merge", slerp, self.one, self.two, "--slerp", "0.3")
        self.assertIn("merge method=slerp t=0.3", self.reproduce(slerp, self.one, self.two))
        self.make("merge", lora, "--base", self.one, "--adapter", self.adapter)
        self.assertIn("merge method=lora", self.reproduce(lora, self.one, self.adapter))

    def test_a_changed_parent_is_named_as_no_parent(self):
        merged = world.here / "merged.safetensors"
        self.make("merge", merged, self.one, self.two, "--slerp", "0.5")
        flipped = world.here / "flipped.safetensors"
        data = bytearray(self.two.read_bytes())
        data[-1] ^= 1
        flipped.write_bytes(data)
        self.assertIn("a model is no parent of the release", self.reproduce(merged, self.one, flipped, expect=1))
        self.assertIn("a parent's file is not here", self.reproduce(merged, self.one, expect=2))

    def test_a_release_that_names_another_parameter_is_refused(self):
        made = world.here / "claimed.safetensors"
        world.attestctl("model", "merge", self.one, self.two, "--slerp", "0.6", "--output", made)
        world.say("add", made, "--operation", "merge", "--parameter", "method=slerp", "--parameter", "t=0.25",
                  "--parent", f"base:{self.one}", "--parent", f"base:{self.two}", "--licence", "MIT")
        world.bundle(made)
        self.assertIn("the operation gives another file than the one that was released",
                      self.reproduce(made, self.one, self.two, expect=1))

    def test_a_file_of_the_directory_cannot_be_swapped_for_another(self):
        other = world.here / "other-llama"
        shutil.copytree(self.source, other)
        config = json.loads((other / "config.json").read_text())
        (other / "config.json").write_text(json.dumps(config | {"rope_theta": 500000.0}))
        self.assertIn("a model is no parent of the release", self.reproduce(self.converted, other, expect=1))

    def test_what_is_asked_halfway_is_wrong_usage(self):
        out = ["--output", world.here / "never"]
        for words in [["--licence", "MIT"], ["--issuer", PUBLISHER], ["--licence", "MIT", "--issuer", PUBLISHER]]:
            world.attestctl("model", "merge", self.one, self.two, "--slerp", "0.5", *out, *words, expect=64)
        world.attestctl("model", "merge", self.one, self.two, *out, expect=64)
        world.attestctl("model", "merge", self.one, self.two, "--weight", "1", *out, expect=64)
        world.attestctl("model", "merge", self.one, self.two, "--slerp", "1.5", *out, expect=64)
        world.attestctl("model", "merge", self.one, "--base", self.one, "--adapter", self.adapter, *out, expect=64)
        self.assertFalse((world.here / "never").exists())

    def test_a_directory_that_cannot_be_converted_is_refused_with_the_reason(self):
        other = world.here / "falcon"
        shutil.copytree(self.source, other)
        config = json.loads((other / "config.json").read_text())
        (other / "config.json").write_text(json.dumps(config | {"architectures": ["FalconForCausalLM"]}))
        done = world.attestctl("model", "convert", other, "--output", world.here / "falcon.gguf", expect=1)
        self.assertIn("models of this class are not converted", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
