// Verifying evidence: is this the answer of this node's TPM to this challenge, whole and unchanged?
// Whether the answer is a good one is appraisal (appraise.h), which takes only what comes from
// here.
//
// Pure functions; values may be used from any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libattest/crypto/certificate.h"
#include "libattest/evidence/challenge.h"
#include "libattest/evidence/evidence.h"
#include "libattest/evidence/gpu_item.h"
#include "libattest/evidence/host_item.h"
#include "libattest/evidence/models_item.h"
#include "libattest/evidence/platform_item.h"
#include "libattest/evidence/runtime_key_item.h"
#include "libattest/evidence/tee_item.h"
#include "libattest/tpm/event_log.h"
#include "libattest/tpm/ima_verification.h"
#include "libattest/tpm/quote.h"

namespace attest::appraisal {

// GpuEvidence is one GPU item; nothing in it has been checked but its form.
struct GpuEvidence {
  std::string label;  // "gpu/0"
  evidence::GpuItem item;
};

// RegisteredNode is what enrolment left behind.
struct RegisteredNode {
  std::string node;           // node id
  Bytes ak_name;              // TPM Name of the AK that credential activation tied to the EK
  Sha256 ek{};                // identity of the EK: SHA-256 of its SubjectPublicKeyInfo
  bool software_tpm = false;  // its EK certificate chains to a root marked as a software TPM's
  // The AK as it was parsed and judged before, for who keeps it: checking it anew costs more than
  // the quote's signature. Evidence that shows another public area is judged by that one.
  std::shared_ptr<const tpm::VerifiedAk> ak = {};
  // As it was verified at enrolment; nothing where the EK is believed by name.
  std::optional<Certificate> ek_certificate = {};
};

// KnownEventLog is a log that was verified before, with the PCRs it was verified against: the same
// log with the same PCRs needs no second look.
struct KnownEventLog {
  tpm::PcrValues pcrs;
  tpm::VerifiedEventLog log;
};

struct EvidenceContext {
  // The very challenge the verifier issued, as kept by it, not as it came back.
  evidence::VerifiedChallenge challenge;
  RegisteredNode node;
  std::shared_ptr<const KnownEventLog> event_log = {};  // of the node's last evidence
};

// VerifiedEvidence came whole from the registered TPM, for the challenge. Only verify_evidence
// makes one.
class VerifiedEvidence {
 public:
  const evidence::VerifiedChallenge& challenge() const { return context_.challenge; }
  const RegisteredNode& node() const { return context_.node; }
  const Sha256& digest() const { return digest_; }  // of the evidence's bytes
  const tpm::VerifiedAk& ak() const { return ak_; }
  const tpm::VerifiedQuote& quote() const { return quote_; }
  // event_log is there when the quoted PCRs vouch for it. When they do not, event_log_problem says
  // why, and claimed_event_log is what the node sent, if it could be read at all: material for
  // explanations, nothing to rely on.
  const std::optional<tpm::VerifiedEventLog>& event_log() const { return event_log_; }
  const std::optional<Error>& event_log_problem() const { return event_log_problem_; }
  const std::optional<tpm::UntrustedEventLog>& claimed_event_log() const { return claimed_log_; }
  // ima is there when the quoted PCR 10 vouches for the node's IMA list; when it does not,
  // ima_problem says why. A list without PCR 10 in the quote is unread.
  const std::optional<tpm::VerifiedImaLog>& ima() const { return ima_; }
  const std::optional<Error>& ima_problem() const { return ima_problem_; }
  // ima_before counts entries that the challenge says were judged before and that ima() begins
  // after. A list the node sends from its start has none of them.
  std::uint64_t ima_before() const { return ima_before_; }
  // What follows is host-reported: bound to the quote, not measured by anything.
  const std::optional<evidence::RuntimeKey>& runtime_key() const { return runtime_key_; }
  const std::optional<std::vector<evidence::ModelFile>>& models() const { return models_; }
  const std::optional<evidence::HostFacts>& host() const { return host_; }
  const std::vector<GpuEvidence>& gpus() const { return gpus_; }
  // What the TEE signed, unjudged, and which GPUs stand beside it: labels, in their numbers' order.
  const std::optional<evidence::TeeItem>& tee() const { return tee_; }
  const std::vector<std::string>& gpu_labels() const { return gpu_labels_; }
  // platform holds certificates, unjudged, and the host's inventory.
  const std::optional<evidence::PlatformItem>& platform() const { return platform_; }
  // unread names the items that nobody here looked into: "gpu/0".
  const std::vector<std::string>& unread() const { return unread_; }

 private:
  friend Result<VerifiedEvidence> verify_evidence(const evidence::UntrustedEvidence&,
                                                  const EvidenceContext&);
  VerifiedEvidence(EvidenceContext context, Sha256 digest, tpm::VerifiedAk ak,
                   tpm::VerifiedQuote quote)
      : context_(std::move(context)),
        digest_(digest),
        ak_(std::move(ak)),
        quote_(std::move(quote)) {}
  Status read_reported(const evidence::UntrustedEvidence& evidence);
  void read_event_log(const evidence::UntrustedEvidence& evidence);
  void read_ima(const evidence::UntrustedEvidence& evidence);

  EvidenceContext context_;
  Sha256 digest_;
  tpm::VerifiedAk ak_;
  tpm::VerifiedQuote quote_;
  std::optional<tpm::VerifiedEventLog> event_log_;
  std::optional<Error> event_log_problem_;
  std::optional<tpm::UntrustedEventLog> claimed_log_;
  std::optional<tpm::VerifiedImaLog> ima_;
  std::optional<Error> ima_problem_;
  std::uint64_t ima_before_ = 0;
  std::optional<evidence::RuntimeKey> runtime_key_;
  std::optional<std::vector<evidence::ModelFile>> models_;
  std::optional<evidence::HostFacts> host_;
  std::vector<GpuEvidence> gpus_;
  std::optional<evidence::TeeItem> tee_;
  std::optional<evidence::PlatformItem> platform_;
  std::vector<std::string> gpu_labels_;
  std::vector<std::string> unread_;
};

// verify_evidence checks, in this order, that
//   - the challenge was issued to the registered node;
//   - the challenge in the evidence is byte for byte the one issued;
//   - the node id in the evidence is the challenge's;
//   - the AK is fit to be one (verify_ak), and its Name is the one registered for the node;
//   - the quote is [TPMS_ATTEST, TPMT_SIGNATURE], and holds by that AK over exactly the PCR values
//     given (verify_quote; SHA-1 is allowed neither in the signature nor as a bank);
//   - its extraData is the qualifying data of challenge, node, runtime key and every other item;
//   - runtime key, models, inventory, platform, TEE and GPU items of our media type have their
//   form.
// A log or an IMA list that the PCRs do not vouch for refuses nothing here: it is a finding for
// appraisal.
// Not checked: which PCRs were quoted and what they hold, the TPM's clock, what the host reports,
// what GPUs signed; nor that the challenge is answered for the first time.
Result<VerifiedEvidence> verify_evidence(const evidence::UntrustedEvidence& evidence,
                                         const EvidenceContext& context);

}  // namespace attest::appraisal

namespace attest::rules {
inline constexpr Rule evidence_wrong_challenge{"appraisal.evidence.challenge"};
inline constexpr Rule evidence_wrong_node{"appraisal.evidence.node"};
inline constexpr Rule evidence_wrong_ak{"appraisal.evidence.ak"};
inline constexpr Rule evidence_quote_form{"appraisal.evidence.quote-form"};
inline constexpr Rule evidence_binding{"appraisal.evidence.binding"};
inline constexpr Rule evidence_ima_rest{"appraisal.evidence.ima-rest"};
}  // namespace attest::rules
