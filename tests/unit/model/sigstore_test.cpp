// A Sigstore instance of our own: an authority, a certificate log, a Rekor log. Each test spoils
// one thing in a bundle that is otherwise good.
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "libattest/base/json.h"
#include "libattest/crypto/ecdsa_signature.h"
#include "libattest/crypto/openssl_handles.h"
#include "libattest/crypto/signing_key.h"
#include "libattest/model/sct.h"
#include "libattest/model/sigstore_verify.h"
#include "libattest/transparency/tree.h"
#include "tests/support/catch.h"
#include "tests/support/test_ca.h"

using namespace attest;
using namespace attest::model;

namespace {

const Time signed_at = from_unix(1'800'000'000);
constexpr std::string_view content = "weights";
const ExpectedSigner expected{"https://ci.example/build", "https://login.example"};

std::unique_ptr<SigningKey> p256() {
  return must(make_signing_key(KeyKind::ecdsa_p256, system_random()));
}
Bytes der_signature(const SigningKey& key, ByteView message) {
  return der_from_fixed(must(key.sign(message)));
}

void add_extension(X509* certificate, const char* oid, const Bytes& value, bool critical = false) {
  const openssl::Object object(OBJ_txt2obj(oid, 1));
  const std::unique_ptr<ASN1_OCTET_STRING, openssl::Free<ASN1_OCTET_STRING_free>> text(
      ASN1_OCTET_STRING_new());
  ASN1_OCTET_STRING_set(text.get(), openssl::data(value), static_cast<int>(value.size()));
  const std::unique_ptr<X509_EXTENSION, openssl::Free<X509_EXTENSION_free>> extension(
      X509_EXTENSION_create_by_OBJ(nullptr, object.get(), critical ? 1 : 0, text.get()));
  REQUIRE(X509_add_ext(certificate, extension.get(), -1) == 1);
}

Bytes tagged(std::uint8_t tag, ByteView value) {
  REQUIRE(value.size() < 65536);
  Bytes der;
  append_u8(der, tag);
  if (value.size() >= 128) append_u8(der, 0x82);
  if (value.size() >= 128)
    append_u16_be(der, static_cast<std::uint16_t>(value.size()));
  else
    append_u8(der, static_cast<std::uint8_t>(value.size()));
  append(der, value);
  return der;
}

struct Instance {
  test::Certified root = test::Certified::root({.common_name = "root", .is_ca = true});
  std::unique_ptr<SigningKey> rekor = p256();
  std::unique_ptr<SigningKey> certificate_log = p256();
  std::unique_ptr<SigningKey> signer = p256();

  // What a test may spoil.
  std::string usage = "1.3.6.1.5.5.7.3.3";
  Time not_before = signed_at - Seconds(60);
  Time not_after = signed_at + Seconds(540);
  const SigningKey* sct_by = certificate_log.get();
  const SigningKey* checkpoint_by = rekor.get();
  const SigningKey* promise_by = rekor.get();
  Time integrated = signed_at;

  static Bytes id_of(const SigningKey& key) { return to_bytes(key.public_key().thumbprint()); }

  SigstoreTrust trust() const {
    const TimeRange always{from_unix(0), std::nullopt};
    return {.logs = {{"https://rekor.example", rekor->public_key(), id_of(*rekor), always}},
            .certificate_logs = {{"https://ct.example", certificate_log->public_key(),
                                  id_of(*certificate_log), always}},
            .certificate_authorities = {{{root.certificate()}, always}},
            .timestamp_authorities = {}};
  }

  void add_sct(X509* leaf) const {
    unsigned char* der = nullptr;
    const int size = i2d_re_X509_tbs(leaf, &der);
    const Bytes part = to_bytes(std::as_bytes(std::span(der, static_cast<std::size_t>(size))));
    OPENSSL_free(der);
    const auto time_ms = static_cast<std::uint64_t>(unix_seconds(signed_at)) * 1000;
    Bytes message = must(from_hex("0000"));
    append_u64_be(message, time_ms);
    append_u16_be(message, 1);
    append(message, sha256(must(root.certificate().public_key()).spki_der()));
    append_u8(message, 0);
    append_u16_be(message, static_cast<std::uint16_t>(part.size()));
    append(message, part);
    append_u16_be(message, 0);
    const Bytes signature = der_signature(*sct_by, message);
    Bytes sct = must(from_hex("00"));
    append(sct, id_of(*certificate_log));
    append_u64_be(sct, time_ms);
    append_u16_be(sct, 0);
    append(sct, must(from_hex("0403")));
    append_u16_be(sct, static_cast<std::uint16_t>(signature.size()));
    append(sct, signature);
    Bytes list;
    append_u16_be(list, static_cast<std::uint16_t>(sct.size() + 2));
    append_u16_be(list, static_cast<std::uint16_t>(sct.size()));
    append(list, sct);
    add_extension(leaf, "1.3.6.1.4.1.11129.2.4.2", tagged(0x04, list));
  }

  Certificate leaf() const {
    const openssl::X509Handle made(X509_new());
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 7);
    ASN1_TIME_set(X509_getm_notBefore(made.get()), unix_seconds(not_before));
    ASN1_TIME_set(X509_getm_notAfter(made.get()), unix_seconds(not_after));
    X509_set_issuer_name(made.get(), X509_get_subject_name(root.certificate().openssl()));
    X509_set_pubkey(made.get(), signer->public_key().openssl());
    const std::string name(expected.identity);
    add_extension(made.get(), "2.5.29.17", tagged(0x30, tagged(0x86, as_bytes(name))), true);
    const openssl::Object purpose(OBJ_txt2obj(usage.c_str(), 1));
    const std::size_t length = OBJ_length(purpose.get());
    const auto* oid = reinterpret_cast<const std::byte*>(OBJ_get0_data(purpose.get()));
    add_extension(made.get(), "2.5.29.37", tagged(0x30, tagged(0x06, ByteView(oid, length))));
    add_extension(made.get(), "1.3.6.1.4.1.57264.1.8", tagged(0x0c, as_bytes(expected.issuer)));
    const std::string pem = root.key_pem();
    const openssl::Bio bio = openssl::bio_over(as_bytes(pem));
    const openssl::Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
    // Signing once fixes what the algorithm's name is, which the SCT covers.
    REQUIRE(X509_sign(made.get(), key.get(), EVP_sha256()) > 0);
    add_sct(made.get());
    REQUIRE(X509_sign(made.get(), key.get(), EVP_sha256()) > 0);
    unsigned char* der = nullptr;
    const int size = i2d_X509(made.get(), &der);
    auto certificate =
        must(Certificate::from_der(std::as_bytes(std::span(der, static_cast<std::size_t>(size)))));
    OPENSSL_free(der);
    return certificate;
  }

  LogEntry entry_about(const Bytes& signature, const Certificate& certificate,
                       std::string_view about = content) const {
    LogEntry entry;
    entry.index = 1;
    entry.log_id = id_of(*rekor);
    entry.kind = "hashedrekord";
    entry.version = "0.0.1";
    entry.integrated = integrated;
    const OrderedJson body = {
        {"apiVersion", entry.version},
        {"kind", entry.kind},
        {"spec",
         {{"data",
           {{"hash", {{"algorithm", "sha256"}, {"value", to_hex(sha256(as_bytes(about)))}}}}},
          {"signature",
           {{"content", to_base64(signature)},
            {"publicKey", {{"content", to_base64(as_bytes(certificate.to_pem()))}}}}}}}};
    entry.body = to_bytes(to_line(body));
    log(entry);
    return entry;
  }

  // log gives an entry its promise and its proof, as the second leaf of two.
  void log(LogEntry& entry) const {
    const std::string promise = "{\"body\":\"" + to_base64(entry.body) + "\",\"integratedTime\":" +
                                std::to_string(unix_seconds(*entry.integrated)) + ",\"logID\":\"" +
                                to_hex(entry.log_id) + "\",\"logIndex\":1}";
    entry.signed_entry_timestamp = der_signature(*promise_by, as_bytes(promise));
    const auto first = transparency::leaf_hash(as_bytes("another entry"));
    InclusionProof proof{1, 2, {}, {first}, {}};
    proof.root = transparency::node_hash(first, transparency::leaf_hash(entry.body));
    const std::string text = "rekor.example - 17\n2\n" + to_base64(proof.root) + "\n";
    const Bytes signature = der_signature(*checkpoint_by, as_bytes(text));
    const Bytes id = id_of(*rekor);
    proof.checkpoint = text + "\n\u2014 rekor.example " +
                       to_base64(concat({ByteView(id).first(4), signature})) + "\n";
    entry.proof = proof;
  }

  UntrustedBundle bundle() const {
    UntrustedBundle made;
    made.version = BundleVersion::v0_3;
    made.certificates = {leaf()};
    const Bytes signature = der_signature(*signer, as_bytes(content));
    made.message = MessageSignature{"SHA2_256", to_bytes(sha256(as_bytes(content))), signature};
    made.log_entries = {entry_about(signature, made.certificates.front())};
    return made;
  }
};

Result<VerifiedSignature> verify(const UntrustedBundle& bundle, const SigstoreTrust& trust,
                                 const ExpectedSigner& signer = expected,
                                 std::string_view file = content) {
  return verify_sigstore_bundle(bundle, trust, signer, [file](HashAlgorithm hash) -> Result<Bytes> {
    return digest(hash, as_bytes(file));
  });
}

}  // namespace

TEST_CASE("a bundle that is whole proves who signed, and when at the latest") {
  const Instance instance;
  const auto verified = must(verify(instance.bundle(), instance.trust()));
  CHECK(verified.signer().identity == expected.identity);
  CHECK(verified.signer().signed_at == signed_at);
  CHECK(verified.times().size() == 1);
}

TEST_CASE("another file, identity or issuer is refused") {
  const Instance instance;
  const auto bundle = instance.bundle();
  REQUIRE_RULE(verify(bundle, instance.trust(), expected, "other weights"),
               rules::keyless_signature);
  REQUIRE_RULE(verify(bundle, instance.trust(), {"https://ci.example/buil", expected.issuer}),
               rules::keyless_identity);
  REQUIRE_RULE(verify(bundle, instance.trust(), {expected.identity, "https://login.example/"}),
               rules::keyless_identity);
  auto hinted = bundle;
  hinted.message->digest[0] ^= std::byte{1};
  REQUIRE_RULE(verify(hinted, instance.trust()), rules::keyless_signature);
}

TEST_CASE("a certificate counts when its authority and a certificate log stand for it") {
  Instance instance;
  auto trust = instance.trust();
  const auto bundle = instance.bundle();
  trust.certificate_authorities[0].valid.end = signed_at - Seconds(1);
  REQUIRE_RULE(verify(bundle, trust), rules::keyless_chain);
  trust.certificate_authorities[0].valid.end = signed_at;
  REQUIRE_OK(verify(bundle, trust));
  trust.certificate_authorities[0].chain = {
      test::Certified::root({.common_name = "root", .is_ca = true}).certificate()};
  REQUIRE_RULE(verify(bundle, trust), rules::keyless_chain);

  trust = instance.trust();
  trust.certificate_logs[0].valid.start = signed_at + Seconds(1);
  REQUIRE_RULE(verify(bundle, trust), rules::sct);
  trust.certificate_logs.clear();
  REQUIRE_RULE(verify(bundle, trust), rules::sct);

  instance.usage = "1.3.6.1.5.5.7.3.1";
  REQUIRE_RULE(verify(instance.bundle(), instance.trust()), rules::keyless_chain);
}

TEST_CASE("an SCT by another key is refused") {
  Instance instance;
  const auto other = p256();
  instance.sct_by = other.get();
  REQUIRE_RULE(verify(instance.bundle(), instance.trust()), rules::sct);
}

TEST_CASE("a certificate must have been valid when the log says that it signed") {
  Instance instance;
  instance.not_after = signed_at - Seconds(1);
  REQUIRE_RULE(verify(instance.bundle(), instance.trust()), rules::keyless_chain);
  instance.not_after = signed_at + Seconds(540);
  instance.not_before = signed_at + Seconds(1);
  REQUIRE_RULE(verify(instance.bundle(), instance.trust()), rules::keyless_chain);
}

TEST_CASE("an entry counts when a trusted log promised and holds it") {
  Instance instance;
  const auto good = instance.bundle();
  auto bundle = good;
  bundle.log_entries.clear();
  REQUIRE_RULE(verify(bundle, instance.trust()), rules::keyless_log);
  bundle = good;
  bundle.log_entries[0].log_id[0] ^= std::byte{1};
  REQUIRE_RULE(verify(bundle, instance.trust()), rules::keyless_log);
  auto trust = instance.trust();
  trust.logs[0].valid.end = signed_at - Seconds(1);
  REQUIRE_RULE(verify(good, trust), rules::keyless_log);

  bundle = good;
  bundle.log_entries[0].integrated = signed_at + Seconds(1);
  REQUIRE_RULE(verify(bundle, instance.trust()), rules::keyless_set);
  bundle = good;
  bundle.log_entries[0].proof->hashes[0][0] ^= std::byte{1};
  REQUIRE_RULE(verify(bundle, instance.trust()), rules::keyless_inclusion);
  bundle = good;
  bundle.log_entries[0].proof->checkpoint.clear();
  REQUIRE_RULE(verify(bundle, instance.trust()), rules::keyless_inclusion);
  bundle = good;
  bundle.log_entries[0].proof.reset();
  REQUIRE_RULE(verify(bundle, instance.trust()), rules::keyless_inclusion);
  bundle.version = BundleVersion::v0_1;
  REQUIRE_OK(verify(bundle, instance.trust()));
}

TEST_CASE("promises and checkpoints by other keys, or of other trees, are refused") {
  const auto other = p256();
  Instance instance;
  instance.promise_by = other.get();
  REQUIRE_RULE(verify(instance.bundle(), instance.trust()), rules::keyless_set);
  instance.promise_by = instance.rekor.get();
  instance.checkpoint_by = other.get();
  REQUIRE_RULE(verify(instance.bundle(), instance.trust()), rules::keyless_checkpoint);
  instance.checkpoint_by = instance.rekor.get();

  auto bundle = instance.bundle();
  const auto elsewhere = instance.entry_about(Bytes(8), bundle.certificates.front());
  bundle.log_entries[0].proof->checkpoint = elsewhere.proof->checkpoint;
  REQUIRE_RULE(verify(bundle, instance.trust()), rules::keyless_checkpoint);
}

TEST_CASE("an entry about another signature, signer or content is refused") {
  const Instance instance;
  const auto good = instance.bundle();
  const auto with = [&](LogEntry entry) {
    auto bundle = good;
    bundle.log_entries = {std::move(entry)};
    return verify(bundle, instance.trust());
  };
  const Bytes& signature = good.message->signature;
  const Certificate& leaf = good.certificates.front();
  REQUIRE_OK(with(instance.entry_about(signature, leaf)));
  REQUIRE_RULE(with(instance.entry_about(der_signature(*instance.rekor, as_bytes("x")), leaf)),
               rules::keyless_entry);
  REQUIRE_RULE(with(instance.entry_about(signature, instance.root.certificate())),
               rules::keyless_entry);
  REQUIRE_RULE(with(instance.entry_about(signature, leaf, "other")), rules::keyless_entry);
  auto entry = instance.entry_about(signature, leaf);
  entry.version = "0.0.2";
  REQUIRE_RULE(with(entry), rules::keyless_entry);
}

TEST_CASE("without a proven time nothing is proven") {
  const Instance instance;
  auto bundle = instance.bundle();
  bundle.log_entries[0].signed_entry_timestamp.clear();
  REQUIRE_RULE(verify(bundle, instance.trust()), rules::keyless_time);
  bundle.timestamps = {Bytes(3)};
  REQUIRE_RULE(verify(bundle, instance.trust()), rules::keyless_time);
}

TEST_CASE("a bundle brings no root, and is not verified in another way than it was signed") {
  const Instance instance;
  auto bundle = instance.bundle();
  bundle.certificates.push_back(instance.root.certificate());
  REQUIRE_RULE(verify(bundle, instance.trust()), rules::keyless_material);
  bundle.certificates.clear();
  bundle.key = KeyMaterial{"k", ""};
  REQUIRE_RULE(verify(bundle, instance.trust()), rules::keyless_material);
  REQUIRE_RULE(verify_managed_key_bundle(instance.bundle(), instance.signer->public_key(), {}, {}),
               rules::keyless_material);
}

TEST_CASE("a trusted root without beginnings, keys or chains is refused") {
  REQUIRE_RULE(parse_sigstore_trust("{}"), rules::sigstore_trust);
  const auto with = [](const std::string& rest) {
    return parse_sigstore_trust(
        R"({"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1",)" + rest +
        "}");
  };
  const std::string key = to_base64(p256()->public_key().spki_der());
  const auto log = [&](const std::string& valid, const std::string& id) {
    return with(R"("tlogs":[{"publicKey":{"rawBytes":")" + key + "\"" + valid + "}" + id + "}]");
  };
  const std::string since = R"(,"validFor":{"start":"2026-01-01T00:00:00.5Z"})";
  const std::string id = R"(,"logId":{"keyId":"AAAA"})";
  REQUIRE_OK(log(since, id));
  CHECK(log(since, id)->logs.size() == 1);
  REQUIRE_RULE(log("", id), rules::sigstore_trust);
  REQUIRE_RULE(log(R"(,"validFor":{})", id), rules::sigstore_trust);
  REQUIRE_RULE(log(since, ""), rules::sigstore_trust);
  REQUIRE_RULE(with(R"("certificateAuthorities":[{"certChain":{"certificates":[]})" + since + "}]"),
               rules::sigstore_trust);
}
