// The encoder against a plain computation in binary64, with the same bits on all instruction sets,
// and what it refuses; receipts of embeddings and their replay.
#include "inference/model/encoder.h"

#include <cmath>

#include "inference/answer/replay.h"
#include "inference/kernels/exact.h"
#include "inference/model/model_shape.h"
#include "tests/unit/inference/small_encoder.h"

using namespace attest;
using namespace attest::inference;

namespace {

using Numbers = std::vector<double>;

// BERT as its paper describes it, one position after the other.
class Plain {
 public:
  Plain(const MadeEncoder& made, const SmallEncoder& shape) : made_(&made), shape_(shape) {}

  Numbers embed(const std::vector<Token>& tokens) const {
    std::vector<Numbers> x;
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      Numbers here = row("token_embd.weight", tokens[t]);
      add(here, row("token_types.weight", 0));
      add(here, row("position_embd.weight", t));
      x.push_back(normalised(here, "token_embd_norm"));
    }
    for (std::uint32_t i = 0; i < shape_.layers; ++i) layer(x, "blk." + std::to_string(i) + ".");
    Numbers pooled = x[0];
    if (shape_.pooling == 1)
      for (std::size_t t = 1; t < x.size(); ++t) add(pooled, x[t]);
    double squares = 0;
    for (const double value : pooled) squares += value * value;
    for (double& value : pooled) value /= std::sqrt(squares);
    return pooled;
  }

 private:
  const Numbers& tensor(const std::string& name) const { return made_->tensors.at(name); }
  Numbers row(const std::string& name, std::size_t i) const {
    const auto begin = tensor(name).begin() + static_cast<std::ptrdiff_t>(i * shape_.width);
    return {begin, begin + shape_.width};
  }
  static void add(Numbers& to, const Numbers& more) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += more[i];
  }
  Numbers linear(const Numbers& x, const std::string& name) const {
    Numbers y = tensor(name + ".bias");
    const Numbers& w = tensor(name + ".weight");
    for (std::size_t r = 0; r < y.size(); ++r)
      for (std::size_t c = 0; c < x.size(); ++c) y[r] += w[r * x.size() + c] * x[c];
    return y;
  }
  Numbers normalised(const Numbers& x, const std::string& name) const {
    double mean = 0;
    double variance = 0;
    for (const double value : x) mean += value / static_cast<double>(x.size());
    for (const double value : x)
      variance += (value - mean) * (value - mean) / static_cast<double>(x.size());
    Numbers y;
    for (std::size_t i = 0; i < x.size(); ++i)
      y.push_back((x[i] - mean) / std::sqrt(variance + 1e-12) * tensor(name + ".weight")[i] +
                  tensor(name + ".bias")[i]);
    return y;
  }
  void layer(std::vector<Numbers>& x, const std::string& p) const {
    std::vector<Numbers> q, k, v;
    for (const Numbers& here : x) {
      q.push_back(linear(here, p + "attn_q"));
      k.push_back(linear(here, p + "attn_k"));
      v.push_back(linear(here, p + "attn_v"));
    }
    for (std::size_t t = 0; t < x.size(); ++t) {
      Numbers more = linear(mixed(q[t], k, v), p + "attn_output");
      add(more, x[t]);
      Numbers here = normalised(more, p + "attn_output_norm");
      Numbers inner = linear(here, p + "ffn_up");
      for (double& value : inner) value = 0.5 * value * (1 + std::erf(value / std::sqrt(2.0)));
      more = linear(inner, p + "ffn_down");
      add(more, here);
      x[t] = normalised(more, p + "layer_output_norm");
    }
  }
  Numbers mixed(const Numbers& q, const std::vector<Numbers>& k,
                const std::vector<Numbers>& v) const {
    Numbers out(q.size(), 0.0);
    const std::size_t size = q.size() / shape_.heads;
    for (std::size_t first = 0; first < q.size(); first += size) {
      Numbers weights;
      double total = 0;
      for (const Numbers& key : k) {
        double score = 0;
        for (std::size_t d = 0; d < size; ++d) score += q[first + d] * key[first + d];
        weights.push_back(std::exp(score / std::sqrt(static_cast<double>(size))));
        total += weights.back();
      }
      for (std::size_t p = 0; p < v.size(); ++p)
        for (std::size_t d = 0; d < size; ++d)
          out[first + d] += weights[p] / total * v[p][first + d];
    }
    return out;
  }

  const MadeEncoder* made_;
  SmallEncoder shape_;
};

std::vector<Token> some_text(std::size_t length) {
  std::vector<Token> text{0};
  for (std::size_t i = 1; i < length; ++i) text.push_back(static_cast<Token>(i * 5 % 8));
  return text;
}

}  // namespace

TEST_CASE("an encoder's vector is the one that its description gives") {
  const auto executor = make_thread_pool(2);
  for (const std::uint32_t pooling : {1U, 2U})
    for (const std::size_t length : {1U, 2U, 7U, 33U}) {
      const SmallEncoder shape{.pooling = pooling};
      const MadeEncoder made = small_encoder(shape);
      const auto text = some_text(length);
      const auto vector =
          must(must(load_encoder(made.file)).embed(text, {.executor = executor.get()}));
      const Numbers plain = Plain(made, shape).embed(text);
      REQUIRE(vector.size() == plain.size());
      for (std::size_t i = 0; i < plain.size(); ++i)
        REQUIRE(static_cast<double>(vector[i]) == Approx(plain[i]).margin(2e-5));
    }
}

TEST_CASE("erf and gelu are off by no more than they say") {
  for (int i = -6000; i <= 6000; ++i) {
    const float x = static_cast<float>(i) / 1000;
    const auto wide = static_cast<double>(x);
    REQUIRE(std::abs(static_cast<double>(exact::erf(x)) - std::erf(wide)) < 5e-7);
    REQUIRE(std::abs(static_cast<double>(exact::gelu_by_erf(x)) -
                     0.5 * wide * (1 + std::erf(wide / std::sqrt(2.0)))) < 2e-6);
  }
  REQUIRE(exact::erf(40.0F) == 1.0F);
  REQUIRE(exact::erf(-40.0F) == -1.0F);
}

TEST_CASE("an encoder gives the same bits on every instruction set and thread count") {
  const auto text = some_text(37);
  for (const model::TensorType type : all_weight_types) {
    const Encoder encoder =
        must(load_encoder(small_encoder({.width = 256, .inner = 512, .type = type}).file));
    const auto serial = make_serial_executor();
    const auto expected =
        must(encoder.embed(text, {.executor = serial.get(), .kernels = &scalar_kernels()}));
    for (const unsigned threads : {1U, 2U}) {
      const auto executor = make_thread_pool(threads);
      for (const Kernels* kernels :
           {&scalar_kernels(), avx2_kernels(), avx512_kernels(), avx512_vnni_kernels()})
        if (kernels)
          REQUIRE(must(encoder.embed(text, {.executor = executor.get(), .kernels = kernels})) ==
                  expected);
    }
  }
}

TEST_CASE("an encoder file that means something else is refused") {
  const auto refused = [](const SmallEncoder& shape, Rule rule) {
    REQUIRE_RULE(load_encoder(small_encoder(shape).file), rule);
  };
  refused({.pooling = 0}, rules::encoder_pooling);
  refused({.pooling = 3}, rules::encoder_pooling);
  refused({.causal = true}, rules::shape_unsupported);
  refused({.heads = 5}, rules::shape_number);
  refused({.without = "blk.1.ffn_up.bias"}, rules::transformer_tensor);
  refused({.without = "position_embd.weight"}, rules::transformer_tensor);
  refused({.besides = "cls.weight"}, rules::transformer_unknown_tensor);
}

TEST_CASE("an encoder refuses texts that it cannot take, and vectors that are no numbers") {
  const auto executor = make_serial_executor();
  const Machine machine{.executor = executor.get()};
  const Encoder encoder = must(load_encoder(small_encoder().file));
  REQUIRE_RULE(encoder.embed({}, machine), rules::sequence_too_long);
  REQUIRE_RULE(encoder.embed(some_text(41), machine), rules::sequence_too_long);
  REQUIRE_OK(encoder.embed(some_text(40), machine));
  REQUIRE_RULE(encoder.embed(std::vector<Token>{8}, machine), rules::token_unknown);
  const Encoder poisoned = must(load_encoder(small_encoder({.poison = 2e38F}).file));
  REQUIRE_RULE(poisoned.embed(some_text(4), machine), rules::logits_not_finite);
}

TEST_CASE("a receipt of an embedding says what it said, and replays against its model alone") {
  const auto executor = make_serial_executor();
  const Machine machine{.executor = executor.get()};
  const Encoder encoder = must(load_encoder(small_encoder().file));
  const auto text = some_text(5);
  const auto key = must(make_signing_key(KeyKind::ed25519, system_random()));
  Receipt receipt;
  receipt.profile = "exact-1";
  receipt.runtime = "test";
  receipt.model = {digest_uri(encoder.sha256()), encoder.fsverity(), 1};
  receipt.prompt = text;
  receipt.embedding = Receipt::Embedding{"mean", 32, digest_of(must(encoder.embed(text, machine)))};
  receipt.started = from_unix(1'790'000'000);
  const auto verified = [&] {
    const Bytes bytes = must(sign_receipt(receipt, "inferd", receipt.started, *key));
    return must(verify_receipt(must(parse_receipt(bytes)), key->public_key()));
  };
  REQUIRE(verified().receipt() == receipt);
  REQUIRE(must(replay_embedding(encoder, verified(), {}, machine)).agrees());
  // Not an answer of a model that writes, even where it names that model.
  const Transformer writer = must(load_from(small_model()));
  Receipt named = receipt;
  std::swap(receipt, named);
  receipt.model = {digest_uri(writer.sha256()), writer.fsverity(), 1};
  REQUIRE_RULE(replay(writer, verified(), {}, machine), rules::replay_model);
  receipt = named;

  receipt.prompt->back() ^= 1;
  REQUIRE_FALSE(must(replay_embedding(encoder, verified(), {}, machine)).agrees());
  receipt.prompt->back() ^= 1;
  receipt.embedding->pooling = "first";
  REQUIRE_RULE(replay_embedding(encoder, verified(), {}, machine), rules::replay_model);
  receipt.embedding->pooling = "mean";
  receipt.model.subject = digest_uri(Sha256{});
  REQUIRE_RULE(replay_embedding(encoder, verified(), {}, machine), rules::replay_model);
  receipt.embedding->size = 0;
  REQUIRE_RULE(sign_receipt(receipt, "inferd", receipt.started, *key), rules::answer_receipt_form);
}
