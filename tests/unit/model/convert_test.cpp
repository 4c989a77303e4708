#include "libattest/model/convert.h"

#include <algorithm>

#include "libattest/model/gguf.h"
#include "libattest/model/hf_config.h"
#include "libattest/model/hf_tokenizer.h"
#include "libattest/model/safetensors_index.h"
#include "tests/support/catch.h"
#include "tests/support/hf_model.h"

using namespace attest;
using namespace attest::model;
using test::HfModel;
using test::OwnedFiles;

namespace {

Result<Bytes> convert(const OwnedFiles& files) {
  return convert_to_gguf(test::files_of(files));
}

void put(OwnedFiles& files, const std::string& name, const Json& content) {
  files[name] = to_bytes(as_bytes(to_line(content)));
}

// The model's files with a change to config.json.
OwnedFiles with_config(const HfModel& model, const std::string& member, const Json& value) {
  OwnedFiles files = model.files();
  Json config = model.config();
  config[member] = value;
  put(files, "config.json", config);
  return files;
}

OwnedFiles with_tokenizer(const HfModel& model, void (*change)(Json&)) {
  OwnedFiles files = model.files();
  Json tokenizer = model.tokenizer();
  change(tokenizer);
  put(files, "tokenizer.json", tokenizer);
  return files;
}

ByteView tensor_in(const Bytes& file, const Gguf& gguf, const std::string& name) {
  const GgufTensor* const tensor = gguf.find_tensor(name);
  INFO(name);
  REQUIRE(tensor != nullptr);
  return ByteView(file).subspan(tensor->offset, tensor->size);
}

}  // namespace

TEST_CASE("a directory gives one GGUF file, whether its weights are in one file or in shards") {
  for (const HfModel& model : test::all_hf_models()) {
    INFO(model.class_name);
    const Bytes made = must(convert(model.files()));
    CHECK(made == must(convert(model.files(true))));
    CHECK(made == must(convert(model.files())));
  }
}

TEST_CASE("matrices keep their bytes, vectors become F32, and heads that turn are reordered") {
  const HfModel model;
  const OwnedFiles files = model.files();
  const ModelFiles views = test::files_of(files);
  const WeightMap weights = must(read_weights(views));
  const Bytes made = must(convert(files));
  const Gguf gguf = must(parse_gguf(made));
  CHECK(gguf.find_tensor("blk.1.ffn_up.weight")->type == TensorType::bf16);
  CHECK(gguf.find_tensor("blk.1.ffn_up.weight")->dimensions == std::vector<std::uint64_t>{32, 48});
  CHECK(std::ranges::equal(tensor_in(made, gguf, "blk.1.ffn_up.weight"),
                           weights.at("model.layers.1.mlp.up_proj.weight").data));
  CHECK(gguf.find_tensor("blk.0.attn_norm.weight")->type == TensorType::f32);
  const StoredWeights& norm = weights.at("model.layers.0.input_layernorm.weight");
  CHECK(floats_of(TensorType::f32, tensor_in(made, gguf, "blk.0.attn_norm.weight")) ==
        floats_of(norm.type, norm.data));
  // Heads of eight rows: those of the first half and of the second take turns.
  const ByteView before = weights.at("model.layers.0.self_attn.k_proj.weight").data;
  const ByteView after = tensor_in(made, gguf, "blk.0.attn_k.weight");
  constexpr std::size_t row = 64;
  constexpr std::size_t order[] = {0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15};
  for (std::size_t i = 0; i < 16; ++i)
    CHECK(std::ranges::equal(after.subspan(i * row, row), before.subspan(order[i] * row, row)));
  CHECK(std::ranges::equal(tensor_in(made, gguf, "blk.0.attn_v.weight"),
                           weights.at("model.layers.0.self_attn.v_proj.weight").data));
}

TEST_CASE("architectures that do not turn neighbours keep the order of their rows") {
  const HfModel model{.class_name = "Qwen2ForCausalLM", .biases = true, .byte_level = true};
  const OwnedFiles files = model.files();
  const ModelFiles views = test::files_of(files);
  const WeightMap weights = must(read_weights(views));
  const Bytes made = must(convert(files));
  const Gguf gguf = must(parse_gguf(made));
  CHECK(std::ranges::equal(tensor_in(made, gguf, "blk.0.attn_k.weight"),
                           weights.at("model.layers.0.self_attn.k_proj.weight").data));
}

TEST_CASE("Gemma's norms are written with one added, and experts one behind the other") {
  const HfModel gemma{.class_name = "Gemma2ForCausalLM", .norms_behind = true, .tied = true};
  const OwnedFiles files = gemma.files();
  const ModelFiles views = test::files_of(files);
  const WeightMap weights = must(read_weights(views));
  const Bytes made = must(convert(files));
  const Gguf gguf = must(parse_gguf(made));
  const StoredWeights& norm = weights.at("model.layers.0.pre_feedforward_layernorm.weight");
  CHECK(floats_of(TensorType::f32, tensor_in(made, gguf, "blk.0.ffn_norm.weight"))[3] ==
        norm.at(3) + 1.0F);

  const HfModel mixture{.class_name = "MixtralForCausalLM", .experts = true};
  const OwnedFiles mixed = mixture.files();
  const ModelFiles mixed_views = test::files_of(mixed);
  const WeightMap experts = must(read_weights(mixed_views));
  const Bytes mixed_made = must(convert(mixed));
  const Gguf mixed_gguf = must(parse_gguf(mixed_made));
  const ByteView ups = tensor_in(mixed_made, mixed_gguf, "blk.1.ffn_up_exps.weight");
  CHECK(std::ranges::equal(ups.last(ups.size() / 2),
                           experts.at("model.layers.1.block_sparse_moe.experts.1.w3.weight").data));
  CHECK(mixed_gguf.find_tensor("blk.1.ffn_up_exps.weight")->dimensions ==
        std::vector<std::uint64_t>{32, 48, 2});
}

TEST_CASE("what config.json says stands in the keys") {
  const Bytes made = must(convert(HfModel().files()));
  const Gguf gguf = must(parse_gguf(made));
  CHECK(must(gguf.text("general.architecture")) == "llama");
  CHECK(must(gguf.unsigned_integer("general.file_type")) == 32);
  CHECK(must(gguf.unsigned_integer("llama.attention.head_count_kv")) == 2);
  CHECK(must(gguf.unsigned_integer("llama.attention.key_length")) == 8);
  CHECK(must(gguf.number("llama.rope.freq_base")) == 10000.0);
  CHECK(must(gguf.text("tokenizer.chat_template")) == "{{ messages }}");
  CHECK(must(gguf.unsigned_integer("tokenizer.ggml.eos_token_id")) == 2);
  CHECK(must(gguf.boolean("tokenizer.ggml.add_bos_token")));
  CHECK(must(gguf.boolean("tokenizer.ggml.add_space_prefix")));
  const Bytes linear =
      must(convert(with_config({}, "rope_scaling", {{"type", "linear"}, {"factor", 4.0}})));
  CHECK(must(must(parse_gguf(linear)).number("llama.rope.scaling.factor")) == 4.0);
}

TEST_CASE("Llama 3's stretched positions become divisors of the frequencies") {
  const Json scaling = {{"rope_type", "llama3"},
                        {"factor", 8.0},
                        {"low_freq_factor", 1.0},
                        {"high_freq_factor", 4.0},
                        {"original_max_position_embeddings", 128}};
  const Bytes made = must(convert(with_config({}, "rope_scaling", scaling)));
  const Gguf gguf = must(parse_gguf(made));
  const auto divisors = floats_of(TensorType::f32, tensor_in(made, gguf, "rope_freqs.weight"));
  REQUIRE(divisors.size() == 4);
  // Waves of 6.28, 62.8, 628 and 6283 positions: below 128 / 4, between, and above 128.
  CHECK(divisors[0] == 1.0F);
  const double smooth = (128.0 / (6.283185307179586 * 10) - 1) / 3;
  CHECK(divisors[1] == static_cast<float>(1 / ((1 - smooth) / 8 + smooth)));
  CHECK(divisors[2] == 8.0F);
  CHECK(divisors[3] == 8.0F);
}

TEST_CASE("a vocabulary keeps its numbers, kinds and the order of its merges") {
  const Bytes pieces_made = must(convert(HfModel().files()));
  const Gguf pieces = must(parse_gguf(pieces_made));
  const auto* const tokens = must(pieces.array("tokenizer.ggml.tokens", GgufType::string));
  CHECK(tokens->strings()->at(9) == "ab");
  const auto* const types = must(pieces.array("tokenizer.ggml.token_type", GgufType::i32));
  CHECK(std::get<std::vector<std::int64_t>>(types->elements) ==
        std::vector<std::int64_t>{2, 3, 3, 6, 6, 6, 1, 1, 1, 1, 1, 4});
  const auto* const scores = must(pieces.array("tokenizer.ggml.scores", GgufType::f32));
  CHECK(scores->numbers()->at(9) == 0.0);
  CHECK(scores->numbers()->at(10) == -1.0);
  CHECK(scores->numbers()->at(7) == -2.0);

  const HfModel qwen{.class_name = "Qwen3ForCausalLM", .head_norms = true, .byte_level = true};
  const Bytes bytes_made = must(convert(qwen.files()));
  const Gguf bytes = must(parse_gguf(bytes_made));
  CHECK(must(bytes.text("tokenizer.ggml.pre")) == "gpt-2");
  const auto* const merges = must(bytes.array("tokenizer.ggml.merges", GgufType::string));
  CHECK(merges->strings()->at(1) == "ab c");
  const auto* const padded = must(bytes.array("tokenizer.ggml.tokens", GgufType::string));
  CHECK(padded->strings()->at(11) == "[PAD11]");
}

TEST_CASE(
    "a directory without a file that is needed, or with weights that do not fit, is refused") {
  for (const char* name : {"config.json", "tokenizer.json"}) {
    OwnedFiles files = HfModel().files();
    files.erase(name);
    REQUIRE_RULE(convert(files), rules::convert_files);
  }
  OwnedFiles none = HfModel().files();
  none.erase("model.safetensors");
  REQUIRE_RULE(convert(none), rules::weights_files);
  OwnedFiles sharded = HfModel().files(true);
  sharded.erase("model-00002-of-00002.safetensors");
  REQUIRE_RULE(convert(sharded), rules::shards_missing);

  REQUIRE_RULE(convert(with_config({}, "intermediate_size", 47)), rules::convert_tensor);
  REQUIRE_RULE(convert(with_config({}, "num_hidden_layers", 3)), rules::convert_tensor);
  // A tensor that has no place: the second layer, and biases in a class without.
  REQUIRE_RULE(convert(with_config({}, "num_hidden_layers", 1)), rules::convert_tensor);
  REQUIRE_RULE(convert(HfModel{.biases = true}.files()), rules::convert_tensor);
  // A vocabulary longer than the embedding.
  REQUIRE_RULE(convert(with_config({}, "vocab_size", 1U << 24)), rules::convert_tensor);
  OwnedFiles whole = HfModel().files();
  whole["model.safetensors"] = test::safetensors_of({{"model.embed_tokens.weight", {12}, "I16"}});
  REQUIRE_RULE(convert(whole), rules::safetensors_size);
}

TEST_CASE("a computation that GGUF or the runtime cannot say is refused, not approximated") {
  struct Case {
    const char* member;
    Json value;
  };
  for (const Case& each :
       {Case{"hidden_act", "relu"}, Case{"attention_bias", true}, Case{"mlp_bias", true},
        Case{"use_sliding_window", true}, Case{"quantization_config", Json::object({{"bits", 4}})},
        Case{"query_pre_attn_scalar", 9},
        Case{"rope_scaling", Json::object({{"type", "yarn"}, {"factor", 2}})}}) {
    INFO(each.member);
    REQUIRE_RULE(convert(with_config({}, each.member, each.value)), rules::hf_config_unsupported);
  }
  REQUIRE_RULE(convert(with_config({}, "architectures", Json::array({"FalconForCausalLM"}))),
               rules::hf_config_architecture);
  for (const Case& each :
       {Case{"num_attention_heads", 0}, Case{"num_attention_heads", 3},
        Case{"rms_norm_eps", "small"}, Case{"hidden_size", 32.5}, Case{"head_dim", 7},
        Case{"num_key_value_heads", 3}, Case{"num_hidden_layers", 1e9}}) {
    INFO(each.member);
    REQUIRE_RULE(convert(with_config({}, each.member, each.value)), rules::hf_config_number);
  }
}

TEST_CASE("vocabularies that GGUF cannot say are refused") {
  const HfModel pieces;
  const HfModel bytes{.class_name = "Qwen3ForCausalLM", .head_norms = true, .byte_level = true};
  const auto unsupported = [](const HfModel& model, void (*change)(Json&)) {
    REQUIRE_RULE(convert(with_tokenizer(model, change)), rules::hf_tokenizer_unsupported);
  };
  const auto malformed = [](const HfModel& model, void (*change)(Json&)) {
    REQUIRE_RULE(convert(with_tokenizer(model, change)), rules::hf_tokenizer_form);
  };
  unsupported(pieces, [](Json& said) { said["model"]["type"] = "Unigram"; });
  unsupported(pieces, [](Json& said) { said["model"]["dropout"] = 0.1; });
  unsupported(pieces, [](Json& said) { said["normalizer"] = {{"type", "Lowercase"}}; });
  unsupported(pieces, [](Json& said) { said["normalizer"] = nullptr; });
  // "▁" and "a" are tokens, "▁a" is one, and no merge joins them.
  unsupported(pieces, [](Json& said) { said["model"]["merges"].erase(1); });
  unsupported(bytes, [](Json& said) { said["normalizer"] = {{"type", "NFKC"}}; });
  unsupported(bytes, [](Json& said) { said["model"]["ignore_merges"] = true; });
  unsupported(bytes, [](Json& said) { said["pre_tokenizer"] = nullptr; });
  unsupported(bytes, [](Json& said) {
    said["pre_tokenizer"] = {
        {"type", "Sequence"},
        {"pretokenizers",
         {{{"type", "Split"}, {"pattern", {{"Regex", "x+"}}}, {"behavior", "Isolated"}},
          {{"type", "ByteLevel"}, {"use_regex", false}}}}};
  });
  malformed(pieces, [](Json& said) { said["model"]["vocab"]["b"] = 7; });
  malformed(pieces, [](Json& said) { said["model"]["vocab"]["c"] = 12; });
  malformed(pieces, [](Json& said) { said["model"]["vocab"]["c"] = -1; });
  malformed(pieces, [](Json& said) { said["model"]["merges"].push_back("b x"); });
  malformed(pieces, [](Json& said) { said["model"]["merges"].push_back("ab"); });
  malformed(pieces, [](Json& said) { said["model"].erase("merges"); });
  malformed(pieces, [](Json& said) { said["added_tokens"][0].erase("content"); });
}
