// Opening a model so that not one token is computed for one that does not check out: its lineage
// is judged, and its weights stream through the block checks into use.
#pragma once

#include <optional>
#include <variant>

#include "inference/model/encoder.h"
#include "inference/model/transformer.h"
#include "inference/text/tokenizer.h"
#include "libattest/lineage/verdict.h"
#include "libattest/model/verified_file.h"

namespace attest::inference {

// RunnableModel is a model whose lineage passed and whose every used byte was checked.
class RunnableModel {
 public:
  // transformer of a model that writes texts; encoder of one that makes vectors of them.
  const Transformer* transformer() const { return std::get_if<Transformer>(&network_); }
  const Encoder* encoder() const { return std::get_if<Encoder>(&network_); }
  const Sha256& sha256() const;
  const Sha256& fsverity() const;
  const Tokenizer& tokenizer() const { return tokenizer_; }
  // chat_template is the source of the file's own, from the bytes that were checked; empty where
  // there is none.
  const std::string& chat_template() const { return chat_template_; }
  const lineage::VerifiedBundle& bundle() const { return bundle_; }
  const lineage::ModelVerdict& verdict() const { return verdict_; }

 private:
  friend Result<RunnableModel> open_verified_model(const Path&, const std::optional<Path>&,
                                                   const TrustRoot&, const lineage::ReleasePolicy&,
                                                   Time);
  using Network = std::variant<Transformer, Encoder>;
  RunnableModel(Network network, Tokenizer tokenizer, std::string chat_template,
                lineage::VerifiedBundle bundle, lineage::ModelVerdict verdict)
      : network_(std::move(network)),
        tokenizer_(std::move(tokenizer)),
        chat_template_(std::move(chat_template)),
        bundle_(std::move(bundle)),
        verdict_(std::move(verdict)) {}
  Network network_;
  Tokenizer tokenizer_;
  std::string chat_template_;
  lineage::VerifiedBundle bundle_;
  lineage::ModelVerdict verdict_;
};

// open_verified_model checks, in this order:
//   - the bundle (`bundle`, or `path`.attest/bundle.cbor; a folder stands for the bundle.cbor in
//   it)
//     under the trust root (verify_bundle);
//   - the lineage and policy (judge_model) for the file the release names; a verdict other than
//     pass is the error, with its first reason (rules::model_refused, refused or incomplete);
//   - the file, opened once: size, block tree where `…attest/tree` is there, and every block as it
//     is read (VerifiedFile);
//   - that this runtime can run it (Transformer::load or Encoder::load, Tokenizer::read).
Result<RunnableModel> open_verified_model(const Path& path, const std::optional<Path>& bundle,
                                          const TrustRoot& trust,
                                          const lineage::ReleasePolicy& policy, Time now);

// writing_model gives the transformer of a model that writes texts, refused where it makes vectors
// of them (rules::model_other_kind); embedding_model the other way round.
Result<const Transformer*> writing_model(const RunnableModel& model);
Result<const Encoder*> embedding_model(const RunnableModel& model);

// judge_again reads the bundle anew and judges, as above, the file that `model` was loaded from,
// without reading that file. A bundle about another file says nothing of the one that is loaded:
// incomplete (rules::model_other_file).
Result<lineage::VerifiedBundle> judge_again(const RunnableModel& model, const Path& path,
                                            const std::optional<Path>& bundle,
                                            const TrustRoot& trust,
                                            const lineage::ReleasePolicy& policy, Time now);

}  // namespace attest::inference

namespace attest::rules {
inline constexpr Rule model_other_file{"inference.model.other-file"};
inline constexpr Rule model_other_kind{"inference.model.other-kind"};
inline constexpr Rule model_refused{"inference.model.refused"};
}  // namespace attest::rules
