#include "libattest/model/hf_config.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "libattest/base/json.h"
#include "libattest/base/text.h"

namespace attest::model {

namespace {

constexpr auto architectures = std::to_array<HfArchitecture>({
    {.class_name = "LlamaForCausalLM", .name = "llama", .turns_neighbours = true},
    {.class_name = "MistralForCausalLM",
     .name = "llama",
     .turns_neighbours = true,
     .windows = true},
    {.class_name = "MixtralForCausalLM",
     .name = "llama",
     .turns_neighbours = true,
     .experts = true,
     .windows = true},
    {.class_name = "Qwen2ForCausalLM", .name = "qwen2", .biases = true},
    {.class_name = "Qwen3ForCausalLM", .name = "qwen3", .head_norms = true},
    {.class_name = "Phi3ForCausalLM", .name = "phi3", .fused = true, .windows = true},
    {.class_name = "Gemma2ForCausalLM",
     .name = "gemma2",
     .adds_one = true,
     .norms_behind = true,
     .windows = true,
     .softcaps = true,
     .tied_unless_said = true,
     .layers_by_width = 46},
    {.class_name = "Gemma3ForCausalLM",
     .name = "gemma3",
     .adds_one = true,
     .head_norms = true,
     .norms_behind = true,
     .windows = true,
     .tied_unless_said = true,
     .layers_by_width = 62},
});

Error unsupported(const std::string& member, std::string found) {
  return refused(rules::hf_config_unsupported, "this means a computation that is not converted")
      .found(std::move(found))
      .within(member);
}

// present gives a member that is there and not null.
const Json* present(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<double> number(const Json& object, const char* name, double least, double most) {
  const Json* const found = present(object, name);
  const double value = found && found->is_number() ? found->get<double>() : std::nan("");
  if (value >= least && value <= most) return value;
  return fail(refused(rules::hf_config_number, "a number is missing or makes no sense")
                  .expected(std::to_string(least) + " to " + std::to_string(most))
                  .found(found ? printable(to_line(*found), 60) : "nothing")
                  .within(name));
}

Result<double> number_or(const Json& object, const char* name, double least, double most,
                         double absent) {
  if (present(object, name) == nullptr) return absent;
  return number(object, name, least, most);
}

Result<std::uint64_t> count(const Json& object, const char* name, std::uint64_t most) {
  TRY(const double value, number(object, name, 1, static_cast<double>(most)));
  if (!object.at(name).is_number_unsigned())
    return fail(refused(rules::hf_config_number, "a count is no whole number")
                    .found(printable(to_line(object.at(name)), 60))
                    .within(name));
  return static_cast<std::uint64_t>(value);
}

Result<std::uint64_t> count_or(const Json& object, const char* name, std::uint64_t most,
                               std::uint64_t absent) {
  if (present(object, name) == nullptr) return absent;
  return count(object, name, most);
}

bool is_true(const Json& object, const char* name) {
  const Json* const found = present(object, name);
  return found != nullptr && *found == true;
}

std::string text_or(const Json& object, const char* name, std::string absent) {
  const Json* const found = present(object, name);
  return found && found->is_string() ? found->get<std::string>() : std::move(absent);
}

Result<const HfArchitecture*> architecture_of(const Json& config) {
  const Json* const names = present(config, "architectures");
  const bool one = names && names->is_array() && names->size() == 1 && names->front().is_string();
  const std::string name = one ? names->front().get<std::string>() : "";
  const auto* const found = std::ranges::find(architectures, name, &HfArchitecture::class_name);
  if (found != architectures.end()) return found;
  std::string known;
  for (const HfArchitecture& each : architectures)
    known += (known.empty() ? "" : ", ") + std::string(each.class_name);
  return fail(refused(rules::hf_config_architecture, "models of this class are not converted")
                  .expected("one of " + known)
                  .found(one ? printable(name) : "no single name")
                  .within("architectures"));
}

Status read_rope(const Json& config, HfConfig& read) {
  constexpr double most_base = 1e12;
  const Json* const parameters = present(config, "rope_parameters");
  const Json nothing = Json::object();
  const Json* scaling = parameters ? parameters : present(config, "rope_scaling");
  if (scaling == nullptr) scaling = &nothing;
  if (!scaling->is_object()) return fail(unsupported("rope_scaling", "no object"));
  TRY(read.rope_base, number_or(parameters && scaling->contains("rope_theta") ? *scaling : config,
                                "rope_theta", 2, most_base, 10000));
  const std::string type = text_or(*scaling, "rope_type", text_or(*scaling, "type", "default"));
  if (type == "default") return {};
  if (type == "linear") {
    TRY(read.rope_divisor, number(*scaling, "factor", 1, 4096));
    return {};
  }
  if (type != "llama3") return fail(unsupported("rope_scaling", printable(type)));
  Llama3Rope rope{};
  TRY(rope.factor, number(*scaling, "factor", 1, 4096));
  TRY(rope.low_frequency_factor, number(*scaling, "low_freq_factor", 1e-3, 1e3));
  TRY(rope.high_frequency_factor, number(*scaling, "high_freq_factor", 1e-3, 1e3));
  TRY(rope.original_context, number(*scaling, "original_max_position_embeddings", 1, 1U << 20));
  if (!(rope.low_frequency_factor < rope.high_frequency_factor))
    return fail(unsupported("rope_scaling", "a low_freq_factor that is not the lower one"));
  read.llama3 = rope;
  return {};
}

Status read_heads(const Json& config, HfConfig& read) {
  TRY(read.heads, count(config, "num_attention_heads", 4096));
  TRY(read.kv_heads, count_or(config, "num_key_value_heads", read.heads, read.heads));
  TRY(read.head_size, count_or(config, "head_dim", 4096, read.embedding / read.heads));
  const bool said = present(config, "head_dim") != nullptr;
  if (read.heads % read.kv_heads != 0 || read.head_size % 2 != 0 || read.head_size == 0 ||
      (!said && read.embedding % read.heads != 0))
    return fail(refused(rules::hf_config_number, "the heads do not divide")
                    .found(std::to_string(read.heads) + " heads of " +
                           std::to_string(read.head_size) + ", " + std::to_string(read.kv_heads) +
                           " of keys, in a width of " + std::to_string(read.embedding))
                    .within("num_attention_heads"));
  TRY(const double turned, number_or(config, "partial_rotary_factor", 0.01, 1, 1));
  read.rope_dimensions =
      static_cast<std::uint64_t>(static_cast<double>(read.head_size) * turned) / 2 * 2;
  // The runtime knows how the class scales its scores; another scale cannot be said in GGUF.
  const bool by_width = read.layers == read.architecture->layers_by_width;
  const double scale = static_cast<double>(by_width ? read.embedding / read.heads : read.head_size);
  TRY(const double said_scale, number_or(config, "query_pre_attn_scalar", 1, 1e6, scale));
  if (said_scale != scale)
    return fail(unsupported("query_pre_attn_scalar", std::to_string(said_scale)));
  return {};
}

Status check_plain(const Json& config, const HfArchitecture& has) {
  const bool gelu = has.adds_one;
  const std::string activation =
      text_or(config, "hidden_activation",
              text_or(config, "hidden_act", gelu ? "gelu_pytorch_tanh" : "silu"));
  const bool fits = gelu ? activation == "gelu_pytorch_tanh" : activation == "silu";
  if (!fits) return fail(unsupported("hidden_act", printable(activation)));
  for (const char* member : {"attention_bias", "mlp_bias", "use_sliding_window"})
    if (is_true(config, member)) return fail(unsupported(member, "true"));
  if (present(config, "quantization_config") != nullptr)
    return fail(unsupported("quantization_config", "weights that were quantised already"));
  return {};
}

}  // namespace

Result<HfConfig> parse_hf_config(std::string_view json) {
  TRY(const Json config, parse_json(json));
  if (!config.is_object())
    return fail(refused(rules::hf_config_architecture, "the configuration is no object"));
  HfConfig read;
  TRY(read.architecture, architecture_of(config));
  const HfArchitecture& has = *read.architecture;
  TRY_VOID(check_plain(config, has));
  TRY(read.context, count(config, "max_position_embeddings", 1U << 24));
  TRY(read.embedding, count(config, "hidden_size", 1U << 17));
  TRY(read.layers, count(config, "num_hidden_layers", 1024));
  TRY(read.feed_forward, count(config, "intermediate_size", 1U << 20));
  TRY(read.vocabulary, count(config, "vocab_size", 1U << 24));
  TRY(read.epsilon, number(config, "rms_norm_eps", 1e-30, 1));
  TRY_VOID(read_heads(config, read));
  TRY_VOID(read_rope(config, read));
  if (has.windows) {
    TRY(read.window, count_or(config, "sliding_window", 1U << 24, 0));
  }
  if (has.experts) {
    TRY(read.experts, count(config, "num_local_experts", 1024));
    TRY(read.experts_used, count(config, "num_experts_per_tok", read.experts));
  }
  if (has.softcaps) {
    TRY(read.score_cap, number_or(config, "attn_logit_softcapping", 0, 1e6, 0));
    TRY(read.logit_cap, number_or(config, "final_logit_softcapping", 0, 1e6, 0));
  }
  const Json* const tied = present(config, "tie_word_embeddings");
  read.tied = tied ? *tied == true : has.tied_unless_said;
  return read;
}

}  // namespace attest::model
