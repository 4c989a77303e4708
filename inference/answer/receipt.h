// Receipts: what a runtime signs about an answer (docs/formats.md, "Receipt").
//
// parse_receipt checks form; verify_receipt checks the signature and is the only maker of a
// VerifiedReceipt. Whether the key is a node's is for receipt_file.h to say, whether the answer is
// the model's for replay.h. Plain values, usable from any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "inference/answer/prompt_commitment.h"
#include "inference/answer/sampler.h"
#include "inference/form/answer_form.h"
#include "libattest/base/time.h"
#include "libattest/cose/cose_sign1.h"
#include "libattest/crypto/digest.h"

namespace attest::inference {

inline constexpr std::string_view receipt_content_type = "application/attest-receipt+cbor";
inline constexpr std::size_t max_receipt_size = 64U << 20;

struct Receipt {
  struct Model {
    std::string subject;  // "sha256:…" of the file
    Sha256 fsverity{};
    std::optional<std::uint64_t> release;  // the ledger index of its release
    friend bool operator==(const Model&, const Model&) = default;
  };
  struct Checkpoint {
    std::string origin;
    std::uint64_t size = 0;
    Sha256 root{};
    friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
  };

  struct Form {
    AnswerForm::Kind kind = AnswerForm::Kind::json_object;
    Sha256 digest{};  // AnswerForm::digest
    friend bool operator==(const Form&, const Form&) = default;
  };

  // Embedding is what an encoder made of the prompt; there is no answer then.
  struct Embedding {
    std::string pooling;     // to_string(EncoderShape::Pooling)
    std::uint64_t size = 0;  // numbers of the vector
    Sha256 digest{};         // digest_of the vector
    friend bool operator==(const Embedding&, const Embedding&) = default;
  };

  std::string profile;
  std::string runtime;
  std::optional<std::string> node;
  Model model;
  std::optional<Checkpoint> checkpoint;
  // Exactly one of the three: the prompt itself, a commitment to its tokens that opens in parts
  // (prompt_commitment.h), or one to all of it at once.
  std::optional<std::vector<Token>> prompt;
  std::optional<PromptTree> prompt_tree;
  std::optional<Sha256> prompt_commitment;
  std::optional<Embedding> embedding;
  // What follows, up to the logits, is said of an answer alone.
  std::optional<Sha256> template_digest;
  std::optional<Form> form;  // that the answer was asked to have
  SamplerSettings sampler;
  std::vector<Token> answer;
  std::string stopped;           // "eos", "length" or "stop"
  std::vector<Sha256> logits;    // LogitsChain::hashes
  std::optional<Sha256> result;  // of the EAR
  Time started{};

  friend bool operator==(const Receipt&, const Receipt&) = default;
};

// commit_prompt = SHA-256("attest-prompt-v1" || salt (32 bytes) || u32le tokens…).
Sha256 commit_prompt(std::span<const Token> prompt, const Sha256& salt);

// sign_receipt gives the signed receipt; what parse_receipt would refuse is refused.
Result<Bytes> sign_receipt(const Receipt& receipt, std::string_view issuer, Time issued_at,
                           const SigningKey& key);

struct UntrustedReceipt {
  Receipt receipt;
  std::string issuer;
  Time issued_at{};
  Sha256 key_id{};  // the thumbprint of the key that is said to have signed
  Bytes bytes;      // as received; their SHA-256 is the receipt's id
  cose::UntrustedSign1 message;
};

// parse_receipt refuses: what parse_sign1 refuses; other content types; claims other than issuer,
// subject and issued-at, or a subject other than the model's; a payload that is not deterministic
// CBOR of exactly the members documented; not one of prompt, tree and commitment; sampler
// settings out of range; an empty answer, or an answer and an embedding; and a chain that has not
// one hash for each position, where the prompt's length is known (rules::answer_receipt_form and
// the CBOR and COSE rules).
Result<UntrustedReceipt> parse_receipt(ByteView bytes);

class VerifiedReceipt {
 public:
  const Receipt& receipt() const { return untrusted_.receipt; }
  const std::string& issuer() const { return untrusted_.issuer; }
  Time issued_at() const { return untrusted_.issued_at; }
  const PublicKey& key() const { return key_; }
  const Bytes& bytes() const { return untrusted_.bytes; }
  // id = SHA-256 of the bytes: how batches and people name it.
  Sha256 id() const { return sha256(untrusted_.bytes); }

 private:
  friend Result<VerifiedReceipt> verify_receipt(UntrustedReceipt, const PublicKey&);
  VerifiedReceipt(UntrustedReceipt untrusted, PublicKey key)
      : untrusted_(std::move(untrusted)), key_(std::move(key)) {}
  UntrustedReceipt untrusted_;
  PublicKey key_;
};

// verify_receipt checks, in this order:
//   - `key` is the one the receipt names by its thumbprint (rules::receipt_key);
//   - the signature holds (rules::cose_algorithm, rules::cose_signature).
// Not checked: that a node owns the key; that the model gives this answer.
Result<VerifiedReceipt> verify_receipt(UntrustedReceipt receipt, const PublicKey& key);

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule answer_receipt_form{"inference.receipt.form"};
inline constexpr Rule receipt_key{"inference.receipt.key"};
}  // namespace attest::rules
