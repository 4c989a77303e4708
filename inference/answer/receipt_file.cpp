#include "inference/answer/receipt_file.h"

#include "libattest/statement/statement.h"
#include "libattest/transparency/tree.h"
#include "libattest/trust/authorize.h"

namespace attest::inference {

namespace {

// Room for 64 MiB of receipt and what surrounds it, and a bound on what is decoded at all.
constexpr std::size_t max_file_size = max_receipt_size + (4U << 20);

cbor::Value of_path(const std::vector<Sha256>& path) {
  cbor::Array array;
  for (const Sha256& hash : path) array.emplace_back(hash);
  return array;
}

Result<std::vector<Sha256>> path_in(cbor::Fields& fields) {
  TRY(const cbor::Array* array, fields.array("path"));
  std::vector<Sha256> path;
  for (const cbor::Value& value : *array) {
    TRY(const Sha256 hash, cbor::expect_fixed<32>(value, "path"));
    path.push_back(hash);
  }
  return path;
}

Result<BatchProof> batch_in(const cbor::Value& value) {
  TRY(cbor::Fields fields, cbor::Fields::of(value, "batch"));
  BatchProof proof;
  TRY(const cbor::Value* statement, fields.required("statement"));
  TRY(cbor::Fields entry, cbor::Fields::of(*statement, "batch.statement"));
  TRY(proof.statement.entry, entry.bytes("entry"));
  TRY(proof.statement.index, entry.unsigned_integer("index"));
  TRY(proof.statement.path, path_in(entry));
  TRY_VOID(entry.finish());
  TRY(proof.path, path_in(fields));
  TRY(proof.position, fields.unsigned_integer("position"));
  TRY(proof.checkpoint, fields.text("checkpoint"));
  TRY_VOID(fields.finish());
  return proof;
}

// verify_batch gives the ledger time at which the receipt was in the log.
Result<Time> verify_batch(const BatchProof& proof, const Sha256& receipt, const TrustRoot& trust) {
  // The origin is the note's first line; whether it is a log of ours is the trust root's to say.
  const std::string origin = proof.checkpoint.substr(0, proof.checkpoint.find('\n'));
  TRY(const transparency::LogVerifiers log, trust.log_verifiers(origin));
  TRY(const auto checkpoint, transparency::verify_checkpoint(as_bytes(proof.checkpoint), log));
  TRY_VOID(transparency::verify_inclusion(proof.statement.index, checkpoint.size(),
                                          transparency::leaf_hash(proof.statement.entry),
                                          proof.statement.path, checkpoint.root()));
  TRY(auto untrusted, statement::parse_statement(proof.statement.entry));
  TRY(const auto statement,
      authorize(std::move(untrusted), trust, {.index = proof.statement.index, .key_ends_at = {}}));
  const auto* batch = statement->as<statement::Batch>();
  if (!batch || batch->of != statement::Batch::Of::receipts)
    return fail(refused(rules::receipt_batch, "the statement is no batch of receipts")
                    .within("entry " + std::to_string(proof.statement.index)));
  TRY_VOID(transparency::verify_inclusion(
      proof.position, batch->count, transparency::leaf_hash(receipt), proof.path, batch->root));
  return checkpoint.ledger_time();
}

std::vector<result::ResultSigner> result_signers(const TrustRoot& trust) {
  std::vector<result::ResultSigner> signers;
  for (const auto& verifier : trust.verifiers()) signers.push_back({verifier.name, verifier.key});
  return signers;
}

Result<AnswerForm> named_form(const Receipt& receipt, std::string text) {
  AnswerForm form{receipt.form ? receipt.form->kind : AnswerForm::Kind::json_object,
                  std::move(text)};
  if (!receipt.form || form.digest() != receipt.form->digest)
    return fail(refused(rules::receipt_form_text, "not the form of an answer the receipt names")
                    .expected(receipt.form ? digest_uri(receipt.form->digest) : "none")
                    .found(digest_uri(form.digest())));
  return form;
}

Status check_result(const result::VerifiedResult& result, const VerifiedReceipt& receipt) {
  const result::Ear& ear = result.ear();
  if (ear.verdict != result::Verdict::pass)
    return fail(refused(rules::receipt_node_failed, "the node did not pass its appraisal")
                    .expected("pass")
                    .found(ear.verdict ? std::string(to_string(*ear.verdict)) : "no verdict"));
  if (receipt.receipt().node != ear.subject)
    return fail(refused(rules::receipt_node, "the result is about another node")
                    .expected(receipt.receipt().node.value_or("no node"))
                    .found(ear.subject));
  if (ear.runtime_key != receipt.key().thumbprint())
    return fail(refused(rules::receipt_not_bound, "the node did not quote the receipt's key")
                    .expected(to_hex(receipt.key().thumbprint()))
                    .found(ear.runtime_key ? to_hex(*ear.runtime_key) : "no key"));
  return {};
}

}  // namespace

Bytes encode_receipt_file(ByteView receipt, const PublicKey& key,
                          const std::optional<std::string>& result,
                          const std::optional<BatchProof>& batch,
                          const std::optional<std::string>& form) {
  cbor::Value proof;
  if (batch)
    proof = cbor::Map{{"statement", cbor::Map{{"entry", batch->statement.entry},
                                              {"index", batch->statement.index},
                                              {"path", of_path(batch->statement.path)}}},
                      {"path", of_path(batch->path)},
                      {"position", batch->position},
                      {"checkpoint", batch->checkpoint}};
  cbor::Map file{{"version", 1},
                 {"receipt", receipt},
                 {"key", key.spki_der()},
                 {"result", result ? cbor::Value(*result) : cbor::Value()},
                 {"batch", std::move(proof)}};
  if (form) file.emplace_back("form", *form);
  return cbor::encode(std::move(file));
}

Result<BatchProof> decode_batch_proof(ByteView bytes) {
  TRY(const cbor::Value value, cbor::decode(bytes, cbor::Form::deterministic));
  return batch_in(value);
}

Result<UntrustedReceiptFile> decode_receipt_file(ByteView bytes) {
  if (bytes.size() > max_file_size)
    return fail(refused(rules::receipt_file_form, "too large to be a receipt file")
                    .found(std::to_string(bytes.size()) + " bytes"));
  TRY(const cbor::Value value, cbor::decode(bytes, cbor::Form::deterministic));
  TRY(cbor::Fields fields, cbor::Fields::of(value, "receipt file"));
  TRY(const std::uint64_t version, fields.unsigned_integer("version"));
  if (version != 1)
    return fail(refused(rules::receipt_file_form, "unknown version of receipt file")
                    .expected("1")
                    .found(std::to_string(version)));
  TRY(const Bytes receipt_bytes, fields.bytes("receipt"));
  TRY(UntrustedReceipt receipt, parse_receipt(receipt_bytes));
  TRY(const Bytes spki, fields.bytes("key"));
  TRY(PublicKey key, PublicKey::from_spki_der(spki));
  TRY_VOID(fields.required("result"));
  TRY(auto result, fields.optional_text("result"));
  TRY(const cbor::Value* batch_value, fields.required("batch"));
  std::optional<BatchProof> batch;
  if (!batch_value->is_null()) {
    TRY(batch, batch_in(*batch_value));
  }
  std::optional<std::string> form;
  if (value.find("form")) {
    TRY(form, fields.text("form"));
  }
  TRY_VOID(fields.finish());
  return UntrustedReceiptFile{std::move(receipt), std::move(key), std::move(result),
                              std::move(batch), std::move(form)};
}

Result<VerifiedReceiptFile> verify_receipt_file(UntrustedReceiptFile file, const TrustRoot& trust,
                                                Time now) {
  TRY_VOID(trust.check_time(now));
  TRY(VerifiedReceipt receipt, verify_receipt(std::move(file.receipt), file.key));
  const std::optional<Sha256> named = receipt.receipt().result;
  const std::optional<Sha256> given =
      file.result ? std::optional(sha256(as_bytes(*file.result))) : std::nullopt;
  if (named != given)
    return fail(refused(rules::receipt_result, "not the attestation result the receipt names")
                    .expected(named ? digest_uri(*named) : "none")
                    .found(given ? digest_uri(*given) : "none"));

  VerifiedReceiptFile verified(std::move(receipt));
  if (file.form) {
    TRY(verified.form_, named_form(verified.receipt_.receipt(), *std::move(file.form)));
  }
  if (file.batch) {
    TRY(verified.ledger_time_, verify_batch(*file.batch, verified.receipt_.id(), trust));
  }
  if (!file.result) {
    verified.words_ = "by a key that is bound to no TPM: it proves who has the key, not where";
    return verified;
  }
  TRY(const auto result, result::parse_result(as_bytes(*file.result)));
  const Time used_at = verified.ledger_time_.value_or(verified.receipt_.issued_at());
  TRY(verified.result_, result::verify_result(result, result_signers(trust), used_at));
  TRY_VOID(check_result(*verified.result_, verified.receipt_));
  const std::string node = verified.result_->ear().subject;
  verified.binding_ = verified.ledger_time_ ? Binding::bound : Binding::unproven;
  verified.words_ = verified.ledger_time_
                        ? "by the key that " + node +
                              " quoted; the node was trusted then, and the receipt was "
                              "in the ledger by " +
                              to_minutes(*verified.ledger_time_)
                        : "by the key that " + node +
                              " quoted; when, is the receipt's own claim: it is in no "
                              "ledger batch";
  return verified;
}

}  // namespace attest::inference
