#include "libattest/appraisal/verify_evidence.h"

#include <algorithm>

#include "libattest/base/cbor.h"
#include "libattest/base/text.h"

namespace attest::appraisal {

namespace {

using evidence::UntrustedEvidence;
namespace label = evidence::label;

constexpr std::string_view place = "evidence";

Status check_challenge(const UntrustedEvidence& evidence, const EvidenceContext& context) {
  if (context.challenge.node() != context.node.node)
    return fail(refused(rules::evidence_wrong_node, "the challenge was issued to another node")
                    .expected(context.node.node)
                    .found(context.challenge.node())
                    .within(place));
  TRY_WITHIN(place, const evidence::EvidenceItem* item, evidence.required(label::challenge));
  if (!equal(item->content, context.challenge.bytes()))
    return fail(refused(rules::evidence_wrong_challenge, "the evidence answers another challenge")
                    .expected("challenge sha256 " + to_hex(context.challenge.digest()))
                    .found("challenge sha256 " + to_hex(sha256(item->content)))
                    .next("evidence is good for the one challenge it was made for: ask again")
                    .within(place));
  return {};
}

Status check_node(const UntrustedEvidence& evidence, const EvidenceContext& context) {
  TRY_WITHIN(place, const evidence::EvidenceItem* item, evidence.required(label::node));
  if (as_text(item->content) == context.challenge.node()) return {};
  return fail(refused(rules::evidence_wrong_node, "the evidence is of another node")
                  .expected(context.challenge.node())
                  .found(printable(as_text(item->content), 140))
                  .within(place));
}

tpm::ImaCheckpoint checkpoint(const evidence::ImaState& state) {
  return {state.reset_count, state.entries, state.bank, state.pcr};
}

Result<tpm::VerifiedAk> check_ak(const UntrustedEvidence& evidence, const RegisteredNode& node) {
  TRY_WITHIN(place, const evidence::EvidenceItem* item, evidence.required(label::tpm_ak));
  if (node.ak && equal(node.ak->area().bytes, item->content) &&
      equal(node.ak->name(), node.ak_name))
    return *node.ak;
  TRY_WITHIN(place, tpm::UntrustedPublic area, tpm::parse_public(item->content));
  TRY_WITHIN(place, tpm::VerifiedAk ak, tpm::verify_ak(std::move(area)));
  if (!equal(ak.name(), node.ak_name))
    return fail(refused(rules::evidence_wrong_ak, "the AK is not the one this node enrolled")
                    .expected("Name " + to_hex(node.ak_name))
                    .found("Name " + to_hex(ak.name()))
                    .next("if the TPM was cleared, enrol the node again")
                    .within(place));
  return ak;
}

struct QuoteItem {
  Bytes attest;
  Bytes signature;
};

Result<QuoteItem> read_quote_item(ByteView content) {
  const auto value = cbor::decode(content, cbor::Form::deterministic);
  const cbor::Array* pair = value ? value->as_array() : nullptr;
  if (!pair || pair->size() != 2 || !(*pair)[0].as_bytes() || !(*pair)[1].as_bytes())
    return fail(
        refused(rules::evidence_quote_form, "the quote item is not [TPMS_ATTEST, TPMT_SIGNATURE]")
            .within(place));
  return QuoteItem{*(*pair)[0].as_bytes(), *(*pair)[1].as_bytes()};
}

Result<std::optional<evidence::RuntimeKey>> read_runtime_key(const UntrustedEvidence& evidence) {
  const evidence::EvidenceItem* item = evidence.find(label::runtime_key);
  if (!item) return std::nullopt;
  TRY_WITHIN(place, evidence::RuntimeKey key, evidence::parse_runtime_key(item->content));
  return key;
}

Result<tpm::VerifiedQuote> check_quote(const UntrustedEvidence& evidence,
                                       const EvidenceContext& context, const tpm::VerifiedAk& ak) {
  TRY_WITHIN(place, const evidence::EvidenceItem* pcr_item, evidence.required(label::tpm_pcrs));
  TRY_WITHIN(place, const tpm::PcrValues pcrs, tpm::parse_pcrs(pcr_item->content));
  TRY_WITHIN(place, const evidence::EvidenceItem* item, evidence.required(label::tpm_quote));
  TRY(const QuoteItem parts, read_quote_item(item->content));
  TRY_WITHIN(place, const tpm::UntrustedQuote quote, tpm::parse_quote(parts.attest));
  TRY_WITHIN(place, const tpm::UntrustedSignature signature, tpm::parse_signature(parts.signature));

  TRY(const auto runtime_key, read_runtime_key(evidence));
  const auto thumbprint =
      runtime_key ? std::optional(runtime_key->thumbprint()) : std::optional<Sha256>();
  const Sha256 expected = evidence::qualifying_data(
      context.challenge.digest(), context.challenge.node(), thumbprint, evidence.items());
  tpm::QuoteRules quote_rules;
  quote_rules.nonce = to_bytes(expected);
  auto verified = tpm::verify_quote(quote, signature, ak, pcrs, quote_rules);
  if (verified) return verified;
  Error error = std::move(verified).error();
  // To the quote this is a nonce like any other; here it is what binds the items together.
  if (error.rule == rules::quote_nonce) {
    error.rule = rules::evidence_binding;
    error.what = "the quote was not made over these items for this challenge";
  }
  return fail(std::move(error).within(place));
}

}  // namespace

Status VerifiedEvidence::read_reported(const UntrustedEvidence& evidence) {
  TRY(runtime_key_, read_runtime_key(evidence));
  if (const auto* item = evidence.find(label::models)) {
    TRY_WITHIN(place, models_, evidence::parse_models(item->content));
  }
  if (const auto* item = evidence.find(label::tee)) {
    TRY_WITHIN(place, tee_, evidence::parse_tee(item->content));
  }
  if (const auto* item = evidence.find(label::platform)) {
    TRY_WITHIN(place, platform_, evidence::parse_platform(item->content));
  }
  if (const auto* item = evidence.find(label::host)) {
    TRY_WITHIN(place, host_, evidence::parse_host(item->content));
  }
  for (const evidence::EvidenceItem& item : evidence.items())
    if (label::is_gpu(item.label)) {
      gpu_labels_.push_back(item.label);
      if (item.media_type == evidence::gpu_media_type) {
        TRY_WITHIN(item.label, evidence::GpuItem gpu, evidence::parse_gpu(item.content));
        gpus_.push_back({item.label, std::move(gpu)});
      } else {
        unread_.push_back(item.label);
      }
    }
  // "gpu/10" comes after "gpu/9".
  std::ranges::sort(gpu_labels_, {}, [](const std::string& label) {
    return std::pair(label.size(), std::string_view(label));
  });
  return {};
}

void VerifiedEvidence::read_event_log(const UntrustedEvidence& evidence) {
  const evidence::EvidenceItem* item = evidence.find(label::tpm_eventlog);
  if (!item) return;
  if (const auto& known = context_.event_log;
      known && known->pcrs == quote_.pcrs() && equal(known->log.log().bytes(), item->content)) {
    claimed_log_ = known->log.log();
    event_log_ = known->log;
    return;
  }
  auto parsed = tpm::parse_event_log(item->content);
  if (!parsed) {
    event_log_problem_ = std::move(parsed).error();
    return;
  }
  claimed_log_ = *std::move(parsed);
  // systemd extends its phases into PCR 11, and the machine's id and file systems into 15, after
  // the firmware's log has ended: what those hold is for the policy to judge, by their values.
  const tpm::EventLogRules rules{.extended_by_system = {10, 11, 15}};
  auto verified = tpm::verify_event_log(*claimed_log_, quote_, rules);
  if (verified) {
    event_log_ = *std::move(verified);
  } else {
    event_log_problem_ = std::move(verified).error();
  }
}

void VerifiedEvidence::read_ima(const UntrustedEvidence& evidence) {
  const evidence::EvidenceItem* rest = evidence.find(label::ima_rest);
  const evidence::EvidenceItem* item = rest ? rest : evidence.find(label::ima);
  if (!item) return;
  bool quoted = false;
  for (const auto& [bank, registers] : quote_.pcrs().banks())
    quoted = quoted || registers.contains(tpm::ima_pcr);
  if (!quoted) {
    unread_.push_back(item->label);
    return;
  }
  const auto& state = context_.challenge.ima();
  auto parsed = state ? tpm::parse_ima_rest(item->content) : tpm::parse_ima_log(item->content);
  if (!parsed) {
    ima_problem_ = std::move(parsed).error();
    return;
  }
  if (rest && (!state || evidence.find(label::ima))) {
    ima_problem_ = refused(rules::evidence_ima_rest,
                           "the node sent the rest of an IMA list that nobody knows the start of");
    return;
  }
  auto verified = rest    ? tpm::verify_ima_log(*std::move(parsed), quote_, checkpoint(*state))
                  : state ? tpm::verify_grown_ima_log(*parsed, quote_, checkpoint(*state))
                          : tpm::verify_ima_log(*std::move(parsed), quote_);
  if (!verified) {
    ima_problem_ = std::move(verified).error();
    return;
  }
  ima_ = *std::move(verified);
  ima_before_ = ima_->checkpoint().entries - ima_->entries().size();
}

Result<VerifiedEvidence> verify_evidence(const UntrustedEvidence& evidence,
                                         const EvidenceContext& context) {
  TRY_VOID(check_challenge(evidence, context));
  TRY_VOID(check_node(evidence, context));
  TRY(tpm::VerifiedAk ak, check_ak(evidence, context.node));
  TRY(tpm::VerifiedQuote quote, check_quote(evidence, context, ak));
  VerifiedEvidence verified(context, evidence.digest(), std::move(ak), std::move(quote));
  TRY_VOID(verified.read_reported(evidence));
  verified.read_event_log(evidence);
  verified.read_ima(evidence);
  return verified;
}

}  // namespace attest::appraisal
