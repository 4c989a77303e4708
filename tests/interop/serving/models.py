"""The models that are served: a tiny one that can talk, and a BERT encoder of random weights."""
import subprocess
import sys

import gguf
import numpy

TEMPLATE = ("{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
            "{% if add_generation_prompt %}assistant:{% endif %}")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "node", "boots", "a", "model", "##s", "##er", "answer",
         "is", "proven", ".", ",", "log"]


def talking(source, target):
    subprocess.run([sys.executable, "-m", "gguf.scripts.gguf_new_metadata", "--force", "--chat-template", TEMPLATE,
                    source, target], check=True, capture_output=True)


class Bert:
    """A small BERT of transformers, and the same as a GGUF file, written by the gguf package."""

    def __init__(self):
        from transformers import BertConfig, FlaxBertModel
        self.config = BertConfig(vocab_size=len(WORDS), hidden_size=64, num_hidden_layers=3, num_attention_heads=4,
                                 intermediate_size=128, max_position_embeddings=48)
        self.model = FlaxBertModel(self.config, seed=5)
        # As its maker leaves them, biases are 0 and norms 1: nothing would tell them apart.
        import jax
        noise = numpy.random.default_rng(7)
        self.model.params = jax.tree_util.tree_map(
            lambda value: numpy.asarray(value) + noise.normal(0, 0.15, value.shape).astype(numpy.float32),
            self.model.params)

    def vector(self, tokens):
        states = numpy.asarray(self.model(numpy.array([tokens])).last_hidden_state)[0]
        mean = states.mean(axis=0)
        return mean / numpy.linalg.norm(mean)

    def write(self, path):
        config = self.config
        writer = gguf.GGUFWriter(path, "bert")
        writer.add_context_length(config.max_position_embeddings)
        writer.add_embedding_length(config.hidden_size)
        writer.add_block_count(config.num_hidden_layers)
        writer.add_feed_forward_length(config.intermediate_size)
        writer.add_head_count(config.num_attention_heads)
        writer.add_layer_norm_eps(config.layer_norm_eps)
        writer.add_causal_attention(False)
        writer.add_pooling_type(gguf.PoolingType.MEAN)
        writer.add_tokenizer_model("bert")
        writer.add_token_list([word[2:] if word.startswith("##") else word if word.startswith("[") else "\u2581" + word
                               for word in WORDS])
        writer.add_token_types([3 if word.startswith("[") else 1 for word in WORDS])
        writer.add_token_type_count(config.type_vocab_size)
        for key, word in [("cls", "[CLS]"), ("seperator", "[SEP]"), ("unknown", "[UNK]"), ("padding", "[PAD]")]:
            writer.add_uint32(f"tokenizer.ggml.{key}_token_id", WORDS.index(word))
        for name, value in self.tensors():
            writer.add_tensor(name, numpy.ascontiguousarray(value, dtype=numpy.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()

    def tensors(self):
        params = self.model.params
        first = params["embeddings"]
        yield "token_embd.weight", first["word_embeddings"]["embedding"]
        yield "token_types.weight", first["token_type_embeddings"]["embedding"]
        yield "position_embd.weight", first["position_embeddings"]["embedding"]
        yield from self.norm("token_embd_norm", first["LayerNorm"])
        for number, layer in params["encoder"]["layer"].items():
            own = f"blk.{number}."
            attention = layer["attention"]
            for name, part in [("attn_q", attention["self"]["query"]), ("attn_k", attention["self"]["key"]),
                               ("attn_v", attention["self"]["value"]), ("attn_output", attention["output"]["dense"]),
                               ("ffn_up", layer["intermediate"]["dense"]), ("ffn_down", layer["output"]["dense"])]:
                yield f"{own}{name}.weight", numpy.asarray(part["kernel"]).T
                yield f"{own}{name}.bias", part["bias"]
            yield from self.norm(own + "attn_output_norm", attention["output"]["LayerNorm"])
            yield from self.norm(own + "layer_output_norm", layer["output"]["LayerNorm"])

    @staticmethod
    def norm(name, of):
        yield name + ".weight", of["scale"]
        yield name + ".bias", of["bias"]
