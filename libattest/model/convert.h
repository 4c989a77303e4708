// Converting a model from safetensors to GGUF, specified to the bit: the same directory gives the
// same file everywhere, so that a GGUF file's descent can be proven by doing it again.
//
// Of the directory's files these are read: config.json (hf_config.h says which architectures there
// are), the weights (model_files.h), tokenizer.json, and where they are there
// tokenizer_config.json and chat_template.jinja (hf_tokenizer.h). Version 3 is written, with an
// alignment of 32.
//
// Keys, in this order; A is the architecture; those in brackets only where the source has them:
//   general.architecture; general.file_type (u32, by the type of the embedding: F32 0, F16 1,
//   BF16 32); u32 A.context_length, A.embedding_length, A.block_count, A.feed_forward_length,
//   A.attention.head_count, A.attention.head_count_kv, A.attention.key_length,
//   A.attention.value_length, A.rope.dimension_count, A.vocab_size;
//   f32 A.attention.layer_norm_rms_epsilon, A.rope.freq_base;
//   [A.rope.scaling.type "linear", f32 A.rope.scaling.factor]; [u32 A.attention.sliding_window];
//   [u32 A.expert_count, A.expert_used_count]; [f32 A.attn_logit_softcapping]; [f32
//   A.final_logit_softcapping]; tokenizer.ggml.model; [.pre]; .tokens; [.scores]; .token_type;
//   [.merges]; [u32 .bos_token_id, .eos_token_id, .unknown_token_id, .padding_token_id];
//   [bool .add_bos_token, .add_eos_token, .add_space_prefix]; [tokenizer.chat_template]
//
// Tensors, in this order; L is a layer's number. Matrices keep the type and bytes they have, but
// for their order; vectors become F32, which is exact; where the architecture stores norms less
// one (Gemma), 1 is added in f32.
//   token_embd.weight = model.embed_tokens.weight; of each layer, model.layers.L. to blk.L.:
//     attn_norm = input_layernorm; attn_q, attn_k, attn_v = self_attn.q_proj, k_proj, v_proj, each
//     with its bias behind it where the architecture has biases, or attn_qkv = self_attn.qkv_proj;
//     attn_q_norm, attn_k_norm = self_attn.q_norm, k_norm; attn_output = self_attn.o_proj;
//     post_attention_norm = post_attention_layernorm, ffn_norm = pre_feedforward_layernorm,
//     post_ffw_norm = post_feedforward_layernorm, or ffn_norm = post_attention_layernorm alone;
//     ffn_gate, ffn_up, ffn_down = mlp.gate_proj, up_proj, down_proj, or ffn_up = mlp.gate_up_proj
//     and ffn_down; of a mixture, ffn_gate_inp = block_sparse_moe.gate, and ffn_gate_exps,
//     ffn_up_exps, ffn_down_exps = w1, w3, w2 of block_sparse_moe.experts.0, 1, … one behind the
//     other;
//   output_norm.weight = model.norm.weight; output.weight = lm_head.weight, unless the logits come
//   from the embedding: then lm_head.weight is left out; so is self_attn.rotary_emb.inv_freq.
// In class "llama" the rows of queries and keys are reordered, of each head apart: row i of the
// first half and row i of the second become rows 2i and 2i + 1.
//
// Llama 3's stretched positions are a tensor before all others, rope_freqs.weight, F32 [H / 2], for
// heads of H elements, H a power of two. In binary64: g = B, then g = sqrt(g) log2(H / 2) times, so
// that g = B^(2/H); p = 1, then p = p·g for each next pair; wave = 6.283185307179586·p;
//   1 where wave < C / high;  factor where wave > C / low;  else
//   1 / ((1 - s) / factor + s) with s = (C / wave - low) / (high - low);
// with B the base of the rotation, C the original context; rounded to f32.
//
// Pure; everything is held in memory.
#pragma once

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"
#include "libattest/model/model_files.h"

namespace attest::model {

// convert_to_gguf performs the edge "convert" {"to": "gguf"}. Refused: a file that is missing
// (rules::convert_files), a tensor that is missing, has another shape than config.json says, or has
// no place (rules::convert_tensor), and what the readers of the parts refuse.
Result<Bytes> convert_to_gguf(const ModelFiles& files);

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule convert_files{"model.convert.files"};
inline constexpr Rule convert_tensor{"model.convert.tensor"};
}  // namespace attest::rules
