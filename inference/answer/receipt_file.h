// A receipt with all that makes it count: the key that signed it, the node's attestation result,
// and the proof that it was in the ledger before that result expired (docs/formats.md, "Receipt
// file").
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "inference/answer/receipt.h"
#include "libattest/result/attestation_result.h"
#include "libattest/transparency/checkpoint.h"
#include "libattest/transparency/map_root.h"
#include "libattest/trust/trust_root.h"

namespace attest::inference {

inline constexpr std::string_view receipt_file_media_type =
    "application/attest-receipt-bundle+cbor";

struct BatchProof {
  transparency::UntrustedEntry statement;  // the batch statement in the log
  std::vector<Sha256> path;                // of the receipt's digest in the batch
  std::uint64_t position = 0;
  std::string checkpoint;  // signed note
};

struct UntrustedReceiptFile {
  UntrustedReceipt receipt;
  PublicKey key;                      // the receipt's, by thumbprint
  std::optional<std::string> result;  // the EAR, a JWT
  std::optional<BatchProof> batch;
  std::optional<std::string> form;  // text of the form the receipt names by its digest
};

// decode_receipt_file refuses what is not of the documented form (rules::receipt_file_form), a
// receipt that parse_receipt refuses, and a key that is none.
Result<UntrustedReceiptFile> decode_receipt_file(ByteView bytes);
// decode_batch_proof reads the `batch` member alone: what a verifier answers for a receipt.
Result<BatchProof> decode_batch_proof(ByteView bytes);
Bytes encode_receipt_file(ByteView receipt, const PublicKey& key,
                          const std::optional<std::string>& result,
                          const std::optional<BatchProof>& batch,
                          const std::optional<std::string>& form = {});

// How a receipt's key stands to a node. `bound` alone says that a TPM vouches for it.
enum class Binding {
  bound,     // a verifier's result names the key, and the receipt was in the ledger in its time
  unproven,  // a result names the key, but not that it was valid when the receipt was made
  unbound,   // no result: the key is bound to no TPM
};

class VerifiedReceiptFile {
 public:
  const VerifiedReceipt& receipt() const { return receipt_; }
  Binding binding() const { return binding_; }
  // binding_in_words: "by the key that rack7-n03 quoted; …", "by a key that is bound to no TPM".
  const std::string& binding_in_words() const { return words_; }
  const std::optional<result::VerifiedResult>& result() const { return result_; }
  // form is the one the answer was asked to have, where its text is in the file.
  const std::optional<AnswerForm>& form() const { return form_; }
  // ledger_time of the batch, where there is one.
  std::optional<Time> ledger_time() const { return ledger_time_; }

 private:
  friend Result<VerifiedReceiptFile> verify_receipt_file(UntrustedReceiptFile, const TrustRoot&,
                                                         Time);
  explicit VerifiedReceiptFile(VerifiedReceipt receipt) : receipt_(std::move(receipt)) {}
  VerifiedReceipt receipt_;
  Binding binding_ = Binding::unbound;
  std::string words_;
  std::optional<result::VerifiedResult> result_;
  std::optional<Time> ledger_time_;
  std::optional<AnswerForm> form_;
};

// verify_receipt_file checks, in this order:
//   - the receipt's signature (verify_receipt);
//   - a result is there exactly where the receipt names one, and is the one it names by digest
//     (rules::receipt_result);
//   - a form's text, where there is one, is what the receipt names by digest
//     (rules::receipt_form_text);
//   - with a batch: the checkpoint is of a log of the trust root (verify_checkpoint); the batch
//     statement is in it (verify_inclusion), is one of receipts (rules::receipt_batch) and its
//     issuer may say so (authorize); the receipt is in the batch (rules::tree_root);
//   - the result was signed by a verifier of the trust root (verify_result) and was valid at the
//     batch's ledger time, or, without a batch, at the receipt's own time, which is a claim;
//   - the result passed the node (rules::receipt_node_failed), is about the receipt's node
//     (rules::receipt_node) and names the receipt's key as that of its runtime
//     (rules::receipt_not_bound).
// A receipt without a result verifies as Binding::unbound: its signature proves who has the key,
// and nothing about where. Without a batch it is Binding::unproven.
// Not checked: that the model gives this answer (replay.h), and the model's lineage. Key statuses
// of the batch's issuer are not in the file: `authorize` is asked without them.
Result<VerifiedReceiptFile> verify_receipt_file(UntrustedReceiptFile file, const TrustRoot& trust,
                                                Time now);

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule receipt_file_form{"inference.receipt-file.form"};
inline constexpr Rule receipt_result{"inference.receipt-file.result"};
inline constexpr Rule receipt_form_text{"inference.receipt-file.form-text"};
inline constexpr Rule receipt_batch{"inference.receipt-file.batch"};
inline constexpr Rule receipt_node_failed{"inference.receipt-file.node-failed"};
inline constexpr Rule receipt_node{"inference.receipt-file.node"};
inline constexpr Rule receipt_not_bound{"inference.receipt-file.not-bound"};
}  // namespace attest::rules
