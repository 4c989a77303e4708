#include "agentd/attester.h"

#include <algorithm>

#include "agentd/collect/collectors.h"
#include "agentd/collect/ima_list.h"
#include "agentd/collect/smbios.h"
#include "agentd/collect/tsm_collector.h"
#include "libattest/base/cbor.h"
#include "libattest/evidence/platform_item.h"
#include "libattest/result/attestation_result.h"
#include "libattest/tee/verdict.h"
#include "libattest/tpm/quote.h"
#include "libattest/trust/trust_root.h"

namespace attest::agentd {
namespace {

// A PCR that moves on each of these tries is being extended all the time.
constexpr int quote_tries = 5;

std::optional<Sha256> thumbprint(const std::optional<evidence::RuntimeKey>& runtime) {
  if (!runtime) return std::nullopt;
  return runtime->thumbprint();
}

// matches says whether the TPM quoted the very values that were read.
Result<bool> matches(const TpmQuote& quote, const tpm::UntrustedQuote& parsed,
                     const tpm::PcrValues& values) {
  TRY(const tpm::UntrustedSignature signature, tpm::parse_signature(quote.signature));
  TRY(const Bytes digest, tpm::pcr_digest(signature.hash, parsed.selection, values));
  return equal(digest, parsed.pcr_digest);
}

Attestation read_result(std::string result, const TrustRoot& trust, Time now) {
  std::vector<result::ResultSigner> signers;
  for (const evidence::KnownVerifier& verifier : trust.verifiers())
    signers.push_back({verifier.name, verifier.key});
  const auto read = [&]() -> Result<Attestation> {
    TRY(const auto parsed, result::parse_result(as_bytes(result)));
    TRY(const auto verified, result::verify_result(parsed, signers, now));
    const result::Ear& ear = verified.ear();
    const result::Verdict verdict = ear.verdict.value_or(result::Verdict::incomplete);
    std::string summary =
        "verdict " + std::string(result::to_string(verdict)) + " by " + ear.issuer;
    for (const result::Check& check : ear.checks)
      if (check.outcome != result::Verdict::pass) summary += "; " + check.name + ": " + check.why;
    return Attestation{std::string(), std::string(result::to_string(verdict)), std::move(summary)};
  };
  auto attestation = read();
  // A result nobody we know signed is no verdict at all.
  if (!attestation)
    return {std::move(result), "incomplete",
            "the result cannot be believed: " + attestation.error().to_string()};
  attestation->result = std::move(result);
  return *std::move(attestation);
}

// Nothing where no certificate is at hand: an inventory alone is in the host's facts.
Result<std::optional<evidence::PlatformItem>> read_platform(
    const PlatformConfiguration& configuration) {
  if (configuration.certificates.empty()) return std::nullopt;
  evidence::PlatformItem item;
  for (const Path& file : configuration.certificates) {
    TRY(Bytes certificate, read_file(file, evidence::platform_certificate_limit));
    item.certificates.push_back(std::move(certificate));
  }
  if (configuration.inventory) {
    TRY(item.inventory,
        read_text_file(*configuration.inventory, evidence::platform_inventory_limit));
  } else {
    item.inventory = smbios_inventory();
  }
  return item;
}

}  // namespace

// What the TEE signs is bound to the GPUs that answer beside it. One that does not answer is said,
// and takes nothing else from the verifier.
void add_tee(const evidence::VerifiedChallenge& challenge,
             const std::vector<evidence::EvidenceItem>& gpus, evidence::HostFacts& facts,
             std::vector<evidence::EvidenceItem>& items) {
  std::vector<Sha256> nonces;
  for (const evidence::EvidenceItem& gpu : gpus)
    nonces.push_back(evidence::gpu_nonce(challenge.digest(), gpu.label));
  const auto tree = kernel_tsm();
  const auto report = collect_tee(*tree, tee::tee_report_data(challenge.digest(), nonces));
  if (!report)
    facts["tee.error"] = report.error().to_string();
  else if (*report)
    items.push_back(evidence::make_item(evidence::label::tee, evidence::encode_tee(**report)));
}

Result<std::vector<evidence::EvidenceItem>> collect_items(
    const Configuration& configuration, const evidence::VerifiedChallenge& challenge,
    const std::optional<evidence::RuntimeKey>& runtime) {
  namespace label = evidence::label;
  std::vector<evidence::EvidenceItem> items;
  items.push_back(evidence::make_item(label::challenge, challenge.bytes()));
  items.push_back(evidence::make_item(label::node, as_bytes(configuration.node)));
  if (runtime)
    items.push_back(
        evidence::make_item(label::runtime_key, evidence::encode_runtime_key(*runtime)));
  TRY(const auto event_log, read_kernel_log(configuration.event_log));
  if (event_log) items.push_back(evidence::make_item(label::tpm_eventlog, *event_log));
  TRY(const auto models, digest_models(configuration.models));
  if (!configuration.models.empty())
    items.push_back(evidence::make_item(label::models, evidence::encode_models(models)));
  TRY(const auto platform, read_platform(configuration.platform));
  if (platform)
    items.push_back(evidence::make_item(label::platform, evidence::encode_platform(*platform)));
  TRY(auto gpus, collect_gpus(challenge.digest(), configuration.gpus));
  evidence::HostFacts facts = host_facts();
  add_tee(challenge, gpus, facts, items);
  std::ranges::move(gpus, std::back_inserter(items));
  items.push_back(evidence::make_item(label::host, evidence::encode_host(facts)));
  return items;
}

Result<Bytes> quote_items(const TpmClient& tpm, const AttestationKey& key,
                          const Configuration& configuration,
                          const evidence::VerifiedChallenge& challenge,
                          const std::optional<evidence::RuntimeKey>& runtime,
                          std::vector<evidence::EvidenceItem> items) {
  namespace label = evidence::label;
  TRY(const EndorsementKey ek, tpm.create_ek(key.ek));
  TRY(const LoadedKey ak, tpm.load_ak(ek, key.wrapped));
  TRY(const tpm::UntrustedPublic area, tpm::parse_sized_public(key.wrapped.sized_public));
  items.push_back(evidence::make_item(label::tpm_ak, area.bytes));
  std::uint64_t known = challenge.ima() ? challenge.ima()->entries : 0;
  for (int attempt = 0; attempt < quote_tries; ++attempt) {
    TRY(const tpm::PcrValues values, tpm.read_pcrs(configuration.pcrs));
    std::vector<evidence::EvidenceItem> whole = items;
    TRY(auto ima, read_ima_list(configuration.ima_log, known));
    if (ima) {
      const std::string_view named = ima->after > 0 ? label::ima_rest : label::ima;
      // Moved: a list may have as many bytes as all else together.
      whole.push_back({std::string(named), std::string(evidence::media_type_of(named)),
                       std::move(ima->entries)});
    }
    whole.push_back(evidence::make_item(label::tpm_pcrs, tpm::encode_pcrs(values)));
    const Sha256 qualifying =
        evidence::qualifying_data(challenge.digest(), challenge.node(), thumbprint(runtime), whole);
    TRY(const TpmQuote quote, tpm.quote(ak, qualifying, configuration.pcrs));
    TRY(const tpm::UntrustedQuote parsed, tpm::parse_quote(quote.attest));
    if (known > 0 && parsed.clock.reset_count != challenge.ima()->reset_count) {
      known = 0;  // what the verifier knows is of a boot that is over: this one's list goes whole
      continue;
    }
    TRY(const bool same, matches(quote, parsed, values));
    if (!same) continue;
    cbor::Array pair{quote.attest, quote.signature};
    whole.push_back(evidence::make_item(label::tpm_quote, cbor::encode(std::move(pair))));
    return evidence::encode_evidence(whole);
  }
  return fail(incomplete(rules::pcrs_moved, "the PCRs changed each time while they were quoted")
                  .next("take the PCR that is extended all the time out of tpm.pcrs"));
}

Result<Attester> Attester::make(const Configuration& configuration,
                                const VerifierClient& verifier) {
  TRY_VOID(system_files().make_directories(configuration.state, 0700));
  TRY(AnsweredChallenges answered,
      AnsweredChallenges::open(system_files(), configuration.state / "answered-challenges"));
  return Attester(configuration, verifier, std::move(answered));
}

Result<Bytes> Attester::answer_challenge(ByteView challenge, Time now,
                                         const std::optional<evidence::RuntimeKey>& runtime) {
  TRY(const TrustRoot trust, TrustRoot::read(configuration_->trust));
  TRY_VOID(trust.check_time(now));
  TRY(const auto key, load_attestation_key(configuration_->state));
  if (!key)
    return fail(incomplete(rules::not_enrolled, "this node is not enrolled")
                    .next("agentd --enrol --config FILE"));
  TRY(const auto untrusted, evidence::parse_challenge(challenge));
  TRY(const auto verified,
      evidence::verify_challenge(untrusted, trust.verifiers(), configuration_->node, now));
  TRY_VOID(answered_.accept(verified, now));
  TRY(auto items, collect_items(*configuration_, verified, runtime));
  TRY(const TpmClient tpm, TpmClient::connect(configuration_->tcti));
  return quote_items(tpm, *key, *configuration_, verified, runtime, std::move(items));
}

Result<Attestation> Attester::attest(Time now, const std::optional<evidence::RuntimeKey>& runtime) {
  TRY(const Bytes challenge, verifier_->challenge(configuration_->node));
  TRY(const Bytes collection, answer_challenge(challenge, now, runtime));
  TRY(std::string result, verifier_->submit(collection));
  TRY(const TrustRoot trust, TrustRoot::read(configuration_->trust));
  return read_result(std::move(result), trust, now);
}

}  // namespace attest::agentd
