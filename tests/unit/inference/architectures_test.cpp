// Each architecture against a plain computation in binary64, written here from the models' own
// descriptions, on small models of random weights; and all of them with the same bits in any chunk
// and on any instruction set.
#include <cmath>
#include <cstring>
#include <map>
#include <numeric>

#include "inference/model/transformer.h"
#include "tests/support/catch.h"
#include "tests/unit/inference/small_model.h"

using namespace attest;
using namespace attest::inference;

namespace {

using Numbers = std::vector<double>;

struct Design {
  std::string name;
  std::size_t layers = 3;
  std::size_t window = 0;
  std::size_t experts = 0;
  std::size_t experts_used = 0;
  double linear = 0;
  bool divisors = false;  // rope_freqs.weight
  bool tied = false;
};

constexpr std::size_t width = 32, heads = 4, kv_heads = 2, head = 12, inner = 40;
constexpr std::size_t vocabulary = small_vocabulary_size;
constexpr double epsilon = 1e-6;

bool is(const Design& design, std::string_view name) {
  return design.name == name;
}
bool gemma(const Design& design) {
  return design.name.starts_with("gemma");
}

// A model's file, and its tensors as numbers.
struct Made {
  Bytes file;
  std::map<std::string, Numbers> tensors;
};

Made make(const Design& design) {
  Made made;
  model::GgufWriter writer;
  const std::string p = design.name + ".";
  writer.add_string("general.architecture", design.name);
  writer.add_u32(p + "context_length", 64);
  writer.add_u32(p + "embedding_length", width);
  writer.add_u32(p + "block_count", static_cast<std::uint32_t>(design.layers));
  writer.add_u32(p + "feed_forward_length", inner);
  writer.add_u32(p + "attention.head_count", heads);
  writer.add_u32(p + "attention.head_count_kv", kv_heads);
  writer.add_u32(p + "attention.key_length", head);
  writer.add_u32(p + "attention.value_length", head);
  writer.add_u32(p + "rope.dimension_count", head);
  writer.add_f32(p + "rope.freq_base", gemma(design) ? 50000.0F : 10000.0F);
  writer.add_f32(p + "attention.layer_norm_rms_epsilon", static_cast<float>(epsilon));
  if (design.window != 0)
    writer.add_u32(p + "attention.sliding_window", static_cast<std::uint32_t>(design.window));
  if (design.experts != 0) {
    writer.add_u32(p + "expert_count", static_cast<std::uint32_t>(design.experts));
    writer.add_u32(p + "expert_used_count", static_cast<std::uint32_t>(design.experts_used));
  }
  if (design.linear != 0) {
    writer.add_string(p + "rope.scaling.type", "linear");
    writer.add_f32(p + "rope.scaling.factor", static_cast<float>(design.linear));
  }
  if (is(design, "gemma2")) {
    writer.add_f32(p + "attn_logit_softcapping", 5.0F);
    writer.add_f32(p + "final_logit_softcapping", 3.0F);
  }
  add_small_vocabulary(writer);
  Noise noise(static_cast<std::uint32_t>(design.name.size() * 7 + design.experts));
  const auto tensor = [&](const std::string& name, std::vector<std::uint64_t> dimensions,
                          float scale, float above = 0) {
    std::uint64_t count = 1;
    for (const std::uint64_t dimension : dimensions) count *= dimension;
    std::vector<float> values = noise.many(count, scale);
    for (float& value : values) value += above;
    made.tensors[name].assign(values.begin(), values.end());
    writer.add_tensor_f32(name, dimensions, values);
  };
  constexpr float in = 0.6F, small = 0.5F;
  tensor("token_embd.weight", {width, vocabulary}, 2.0F);
  for (std::size_t i = 0; i < design.layers; ++i) {
    const std::string b = "blk." + std::to_string(i) + ".";
    tensor(b + "attn_norm.weight", {width}, small, 1);
    if (is(design, "phi3")) {
      tensor(b + "attn_qkv.weight", {width, (heads + 2 * kv_heads) * head}, in);
    } else {
      tensor(b + "attn_q.weight", {width, heads * head}, in);
      tensor(b + "attn_k.weight", {width, kv_heads * head}, in);
      tensor(b + "attn_v.weight", {width, kv_heads * head}, in);
    }
    if (is(design, "qwen2")) {
      tensor(b + "attn_q.bias", {heads * head}, 1);
      tensor(b + "attn_k.bias", {kv_heads * head}, 1);
      tensor(b + "attn_v.bias", {kv_heads * head}, 1);
    }
    if (is(design, "qwen3") || is(design, "gemma3")) {
      tensor(b + "attn_q_norm.weight", {head}, small, 1);
      tensor(b + "attn_k_norm.weight", {head}, small, 1);
    }
    tensor(b + "attn_output.weight", {heads * head, width}, in);
    if (gemma(design)) tensor(b + "post_attention_norm.weight", {width}, small, 1);
    tensor(b + "ffn_norm.weight", {width}, small, 1);
    if (design.experts != 0) {
      tensor(b + "ffn_gate_inp.weight", {width, design.experts}, 1);
      tensor(b + "ffn_gate_exps.weight", {width, inner, design.experts}, in);
      tensor(b + "ffn_up_exps.weight", {width, inner, design.experts}, in);
      tensor(b + "ffn_down_exps.weight", {inner, width, design.experts}, in);
    } else {
      if (!is(design, "phi3")) tensor(b + "ffn_gate.weight", {width, inner}, in);
      tensor(b + "ffn_up.weight", {width, is(design, "phi3") ? 2 * inner : inner}, in);
      tensor(b + "ffn_down.weight", {inner, width}, in);
    }
    if (gemma(design)) tensor(b + "post_ffw_norm.weight", {width}, small, 1);
  }
  tensor("output_norm.weight", {width}, small, 1);
  if (!design.tied) tensor("output.weight", {width, vocabulary}, 1);
  if (design.divisors) tensor("rope_freqs.weight", {head / 2}, 3, 4);
  made.file = must(writer.finish());
  return made;
}

// ---- The same in binary64.

Numbers times(const Numbers& matrix, const Numbers& x, std::size_t rows, std::size_t first = 0) {
  Numbers y(rows);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t k = 0; k < x.size(); ++k) y[r] += matrix[(first + r) * x.size() + k] * x[k];
  return y;
}

Numbers normed(const Numbers& x, const Numbers& weight) {
  double squares = 0;
  for (const double value : x) squares += value * value;
  const double scale = 1 / std::sqrt(squares / static_cast<double>(x.size()) + epsilon);
  Numbers y(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] * scale * weight[i];
  return y;
}

void add(Numbers& to, const Numbers& more) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += more[i];
}

Numbers part(const Numbers& x, std::size_t first, std::size_t count) {
  const auto from = x.begin() + static_cast<std::ptrdiff_t>(first);
  return {from, from + static_cast<std::ptrdiff_t>(count)};
}

class Reference {
 public:
  Reference(const Design& design, const Made& made) : design_(design), made_(made) {}

  // Logits of the last of these tokens.
  Numbers logits(const std::vector<Token>& tokens) {
    std::vector<Numbers> x;
    for (const Token token : tokens) {
      x.push_back(part(of("token_embd.weight"), token * width, width));
      if (gemma(design_))
        for (double& value : x.back()) value *= std::sqrt(static_cast<double>(width));
    }
    for (std::size_t layer = 0; layer < design_.layers; ++layer) {
      prefix_ = "blk." + std::to_string(layer) + ".";
      const auto mixed = attention(x, layer);
      for (std::size_t t = 0; t < x.size(); ++t) {
        add(x[t], behind("post_attention_norm.weight",
                         times(of(prefix_ + "attn_output.weight"), mixed[t], width)));
        add(x[t], behind("post_ffw_norm.weight",
                         feed_forward(normed(x[t], of(prefix_ + "ffn_norm.weight")))));
      }
    }
    Numbers out = times(of(design_.tied ? "token_embd.weight" : "output.weight"),
                        normed(x.back(), of("output_norm.weight")), vocabulary);
    if (is(design_, "gemma2"))
      for (double& logit : out) logit = 3 * std::tanh(logit / 3);
    return out;
  }

 private:
  const Numbers& of(const std::string& name) const { return made_.tensors.at(name); }
  Numbers behind(const std::string& name, Numbers y) const {
    return gemma(design_) ? normed(y, of(prefix_ + name)) : y;
  }

  // Gemma 2: layers 0, 2, 4 … slide; Gemma 3: all but 5, 11 …; others: all, with a window.
  bool slides(std::size_t layer) const {
    if (design_.window == 0) return false;
    if (is(design_, "gemma2")) return layer % 2 == 0;
    if (is(design_, "gemma3")) return layer % 6 != 5;
    return true;
  }

  void turn(Numbers& x, std::size_t position, std::size_t layer) const {
    const bool local = is(design_, "gemma3") && slides(layer);
    const double base = gemma(design_) && !local ? 50000 : 10000;
    for (std::size_t start = 0; start < x.size(); start += head)
      for (std::size_t i = 0; i < head / 2; ++i) {
        double frequency = std::pow(base, -2.0 * static_cast<double>(i) / head);
        if (design_.linear != 0 && !local) frequency /= design_.linear;
        if (design_.divisors) frequency /= of("rope_freqs.weight")[i];
        const double angle = static_cast<double>(position) * frequency;
        const bool llama = is(design_, "llama");
        double& a = x[start + (llama ? 2 * i : i)];
        double& b = x[start + (llama ? 2 * i + 1 : i + head / 2)];
        const double turned = a * std::cos(angle) - b * std::sin(angle);
        b = a * std::sin(angle) + b * std::cos(angle);
        a = turned;
      }
  }

  void norm_heads(Numbers& x, const std::string& name) const {
    if (!is(design_, "qwen3") && !is(design_, "gemma3")) return;
    Numbers out;
    for (std::size_t start = 0; start < x.size(); start += head) {
      const Numbers one = normed(part(x, start, head), of(prefix_ + name));
      out.insert(out.end(), one.begin(), one.end());
    }
    x = out;
  }

  std::vector<Numbers> attention(const std::vector<Numbers>& x, std::size_t layer) {
    std::vector<Numbers> q, k, v, mixed;
    for (std::size_t t = 0; t < x.size(); ++t) {
      const Numbers n = normed(x[t], of(prefix_ + "attn_norm.weight"));
      if (is(design_, "phi3")) {
        const Numbers all =
            times(of(prefix_ + "attn_qkv.weight"), n, (heads + 2 * kv_heads) * head);
        q.push_back(part(all, 0, heads * head));
        k.push_back(part(all, heads * head, kv_heads * head));
        v.push_back(part(all, (heads + kv_heads) * head, kv_heads * head));
      } else {
        q.push_back(times(of(prefix_ + "attn_q.weight"), n, heads * head));
        k.push_back(times(of(prefix_ + "attn_k.weight"), n, kv_heads * head));
        v.push_back(times(of(prefix_ + "attn_v.weight"), n, kv_heads * head));
      }
      if (is(design_, "qwen2")) {
        add(q[t], of(prefix_ + "attn_q.bias"));
        add(k[t], of(prefix_ + "attn_k.bias"));
        add(v[t], of(prefix_ + "attn_v.bias"));
      }
      norm_heads(q[t], "attn_q_norm.weight");
      norm_heads(k[t], "attn_k_norm.weight");
      turn(q[t], t, layer);
      turn(k[t], t, layer);
    }
    for (std::size_t t = 0; t < x.size(); ++t) {
      Numbers out;
      for (std::size_t h = 0; h < heads; ++h) {
        const std::size_t shared = h / (heads / kv_heads) * head;
        Numbers weights(t + 1), sum(head);
        double total = 0;
        for (std::size_t p = 0; p <= t; ++p) {
          double score = 0;
          for (std::size_t d = 0; d < head; ++d) score += q[t][h * head + d] * k[p][shared + d];
          score /= std::sqrt(static_cast<double>(head));
          if (is(design_, "gemma2")) score = 5 * std::tanh(score / 5);
          weights[p] = slides(layer) && t - p >= design_.window ? 0 : std::exp(score);
          total += weights[p];
        }
        for (std::size_t p = 0; p <= t; ++p)
          for (std::size_t d = 0; d < head; ++d) sum[d] += weights[p] / total * v[p][shared + d];
        out.insert(out.end(), sum.begin(), sum.end());
      }
      mixed.push_back(out);
    }
    return mixed;
  }

  Numbers gated(Numbers gate, const Numbers& up) const {
    for (std::size_t i = 0; i < gate.size(); ++i) {
      const double g = gate[i];
      const double bent =
          gemma(design_)
              ? 0.5 * g * (1 + std::tanh(std::sqrt(2 / M_PI) * (g + 0.044715 * g * g * g)))
              : g / (1 + std::exp(-g));
      gate[i] = bent * up[i];
    }
    return gate;
  }

  Numbers feed_forward(const Numbers& n) const {
    if (design_.experts != 0) return mixture(n);
    Numbers gate, up;
    if (is(design_, "phi3")) {
      gate = times(of(prefix_ + "ffn_up.weight"), n, inner);
      up = times(of(prefix_ + "ffn_up.weight"), n, inner, inner);
    } else {
      gate = times(of(prefix_ + "ffn_gate.weight"), n, inner);
      up = times(of(prefix_ + "ffn_up.weight"), n, inner);
    }
    return times(of(prefix_ + "ffn_down.weight"), gated(gate, up), width);
  }

  Numbers mixture(const Numbers& n) const {
    const Numbers scores = times(of(prefix_ + "ffn_gate_inp.weight"), n, design_.experts);
    std::vector<std::size_t> order(design_.experts);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
    order.resize(design_.experts_used);
    double total = 0;
    for (const std::size_t expert : order) total += std::exp(scores[expert]);
    Numbers out(width);
    for (const std::size_t expert : order) {
      const Numbers mid =
          gated(times(of(prefix_ + "ffn_gate_exps.weight"), n, inner, expert * inner),
                times(of(prefix_ + "ffn_up_exps.weight"), n, inner, expert * inner));
      Numbers one = times(of(prefix_ + "ffn_down_exps.weight"), mid, width, expert * width);
      for (double& value : one) value *= std::exp(scores[expert]) / total;
      add(out, one);
    }
    return out;
  }

  const Design& design_;
  const Made& made_;
  std::string prefix_;
};

std::vector<Design> designs() {
  return {{.name = "llama"},
          {.name = "llama", .window = 4, .tied = true},
          {.name = "llama", .experts = 4, .experts_used = 2},
          {.name = "llama", .linear = 4},
          {.name = "llama", .divisors = true},
          {.name = "qwen2", .tied = true},
          {.name = "qwen3"},
          {.name = "phi3"},
          {.name = "phi3", .window = 5},
          {.name = "gemma2", .window = 4, .tied = true},
          {.name = "gemma3", .layers = 7, .window = 4, .linear = 8, .tied = true}};
}

std::string words_of(const Design& design) {
  return design.name + " window " + std::to_string(design.window) + " experts " +
         std::to_string(design.experts);
}

const std::vector<Token> tokens{1, 270 % vocabulary, 97, 5, 200, 12, 33, 33, 150, 260, 7};

std::vector<float> computed(const Transformer& transformer, std::size_t chunk,
                            const Kernels& kernels) {
  const auto executor = make_serial_executor();
  const Machine machine{.executor = executor.get(), .kernels = &kernels};
  Sequence sequence = must(Sequence::begin(transformer, tokens.size()));
  std::vector<float> all;
  for (std::size_t at = 0; at < tokens.size(); at += chunk)
    must(sequence.append(std::span(tokens).subspan(at, std::min(chunk, tokens.size() - at)),
                         machine, [&](std::size_t, std::span<const float> logits) {
                           all.insert(all.end(), logits.begin(), logits.end());
                           return Status();
                         }));
  return all;
}

}  // namespace

TEST_CASE("each architecture computes what its description says") {
  for (const Design& design : designs()) {
    INFO(words_of(design));
    const Made made = make(design);
    const Transformer transformer = must(load_from(made.file));
    const std::vector<float> all = computed(transformer, tokens.size(), scalar_kernels());
    const Numbers expected = Reference(design, made).logits(tokens);
    double size = 0;
    for (const double logit : expected) size += logit * logit;
    size = std::sqrt(size / static_cast<double>(vocabulary));
    for (std::size_t i = 0; i < vocabulary; ++i) {
      const double found = static_cast<double>(all[(tokens.size() - 1) * vocabulary + i]);
      REQUIRE(std::fabs(found - expected[i]) < 1e-4 * size);
    }
  }
}

TEST_CASE("every architecture has the same bits in any chunk and on any instruction set") {
  for (const Design& design : designs()) {
    INFO(words_of(design));
    const Transformer transformer = must(load_from(make(design).file));
    const std::vector<float> whole = computed(transformer, tokens.size(), scalar_kernels());
    for (const Kernels* kernels : {&scalar_kernels(), &best_kernels()})
      for (const std::size_t chunk : {std::size_t{1}, std::size_t{3}, tokens.size()}) {
        const std::vector<float> again = computed(transformer, chunk, *kernels);
        REQUIRE(std::memcmp(whole.data(), again.data(), whole.size() * sizeof(float)) == 0);
      }
  }
}
