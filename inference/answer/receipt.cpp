#include "inference/answer/receipt.h"

#include <limits>

#include "libattest/base/text.h"

namespace attest::inference {

namespace {

Error wrong_form(std::string what) {
  return refused(rules::answer_receipt_form, std::move(what));
}

cbor::Value of_tokens(const std::vector<Token>& tokens) {
  cbor::Array array;
  for (const Token token : tokens) array.emplace_back(token);
  return array;
}

cbor::Value of_optional(const std::optional<Sha256>& digest) {
  return digest ? cbor::Value(*digest) : cbor::Value();
}

cbor::Value of_prompt(const Receipt& receipt) {
  if (receipt.prompt) return cbor::Map{{"tokens", of_tokens(*receipt.prompt)}};
  if (receipt.prompt_tree)
    return cbor::Map{{"root", receipt.prompt_tree->root}, {"count", receipt.prompt_tree->count}};
  return cbor::Map{{"commitment", of_optional(receipt.prompt_commitment)}};
}

cbor::Value of_model(const Receipt::Model& model) {
  return cbor::Map{{"subject", model.subject},
                   {"fsverity", model.fsverity},
                   {"release", model.release ? cbor::Value(*model.release) : cbor::Value()}};
}

cbor::Value of_checkpoint(const std::optional<Receipt::Checkpoint>& checkpoint) {
  if (!checkpoint) return {};
  return cbor::Map{
      {"origin", checkpoint->origin}, {"size", checkpoint->size}, {"root", checkpoint->root}};
}

cbor::Value of_sampler(const SamplerSettings& sampler) {
  cbor::Map map{{"temperature", static_cast<double>(sampler.temperature)},
                {"top_k", sampler.top_k},
                {"top_p", static_cast<double>(sampler.top_p)},
                {"min_p", static_cast<double>(sampler.min_p)},
                {"repetition", static_cast<double>(sampler.repetition)},
                {"seed", sampler.seed}};
  // Left out where they are none, as receipts were before they were there.
  if (sampler.presence != 0) map.emplace_back("presence", static_cast<double>(sampler.presence));
  if (sampler.frequency != 0) map.emplace_back("frequency", static_cast<double>(sampler.frequency));
  return map;
}

void append_answer(const Receipt& receipt, cbor::Map& payload) {
  cbor::Array logits;
  for (const Sha256& hash : receipt.logits) logits.emplace_back(hash);
  payload.emplace_back("template", of_optional(receipt.template_digest));
  payload.emplace_back("sampler", of_sampler(receipt.sampler));
  payload.emplace_back("answer", of_tokens(receipt.answer));
  payload.emplace_back("stopped", receipt.stopped);
  payload.emplace_back("logits", std::move(logits));
  // Left out where there is none, as receipts were before it was there.
  if (receipt.form)
    payload.emplace_back("form", cbor::Map{{"kind", std::string(to_string(receipt.form->kind))},
                                           {"digest", receipt.form->digest}});
}

Bytes encode_payload(const Receipt& receipt) {
  cbor::Map payload{
      {"version", 1},
      {"profile", receipt.profile},
      {"runtime", receipt.runtime},
      {"node", receipt.node ? cbor::Value(*receipt.node) : cbor::Value()},
      {"model", of_model(receipt.model)},
      {"checkpoint", of_checkpoint(receipt.checkpoint)},
      {"prompt", of_prompt(receipt)},
      {"result", of_optional(receipt.result)},
      {"started", unix_seconds(receipt.started)},
  };
  if (receipt.embedding) {
    payload.emplace_back("embedding", cbor::Map{{"pooling", receipt.embedding->pooling},
                                                {"size", receipt.embedding->size},
                                                {"digest", receipt.embedding->digest}});
  } else {
    append_answer(receipt, payload);
  }
  return cbor::encode(std::move(payload));
}

Result<std::vector<Token>> tokens_in(const cbor::Array& array, std::string_view what) {
  std::vector<Token> tokens;
  for (const cbor::Value& value : array) {
    TRY(const std::uint64_t token, cbor::expect_unsigned(value, what));
    if (token > std::numeric_limits<Token>::max())
      return fail(wrong_form(std::string(what) + " is too large").found(std::to_string(token)));
    tokens.push_back(static_cast<Token>(token));
  }
  return tokens;
}

Result<std::optional<Sha256>> optional_digest(cbor::Fields& fields, std::string_view name) {
  TRY(const cbor::Value* value, fields.required(name));
  if (value->is_null()) return std::optional<Sha256>();
  TRY(const Sha256 digest, cbor::expect_fixed<32>(*value, name));
  return std::optional(digest);
}

Result<float> float_in(cbor::Fields& fields, std::string_view name) {
  TRY(const cbor::Value* value, fields.required(name));
  const double* number = value->as_double();
  // What does not fit a float was not written by a runtime that computes with floats.
  if (!number || static_cast<double>(static_cast<float>(*number)) != *number)
    return fail(wrong_form("sampler." + std::string(name) + " is no float"));
  return static_cast<float>(*number);
}

Status read_prompt(cbor::Fields& fields, Receipt& receipt) {
  TRY(const cbor::Value* value, fields.required("prompt"));
  TRY(cbor::Fields prompt, cbor::Fields::of(*value, "prompt"));
  if (value->find("tokens")) {
    TRY(const cbor::Array* tokens, prompt.array("tokens"));
    TRY(receipt.prompt, tokens_in(*tokens, "prompt token"));
    if (receipt.prompt->empty()) return fail(wrong_form("an empty prompt"));
  } else if (value->find("root")) {
    PromptTree tree;
    TRY(const cbor::Value* root, prompt.required("root"));
    TRY(tree.root, cbor::expect_fixed<32>(*root, "root"));
    TRY(tree.count, prompt.unsigned_integer("count"));
    if (tree.count == 0) return fail(wrong_form("an empty prompt"));
    receipt.prompt_tree = tree;
  } else {
    TRY(const cbor::Value* commitment, prompt.required("commitment"));
    TRY(receipt.prompt_commitment, cbor::expect_fixed<32>(*commitment, "commitment"));
  }
  return prompt.finish();
}

Status read_model(cbor::Fields& fields, Receipt& receipt) {
  TRY(const cbor::Value* value, fields.required("model"));
  TRY(cbor::Fields model, cbor::Fields::of(*value, "model"));
  TRY(receipt.model.subject, model.text("subject"));
  TRY_VOID(parse_digest_uri(receipt.model.subject));
  TRY(const cbor::Value* fsverity, model.required("fsverity"));
  TRY(receipt.model.fsverity, cbor::expect_fixed<32>(*fsverity, "fsverity"));
  TRY_VOID(model.required("release"));
  TRY(receipt.model.release, model.optional_unsigned("release"));
  return model.finish();
}

Status read_checkpoint(cbor::Fields& fields, Receipt& receipt) {
  TRY(const cbor::Value* value, fields.required("checkpoint"));
  if (value->is_null()) return {};
  TRY(cbor::Fields checkpoint, cbor::Fields::of(*value, "checkpoint"));
  Receipt::Checkpoint read;
  TRY(read.origin, checkpoint.text("origin"));
  TRY(read.size, checkpoint.unsigned_integer("size"));
  TRY(const cbor::Value* root, checkpoint.required("root"));
  TRY(read.root, cbor::expect_fixed<32>(*root, "root"));
  receipt.checkpoint = std::move(read);
  return checkpoint.finish();
}

Status read_sampler(cbor::Fields& fields, Receipt& receipt) {
  TRY(const cbor::Value* value, fields.required("sampler"));
  TRY(cbor::Fields sampler, cbor::Fields::of(*value, "sampler"));
  SamplerSettings& settings = receipt.sampler;
  TRY(settings.temperature, float_in(sampler, "temperature"));
  TRY(settings.top_p, float_in(sampler, "top_p"));
  TRY(settings.min_p, float_in(sampler, "min_p"));
  TRY(settings.repetition, float_in(sampler, "repetition"));
  TRY(settings.seed, sampler.unsigned_integer("seed"));
  TRY(const std::uint64_t top_k, sampler.unsigned_integer("top_k"));
  if (top_k > std::numeric_limits<std::uint32_t>::max())
    return fail(wrong_form("sampler.top_k is too large"));
  settings.top_k = static_cast<std::uint32_t>(top_k);
  for (const auto& [name, penalty] :
       {std::pair("presence", &settings.presence), std::pair("frequency", &settings.frequency)}) {
    if (!value->find(name)) continue;
    TRY(*penalty, float_in(sampler, name));
    // One way to say none.
    if (*penalty == 0) return fail(wrong_form("sampler." + std::string(name) + " is 0"));
  }
  TRY_VOID(sampler.finish());
  return check_settings(settings);
}

Status read_form(const cbor::Value& payload, cbor::Fields& fields, Receipt& receipt) {
  if (!payload.find("form")) return {};
  TRY(const cbor::Value* value, fields.required("form"));
  TRY(cbor::Fields form, cbor::Fields::of(*value, "form"));
  TRY(const std::string name, form.text("kind"));
  const auto kind = form_kind(name);
  if (!kind)
    return fail(wrong_form("unknown form of an answer")
                    .expected("json-object, json-schema or grammar")
                    .found(printable(name, 40)));
  TRY(const cbor::Value* digest, form.required("digest"));
  TRY(const Sha256 of_form, cbor::expect_fixed<32>(*digest, "digest"));
  receipt.form = Receipt::Form{*kind, of_form};
  return form.finish();
}

Status read_answer(cbor::Fields& fields, Receipt& receipt) {
  TRY(const cbor::Array* answer, fields.array("answer"));
  TRY(receipt.answer, tokens_in(*answer, "answer token"));
  if (receipt.answer.empty()) return fail(wrong_form("an empty answer"));
  TRY(receipt.stopped, fields.text("stopped"));
  if (receipt.stopped != "eos" && receipt.stopped != "length" && receipt.stopped != "stop")
    return fail(wrong_form("unknown reason to stop").expected("eos, length or stop"));
  TRY(const cbor::Array* logits, fields.array("logits"));
  for (const cbor::Value& value : *logits) {
    TRY(const Sha256 hash, cbor::expect_fixed<32>(value, "logits hash"));
    receipt.logits.push_back(hash);
  }
  const std::size_t answered = receipt.answer.size() - 1;
  const std::size_t hashes = receipt.logits.size();
  const bool fits = receipt.prompt ? hashes == receipt.prompt->size() + answered
                    : receipt.prompt_tree
                        ? hashes > answered && hashes - answered == receipt.prompt_tree->count
                        : hashes > answered;
  if (!fits)
    return fail(
        wrong_form("the chain has not one hash for each position").found(std::to_string(hashes)));
  return {};
}

Status read_embedding(cbor::Fields& fields, Receipt& receipt) {
  TRY(const cbor::Value* value, fields.required("embedding"));
  TRY(cbor::Fields embedding, cbor::Fields::of(*value, "embedding"));
  Receipt::Embedding read;
  TRY(read.pooling, embedding.text("pooling"));
  TRY(read.size, embedding.unsigned_integer("size"));
  if (read.size == 0) return fail(wrong_form("an embedding of no numbers"));
  TRY(const cbor::Value* digest, embedding.required("digest"));
  TRY(read.digest, cbor::expect_fixed<32>(*digest, "digest"));
  receipt.embedding = std::move(read);
  return embedding.finish();
}

Result<Receipt> decode_payload(ByteView payload) {
  TRY(const cbor::Value value, cbor::decode(payload, cbor::Form::deterministic));
  TRY(cbor::Fields fields, cbor::Fields::of(value, "receipt"));
  TRY(const std::uint64_t version, fields.unsigned_integer("version"));
  if (version != 1)
    return fail(wrong_form("unknown version").expected("1").found(std::to_string(version)));
  Receipt receipt;
  TRY(receipt.profile, fields.text("profile"));
  TRY(receipt.runtime, fields.text("runtime"));
  TRY_VOID(fields.required("node"));
  TRY(receipt.node, fields.optional_text("node"));
  TRY_VOID(read_model(fields, receipt));
  TRY_VOID(read_checkpoint(fields, receipt));
  TRY_VOID(read_prompt(fields, receipt));
  if (value.find("embedding")) {
    TRY_VOID(read_embedding(fields, receipt));
  } else {
    TRY(receipt.template_digest, optional_digest(fields, "template"));
    TRY_VOID(read_sampler(fields, receipt));
    TRY_VOID(read_form(value, fields, receipt));
    TRY_VOID(read_answer(fields, receipt));
  }
  TRY(receipt.result, optional_digest(fields, "result"));
  TRY(const std::uint64_t started, fields.unsigned_integer("started"));
  if (started > std::numeric_limits<std::uint32_t>::max() * 64ULL)
    return fail(wrong_form("a time beyond all use"));
  receipt.started = from_unix(static_cast<std::int64_t>(started));
  TRY_VOID(fields.finish());
  return receipt;
}

}  // namespace

Sha256 commit_prompt(std::span<const Token> prompt, const Sha256& salt) {
  Bytes tokens;
  for (const Token token : prompt) append_u32_le(tokens, token);
  return sha256({as_bytes("attest-prompt-v1"), ByteView(salt), ByteView(tokens)});
}

Result<Bytes> sign_receipt(const Receipt& receipt, std::string_view issuer, Time issued_at,
                           const SigningKey& key) {
  cose::Sign1Content content;
  content.content_type = std::string(receipt_content_type);
  content.claims.issuer = std::string(issuer);
  content.claims.subject = receipt.model.subject;
  content.claims.issued_at = issued_at;
  content.payload = encode_payload(receipt);
  TRY(Bytes bytes, cose::sign1(content, key));
  TRY_VOID(parse_receipt(bytes));
  return bytes;
}

Result<UntrustedReceipt> parse_receipt(ByteView bytes) {
  if (bytes.size() > max_receipt_size)
    return fail(wrong_form("too large").found(std::to_string(bytes.size()) + " bytes"));
  TRY(cose::UntrustedSign1 message, cose::parse_sign1(bytes));
  if (message.content_type != receipt_content_type || !message.payload)
    return fail(wrong_form("this is no receipt")
                    .expected(std::string(receipt_content_type))
                    .found(message.content_type.value_or("no content type")));
  const cose::CwtClaims& claims = message.claims;
  if (!claims.issuer || !claims.subject || !claims.issued_at || claims.not_before ||
      claims.expires || !claims.others.empty() || !message.key_id || message.key_id->size() != 32 ||
      !message.unprotected_header.empty())
    return fail(wrong_form("the header is not that of a receipt")
                    .expected("key id, issuer, subject and issued-at, and nothing else"));
  UntrustedReceipt receipt;
  TRY(receipt.receipt, decode_payload(*message.payload));
  if (receipt.receipt.model.subject != *claims.subject)
    return fail(wrong_form("header and payload name different models")
                    .expected(receipt.receipt.model.subject)
                    .found(*claims.subject));
  receipt.issuer = *claims.issuer;
  receipt.issued_at = *claims.issued_at;
  std::ranges::copy(*message.key_id, receipt.key_id.begin());
  receipt.bytes = to_bytes(bytes);
  receipt.message = std::move(message);
  return receipt;
}

Result<VerifiedReceipt> verify_receipt(UntrustedReceipt receipt, const PublicKey& key) {
  if (key.thumbprint() != receipt.key_id)
    return fail(refused(rules::receipt_key, "the receipt was signed by another key")
                    .expected(to_hex(receipt.key_id))
                    .found(to_hex(key.thumbprint())));
  TRY_VOID(cose::verify_sign1(receipt.message, key));
  return VerifiedReceipt(std::move(receipt), key);
}

}  // namespace attest::inference
