#include "verifierd/enrolment.h"

#include "libattest/statement/statement.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/test_ca.h"
#include "tests/support/test_ledger_trust.h"

using namespace attest;
using namespace attest::verifierd;

namespace {

// Draws the same byte for ever, so that a test knows the secret; each session still needs a name of
// its own, which is why the byte can be changed.
class ChosenRandom final : public Random {
 public:
  void fill(std::span<std::byte> bytes) override { std::ranges::fill(bytes, value); }
  std::byte value{7};
};

constexpr std::uint32_t ek_attributes = 0x000300b2;
constexpr std::uint32_t ak_attributes = 0x00050072;

// TPM2B_PUBLIC of an ECC P-256 key: an EK with its AES-128-CFB protection, or an AK with ECDSA.
Bytes public_area(const SigningKey& key, std::uint32_t attributes, bool storage) {
  Bytes area;
  append_u16_be(area, 0x0023);  // TPM_ALG_ECC
  append_u16_be(area, 0x000b);  // nameAlg SHA-256
  append_u32_be(area, attributes);
  append_u16_be(area, 0);  // no policy
  if (storage) {
    for (const auto value : std::initializer_list<std::uint16_t>{0x0006, 128, 0x0043, 0x0010})
      append_u16_be(area, value);
  } else {
    for (const auto value : std::initializer_list<std::uint16_t>{0x0010, 0x0018, 0x000b})
      append_u16_be(area, value);
  }
  append_u16_be(area, 0x0003);  // NIST P-256
  append_u16_be(area, 0x0010);  // no KDF
  const Bytes point = key.public_key().uncompressed_point();
  for (const std::size_t begin : {1U, 33U}) {
    append_u16_be(area, 32);
    append(area, ByteView(point).subspan(begin, 32));
  }
  Bytes sized;
  append_u16_be(sized, static_cast<std::uint16_t>(area.size()));
  append(sized, area);
  return sized;
}

std::unique_ptr<SigningKey> p256() {
  return must(make_signing_key(KeyKind::ecdsa_p256, system_random()));
}

struct Fixture {
  test::Certified ca = test::Certified::root({.common_name = "TPM maker", .is_ca = true});
  std::unique_ptr<SigningKey> ek = p256();
  std::unique_ptr<SigningKey> ak = p256();
  TemporaryDirectory directory;
  std::unique_ptr<StateStore> state = must(StateStore::open(directory.path() / "state.db"));
  Identity identity{"v@example", must(make_signing_key(KeyKind::ed25519, system_random())),
                    Bytes(32)};
  ChosenRandom random;
  Time now = from_unix(1'800'000'000);
  test::TestLedgerTrust ledger;
  std::shared_ptr<LedgerKnowledge> knowledge = std::make_shared<LedgerKnowledge>();
  std::unique_ptr<TrustSource> trust;
  std::unique_ptr<Enrolment> enrolment;

  explicit Fixture(bool allow_by_name = false, bool software = false) {
    const auto root_key = must(make_signing_key(KeyKind::ed25519, system_random()));
    std::string text =
        "format = \"attest-trust-root/v1\"\n[root]\nversion = 1\n"
        "expires = 2030-01-01T00:00:00Z\nthreshold = 1\n[[root.key]]\n"
        "name = \"root\"\nkey = \"" +
        to_base64(root_key->public_key().spki_der()) + "\"\n[roots]\nek = ['''\n" +
        ca.certificate().to_pem() + "''']\n";
    if (allow_by_name)
      text += "[ek]\nallow = [\"ek:" + to_hex(ek->public_key().thumbprint()) + "\"]\n";
    trust = std::make_unique<TrustSource>("trust.toml", must(TrustRoot::parse(text)));
    std::vector<Certificate> software_roots;
    if (software) software_roots.push_back(ca.certificate());
    enrolment = std::make_unique<Enrolment>(
        *state, *trust, identity, [this] { return knowledge; }, random, [this] { return now; },
        std::move(software_roots));
  }

  void manifest(std::optional<std::string> node = {}, bool by_other = false) {
    statement::DeviceManifest manifest;
    manifest.ek = ek->public_key().thumbprint();
    manifest.node = std::move(node);
    manifest.manufacturer = "maker";
    manifest.model = "model";
    manifest.serial = "1";
    const auto index = ledger.add(statement::Kind::device_manifest, "ek:" + to_hex(manifest.ek),
                                  statement::encode(manifest), by_other);
    must(knowledge->manifests.add(ledger.proven(index)));
  }

  evidence::EnrolBegin request(std::string node = "n") const {
    const Certificate certificate =
        ca.certify({.common_name = "EK", .eku = {"2.23.133.8.1"}}, ek->public_key());
    return {std::move(node),
            {certificate.der()},
            public_area(*ek, ek_attributes, true),
            public_area(*ak, ak_attributes, false)};
  }

  // Each session has a name drawn from `random`, and so has its secret.
  Result<evidence::EnrolResult> enrol(const std::string& node = "n") {
    auto challenge = enrolment->begin(request(node));
    if (!challenge) return fail(challenge.error());
    return enrolment->complete({challenge->session, Bytes(32, random.value)});
  }
};

}  // namespace

TEST_CASE("a node whose TPM is certified and named by a manifest enrols, and the log will say so") {
  Fixture f;
  f.manifest("n");
  const auto result = must(f.enrol());
  REQUIRE(result.state == "enrolled");
  const NodeRecord record = must(f.state->node("n")).value();
  REQUIRE(record.ak_name == result.ak_name);
  REQUIRE(record.ek == f.ek->public_key().thumbprint());
  REQUIRE_FALSE(record.software_tpm);
  const auto waiting = must(f.state->waiting(10));
  REQUIRE(waiting.size() == 1);
  const auto statement = must(statement::parse_statement(waiting[0].statement));
  REQUIRE(statement.subject() == f.identity.node_subject("n"));
  REQUIRE(statement.as<statement::NodeStateChange>()->to == statement::NodeState::enrolled);
}

TEST_CASE("a TPM that no manifest names is refused, unless the trust root allows it by name") {
  Fixture unknown;
  REQUIRE_RULE(unknown.enrolment->begin(unknown.request()), rules::enrol_unknown_ek);
  Fixture allowed(true);
  REQUIRE_OK(allowed.enrolment->begin(allowed.request()));
}

TEST_CASE("a TPM that several issuers claim is refused, and so is one of another node") {
  Fixture disputed;
  disputed.manifest();
  disputed.manifest({}, true);
  REQUIRE_RULE(disputed.enrolment->begin(disputed.request()), rules::enrol_disputed);
  Fixture other;
  other.manifest("m");
  REQUIRE_RULE(other.enrolment->begin(other.request("n")), rules::enrol_other_node);
}

TEST_CASE("an EK without a certificate, or with that of another key or maker, is refused") {
  Fixture f;
  f.manifest();
  auto bare = f.request();
  bare.ek_certificates.clear();
  REQUIRE_RULE(f.enrolment->begin(bare), rules::enrol_no_certificate);

  auto borrowed = f.request();
  borrowed.ek_public = public_area(*p256(), ek_attributes, true);
  REQUIRE_RULE(f.enrolment->begin(borrowed), rules::ek_key_differs);

  const auto stranger = test::Certified::root({.common_name = "nobody", .is_ca = true});
  auto forged = f.request();
  forged.ek_certificates = {
      stranger.certify({.common_name = "EK", .eku = {"2.23.133.8.1"}}, f.ek->public_key()).der()};
  REQUIRE_FALSE(f.enrolment->begin(forged).has_value());
}

TEST_CASE("an EK without a certificate enrols where a list of the verifier names it") {
  Fixture f;
  evidence::EnrolBegin request = f.request();
  request.ek_certificates.clear();
  REQUIRE_RULE(f.enrolment->begin(request), rules::enrol_no_certificate);
  const std::string line = "ek:" + to_hex(f.ek->public_key().thumbprint());
  f.enrolment->allow_eks(must(parse_allowed_eks("# a cloud's\n\n " + line + "  # guest 7\n")));
  REQUIRE_OK(f.enrolment->begin(request));
  request.ek_public = public_area(*f.ek, ek_attributes | 0x00040000, true);  // sign
  REQUIRE_RULE(f.enrolment->begin(request), rules::enrol_ek_unfit);
  f.enrolment->allow_eks({});
  REQUIRE_RULE(f.enrolment->begin(f.request()), rules::enrol_unknown_ek);
}

TEST_CASE("a list of allowed EKs with a line that names none is refused whole") {
  const std::string good = "ek:" + std::string(64, 'a') + "\n";
  REQUIRE(must(parse_allowed_eks(good + good)).size() == 1);
  for (const std::string& bad : {std::string("ek:12"), std::string(64, 'a'),
                                 "ek:" + std::string(64, 'g'), std::string("ek:")}) {
    const auto list = parse_allowed_eks(good + bad);
    REQUIRE_RULE(list, rules::enrol_allow_list);
    REQUIRE(list.error().where == "line 2");
  }
}

TEST_CASE("an allowed EK that could sign, or leave its TPM, proves nothing and is refused") {
  Fixture f(true);
  for (const std::uint32_t attributes :
       {ek_attributes & ~0x00010000U, ek_attributes & ~0x2U, ek_attributes | 0x00040000U}) {
    auto request = f.request();
    request.ek_public = public_area(*f.ek, attributes, true);
    REQUIRE_RULE(f.enrolment->begin(request), rules::enrol_ek_unfit);
  }
}

TEST_CASE("an attestation key that would sign anything is refused") {
  Fixture f;
  f.manifest();
  auto request = f.request();
  request.ak_public = public_area(*f.ak, ak_attributes & ~0x00010000U, false);
  REQUIRE_FALSE(f.enrolment->begin(request).has_value());
}

TEST_CASE("a node's name cannot be taken by another TPM, nor a TPM have two names") {
  Fixture f;
  f.manifest();
  must(f.enrol("n"));
  REQUIRE_RULE(f.enrolment->begin(f.request("m")), rules::enrol_ek_taken);
  f.ek = p256();
  f.manifest();
  REQUIRE_RULE(f.enrolment->begin(f.request("n")), rules::enrol_node_taken);
}

TEST_CASE(
    "of two TPMs that begin to enrol under one name side by side, the first to finish has it") {
  Fixture f;
  f.manifest();
  const auto first = must(f.enrolment->begin(f.request("n")));
  const std::byte first_secret = f.random.value;
  f.random.value = std::byte{0x51};
  f.ek = p256();
  f.manifest();
  const auto second = must(f.enrolment->begin(f.request("n")));
  REQUIRE(first.session != second.session);
  must(f.enrolment->complete({first.session, Bytes(32, first_secret)}));
  REQUIRE_RULE(f.enrolment->complete({second.session, Bytes(32, f.random.value)}),
               rules::enrol_node_taken);
}

TEST_CASE("a wrong secret ends the session, and the right one comes too late then") {
  Fixture f;
  f.manifest();
  const auto challenge = must(f.enrolment->begin(f.request()));
  REQUIRE_RULE(f.enrolment->complete({challenge.session, Bytes(32, std::byte{8})}),
               rules::enrol_secret);
  REQUIRE_RULE(f.enrolment->complete({challenge.session, Bytes(32, f.random.value)}),
               rules::enrol_session);
  REQUIRE_FALSE(must(f.state->node("n")).has_value());
}

TEST_CASE("a session ends by itself") {
  Fixture f;
  f.manifest();
  const auto challenge = must(f.enrolment->begin(f.request()));
  f.now += enrol_session_life;
  REQUIRE_RULE(f.enrolment->complete({challenge.session, Bytes(32, f.random.value)}),
               rules::enrol_session);
}

TEST_CASE("the same TPM with another attestation key is recorded as such") {
  Fixture f;
  f.manifest();
  const Bytes first = must(f.enrol()).ak_name;
  f.ak = p256();
  REQUIRE(must(f.enrol()).ak_name != first);
  REQUIRE(must(f.state->events("n")).front().what == "same TPM, new attestation key");
  REQUIRE(must(f.state->waiting(10)).size() == 2);
  must(f.enrol());
  REQUIRE(must(f.state->waiting(10)).size() == 2);  // nothing changed: nothing to say
}

TEST_CASE("a TPM whose chain ends at a software TPM's root is marked as one") {
  Fixture f(false, true);
  f.manifest();
  must(f.enrol());
  REQUIRE(must(f.state->node("n"))->software_tpm);
}
