// links: attest::cose attest::base
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <set>

#include "libattest/base/file.h"
#include "libattest/base/json.h"
#include "libattest/cose/cose_sign1.h"
#include "libattest/crypto/certificate.h"
#include "tests/support/catch.h"
#include "tests/support/corpus.h"

namespace attest::cose {
namespace {

std::set<Path> corpus_files(const char* folder, const char* extension) {
  std::set<Path> files;
  const auto found = corpus(folder);
  if (!found) return files;
  for (const auto& entry : std::filesystem::directory_iterator(*found))
    if (entry.path().extension() == extension) files.insert(entry.path());
  return files;
}

Bytes number(const Json& key, const char* name) {
  return must(from_base64url(key.at(name).get<std::string>()));
}

PublicKey key_of(const Json& key) {
  const std::string type = key.at("kty");
  if (type == "RSA") return must(PublicKey::from_rsa(number(key, "n"), number(key, "e")));
  const std::string curve = key.at("crv");
  if (curve == "Ed25519") return must(PublicKey::from_ed25519(number(key, "x")));
  const KeyKind kind = curve == "P-256"   ? KeyKind::ecdsa_p256
                       : curve == "P-384" ? KeyKind::ecdsa_p384
                                          : KeyKind::ecdsa_p521;
  return must(PublicKey::from_ec_point(kind, number(key, "x"), number(key, "y")));
}

Result<VerifiedSign1> verify(const Json& vector) {
  const Json& test = vector.at("sign1::verify");
  TRY(const Bytes message, from_hex(test.at("taggedCOSESign1").at("cborHex").get<std::string>()));
  TRY(const Bytes external, from_hex(test.value("external", "")));
  TRY(UntrustedSign1 parsed, parse_sign1(message));
  return verify_sign1(std::move(parsed), key_of(vector.at("key")), external);
}

// parse_as_issued reads a statement whose critical headers are its issuer's own.
Result<UntrustedSign1> parse_as_issued(ByteView bytes) {
  TRY(const cbor::Value whole, cbor::decode(bytes));
  const cbor::Value& parts = whole.as_tagged() != nullptr ? whole.as_tagged()->content : whole;
  TRY(const cbor::Value header, cbor::decode(*parts.as_array()->at(0).as_bytes()));
  const cbor::Value* critical = header.find(2);
  return parse_sign1(bytes, critical != nullptr ? *critical->as_array() : cbor::Array{});
}

const cbor::Value* x5chain(const UntrustedSign1& message) {
  for (const auto* header : {&message.protected_header, &message.unprotected_header})
    for (const auto& [label, value] : *header)
      if (label == cbor::Value(33)) return &value;
  return nullptr;
}

}  // namespace

TEST_CASE("COSE_Sign1 vectors verify exactly where they say so") {
  for (const Path& file : corpus_files("tpm/cose", ".json")) {
    INFO(file.filename().string());
    const Json vector = must(parse_json(must(read_text_file(file))));
    if (!vector.contains("sign1::verify")) continue;
    const auto verified = verify(vector);
    INFO((verified ? "verified" : verified.error().to_string()));
    CHECK(verified.has_value() == vector.at("sign1::verify").at("shouldVerify").get<bool>());
  }
}

TEST_CASE(
    "statements as another service takes them are read, and verify by an x5chain they bring") {
  for (const Path& file : corpus_files("ledger/scitt", ".cose")) {
    INFO(file.filename().string());
    const UntrustedSign1 message = must(parse_as_issued(must(read_file(file))));
    const cbor::Value* chain = x5chain(message);
    if (chain == nullptr) continue;  // its key is elsewhere; that it parses is all
    const cbor::Value& leaf = chain->as_array() != nullptr ? chain->as_array()->front() : *chain;
    const Certificate certificate = must(Certificate::from_der(*leaf.as_bytes()));
    REQUIRE_OK(verify_sign1(message, must(certificate.public_key())));
  }
}

}  // namespace attest::cose
