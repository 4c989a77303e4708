// Signing what a model answers here: with a key made for this run, which the node's TPM quotes
// where an agent is named.
#pragma once

#include <optional>
#include <string>

#include "inference/answer/generate.h"
#include "inference/answer/receipt.h"
#include "inference/model/verified_model.h"
#include "libattest/crypto/signing_key.h"

namespace attest::cli {

class AnswerSigner {
 public:
  // make has the node quote the key where `agent`, a socket, is not empty; a node that did not pass
  // gets no signer (rules::receipt_node_failed).
  static Result<AnswerSigner> make(const std::string& agent);

  // node is the one whose TPM quoted the key, where one did.
  const std::optional<std::string>& node() const { return node_; }
  std::string key_in_words() const;

  // begin gives what is the same for every answer of a model: the rest is the caller's to fill.
  inference::Receipt begin(const inference::RunnableModel& model, Time started) const;
  struct Signed {
    Sha256 id;
    Bytes file;  // the receipt file
  };
  // sign hands the digest to the agent as well.
  Result<Signed> sign(const inference::Receipt& receipt,
                      const std::optional<inference::AnswerForm>& form, Time now) const;

 private:
  explicit AnswerSigner(std::string agent, std::unique_ptr<SigningKey> key)
      : agent_(std::move(agent)), key_(std::move(key)) {}

  std::string agent_;
  std::unique_ptr<SigningKey> key_;
  std::optional<std::string> result_;  // the EAR
  std::optional<std::string> node_;
};

}  // namespace attest::cli
