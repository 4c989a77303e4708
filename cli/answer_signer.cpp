#include "cli/answer_signer.h"

#include "inference/answer/receipt_file.h"
#include "inference/kernels/exact.h"
#include "libattest/crypto/random.h"
#include "libattest/http/agent_client.h"

namespace attest::cli {

Result<AnswerSigner> AnswerSigner::make(const std::string& agent_socket) {
  TRY(auto key, make_signing_key(KeyKind::ed25519, system_random()));
  AnswerSigner signer(agent_socket, std::move(key));
  if (agent_socket.empty()) return signer;
  TRY(auto agent, http::connect_agent(agent_socket));
  TRY(const evidence::RuntimeAnswer answer,
      agent.bind_runtime_key(signer.key_->public_key().spki_der()));
  if (answer.verdict != "pass" || !answer.result)
    return fail(refused(rules::receipt_node_failed,
                        "this node's attestation did not pass, so nothing it computes counts")
                    .expected("pass")
                    .found(answer.verdict.value_or("no verdict") + ": " + answer.detail)
                    .next("see why: attestctl node show NODE --server URL"));
  TRY(const auto parsed, result::parse_result(as_bytes(*answer.result)));
  signer.result_ = answer.result;
  signer.node_ = parsed.ear().subject;
  return signer;
}

std::string AnswerSigner::key_in_words() const {
  return node_ ? "made for this run, quoted by the TPM of " + *node_
               : "made for this run, bound to no TPM (no --agent)";
}

inference::Receipt AnswerSigner::begin(const inference::RunnableModel& model, Time started) const {
  inference::Receipt receipt;
  receipt.profile = std::string(inference::exact::profile);
  receipt.runtime = "attestctl " ATTEST_VERSION;
  receipt.node = node_;
  receipt.model = {digest_uri(model.sha256()), model.fsverity(), model.bundle().release().index};
  const auto& checkpoint = model.bundle().checkpoint();
  receipt.checkpoint =
      inference::Receipt::Checkpoint{checkpoint.origin(), checkpoint.size(), checkpoint.root()};
  if (result_) receipt.result = sha256(as_bytes(*result_));
  receipt.started = started;
  return receipt;
}

Result<AnswerSigner::Signed> AnswerSigner::sign(const inference::Receipt& receipt,
                                                const std::optional<inference::AnswerForm>& form,
                                                Time now) const {
  TRY(const Bytes signed_receipt, inference::sign_receipt(receipt, "attestctl", now, *key_));
  const Sha256 id = sha256(signed_receipt);
  if (!agent_.empty()) {
    TRY(auto agent, http::connect_agent(agent_));
    TRY_VOID(agent.submit_receipt(id));
  }
  return Signed{id,
                inference::encode_receipt_file(signed_receipt, key_->public_key(), result_, {},
                                               form ? std::optional(form->text) : std::nullopt)};
}

}  // namespace attest::cli
