// links: attest::appraisal attest::evidence OpenSSL::Crypto benchmark
// sources: ../support/test_quote.cpp
// What judging a TPM's evidence costs, beside the P-256 verifications that this machine does in the
// same run with a key that is kept: the limit of any verifier of such quotes.
#include <stdexcept>

#include <benchmark/benchmark.h>

#include "libattest/appraisal/appraise.h"
#include "libattest/evidence/challenge.h"
#include "libattest/evidence/evidence.h"
#include "libattest/tpm/ima_verification.h"
#include "tests/support/test_ledger_trust.h"
#include "tests/support/test_quote.h"

using namespace attest;

namespace {

template <typename T>
T made(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().to_string());
  return *std::move(result);
}

constexpr std::size_t usual_events = 100;

// A machine whose log has a hundred events, as a server with GRUB has.
test::TestTpm booted_machine() {
  test::TestTpm tpm;
  tpm.boot(true, sha256(as_bytes("boot loader")));
  for (std::size_t i = 0; i < usual_events - 20; ++i) {
    const std::string text = "grub_cmd: command number " + std::to_string(i) + " of the menu";
    tpm.measure(8, tpm::ev_ipl, as_bytes(text), sha256(as_bytes(text.substr(10))));
  }
  return tpm;
}

const tpm::PcrSet quoted = tpm::PcrSet::range(0, 9);

struct Fleet {
  test::TestTpm tpm = booted_machine();
  std::unique_ptr<SigningKey> verifier = made(make_signing_key(KeyKind::ed25519, system_random()));
  Time now = from_unix(1'800'000'000);
  Bytes challenge;
  std::optional<evidence::UntrustedEvidence> answer;
  std::optional<evidence::VerifiedChallenge> issued;
  test::TestLedgerTrust ledger;
  std::vector<appraisal::ProvenReferenceValues> references;
  hardware::DeviceManifests manifests;
  std::vector<hardware::ProvenStatement> policies;
  appraisal::Policy policy;
  appraisal::RegisteredNode node{"node", tpm.ak_name(), sha256(as_bytes("ek")), false};

  Fleet() {
    ask();
    policy.name = "bench";
    policy.platform = "board";
    policy.required_pcrs = quoted;
    policy.quote_max_age = policy.result_lifetime = Seconds{600};
    policy.digest = sha256(as_bytes("policy"));
    policies = {
        ledger.proven(ledger.add(statement::Kind::policy, "policy:bench", as_bytes("policy")))};
    reference::ReferenceValues values{"id", "board", "bench", {}, {}};
    const tpm::PcrValues pcrs = tpm.pcrs(quoted);
    for (const auto& [index, value] : pcrs.banks().at(HashAlgorithm::sha256))
      values.pcrs[HashAlgorithm::sha256][index] = {{value, ""}};
    references.push_back(made(appraisal::prove_reference_values(
        ledger.proven(ledger.add(statement::Kind::reference_values, "platform:board",
                                 made(reference::encode_reference_values(values)))))));
    statement::DeviceManifest manifest;
    manifest.ek = node.ek;
    if (!manifests.add(
            ledger.proven(ledger.add(statement::Kind::device_manifest, "ek:" + to_hex(manifest.ek),
                                     statement::encode(manifest), false))))
      throw std::runtime_error("no manifest");
  }

  void ask() {
    evidence::ChallengeContent content{"verifier.example", "node", {}, now, now + Seconds{300}};
    system_random().fill(content.nonce);
    challenge = made(evidence::make_challenge(*verifier, content));
    const evidence::KnownVerifier known[] = {{"verifier.example", verifier->public_key()}};
    issued = made(
        evidence::verify_challenge(made(evidence::parse_challenge(challenge)), known, "node", now));
    namespace label = evidence::label;
    std::vector<evidence::EvidenceItem> items{
        evidence::make_item(label::challenge, challenge),
        evidence::make_item(label::node, as_bytes("node")),
        evidence::make_item(label::tpm_ak, tpm.ak_public()),
        evidence::make_item(label::tpm_pcrs, tpm::encode_pcrs(tpm.pcrs(quoted))),
        evidence::make_item(label::tpm_eventlog, tpm.event_log())};
    const auto bound = evidence::qualifying_data(sha256(challenge), "node", {}, items);
    items.push_back(evidence::make_item(label::tpm_quote, tpm.quote(bound, quoted)));
    answer = made(evidence::parse_evidence(made(evidence::encode_evidence(items))));
  }
};

void raw_p256_verify(benchmark::State& state) {
  const auto key = made(make_signing_key(KeyKind::ecdsa_p256, system_random()));
  const Bytes message(145, std::byte{1});
  const Bytes signature = made(key->sign(message));
  const PublicKey& kept = key->public_key();
  for (auto _ : state)
    if (!kept.verify(SignatureScheme::ecdsa_sha256, message, signature, EcdsaForm::fixed))
      state.SkipWithError("the signature does not hold");
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(raw_p256_verify);

void appraise_again_and_again(benchmark::State& state, const Fleet& fleet,
                              const appraisal::EvidenceContext& context) {
  for (auto _ : state) {
    const auto evidence = appraisal::verify_evidence(*fleet.answer, context);
    if (!evidence) {
      state.SkipWithError(evidence.error().to_string().c_str());
      return;
    }
    const auto appraised = appraisal::appraise(*evidence, fleet.policy,
                                               {fleet.references,
                                                fleet.manifests,
                                                fleet.policies,
                                                {},
                                                fleet.now,
                                                "verifier.example",
                                                {"attest", "bench"}});
    if (appraised.verdict != result::Verdict::pass) {
      state.SkipWithError(appraised.reasons.front().c_str());
      return;
    }
  }
  state.SetItemsProcessed(state.iterations());
}

// Of a node that attested before in this boot: its AK and its event log are kept, as verifierd
// does.
void full_appraisal(benchmark::State& state) {
  const Fleet fleet;
  appraisal::EvidenceContext context{*fleet.issued, fleet.node};
  const auto before = made(appraisal::verify_evidence(*fleet.answer, context));
  context.node.ak = std::make_shared<const tpm::VerifiedAk>(before.ak());
  context.event_log =
      std::make_shared<const appraisal::KnownEventLog>(before.quote().pcrs(), *before.event_log());
  appraise_again_and_again(state, fleet, context);
}
BENCHMARK(full_appraisal);

// Of a node that attests for the first time since the verifier started.
void first_appraisal(benchmark::State& state) {
  const Fleet fleet;
  const appraisal::EvidenceContext context{*fleet.issued, fleet.node};
  appraise_again_and_again(state, fleet, context);
}
BENCHMARK(first_appraisal);

// A log of a hundred events in three banks, written with the SHA-256 one's digests at other
// lengths: what they hash makes no difference to the cost.
Bytes log_in_three_banks() {
  const Bytes one_bank = booted_machine().event_log();
  const auto log = made(tpm::parse_event_log(one_bank));
  Bytes spec = to_bytes(std::string_view("Spec ID Event03\0", 16));
  append(spec, Bytes(8));
  append_u32_le(spec, 3);
  for (const auto& [id, size] : {std::pair{0x04, 20}, std::pair{0x0b, 32}, std::pair{0x0c, 48}}) {
    append_u16_le(spec, static_cast<std::uint16_t>(id));
    append_u16_le(spec, static_cast<std::uint16_t>(size));
  }
  append_u8(spec, 0);
  Bytes bytes(4);
  append_u32_le(bytes, tpm::ev_no_action);
  append(bytes, Bytes(20));
  append_u32_le(bytes, static_cast<std::uint32_t>(spec.size()));
  append(bytes, spec);
  for (const tpm::Event& event : log.events()) {
    if (event.number == 0) continue;
    append_u32_le(bytes, event.pcr);
    append_u32_le(bytes, event.type);
    append_u32_le(bytes, 3);
    for (const auto bank : {HashAlgorithm::sha1, HashAlgorithm::sha256, HashAlgorithm::sha384}) {
      append_u16_le(bytes, tpm::id_of(bank));
      append(bytes, digest(bank, event.data));
    }
    append_u32_le(bytes, static_cast<std::uint32_t>(event.data.size()));
    append(bytes, event.data);
  }
  return bytes;
}

void parse_and_replay_100_events_in_3_banks(benchmark::State& state) {
  const Bytes bytes = log_in_three_banks();
  for (auto _ : state) {
    const auto log = tpm::parse_event_log(bytes);
    benchmark::DoNotOptimize(tpm::replay(*log));
  }
  state.counters["events"] = static_cast<double>(made(tpm::parse_event_log(bytes)).events().size());
}
BENCHMARK(parse_and_replay_100_events_in_3_banks)->Unit(benchmark::kMicrosecond);

std::string ima_list(std::size_t lines) {
  std::string text;
  for (std::size_t i = 0; i < lines; ++i) {
    const std::string path = "/usr/lib/x86_64-linux-gnu/module-" + std::to_string(i) + ".so";
    const Sha256 content = sha256(as_bytes(path));
    Bytes data;
    append_u32_le(data, 40);
    append(data, as_bytes(std::string_view("sha256:\0", 8)));
    append(data, content);
    append_u32_le(data, static_cast<std::uint32_t>(path.size() + 1));
    append(data, as_bytes(path));
    data.push_back(std::byte{0});
    text += "10 " + to_hex(digest(HashAlgorithm::sha1, data)) +
            " ima-ng sha256:" + to_hex(content) + " " + path + "\n";
  }
  return text;
}

void ima_100000_lines_parse_and_replay(benchmark::State& state) {
  const std::string text = ima_list(100'000);
  for (auto _ : state) {
    const auto log = tpm::parse_ima_log(as_bytes(text));
    benchmark::DoNotOptimize(tpm::ima_replay(*log, HashAlgorithm::sha256));
  }
}
BENCHMARK(ima_100000_lines_parse_and_replay)->Unit(benchmark::kMillisecond);

void ima_100000_lines_parse_replay_and_template_hashes(benchmark::State& state) {
  const std::string text = ima_list(100'000);
  for (auto _ : state) {
    const auto log = tpm::parse_ima_log(as_bytes(text));
    benchmark::DoNotOptimize(tpm::ima_replay(*log, HashAlgorithm::sha256));
    if (tpm::inspect_ima_entries(log->entries(), {}).problems_in_all != 0)
      state.SkipWithError("a template hash is wrong");
  }
}
BENCHMARK(ima_100000_lines_parse_replay_and_template_hashes)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
