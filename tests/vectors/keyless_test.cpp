// links: attest::model attest::base
#include "libattest/base/file.h"
#include "libattest/base/json.h"
#include "libattest/model/sigstore_verify.h"
#include "tests/support/catch.h"
#include "tests/support/corpus.h"

using namespace attest;
using namespace attest::model;

namespace {

std::string text_of(const Path& file, const std::string& absent) {
  if (!std::filesystem::exists(file)) return absent;
  std::string text = must(read_text_file(file));
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

struct Defaults {
  std::string identity;
  std::string issuer;
  Path artefact;
  Path trusted_root;
};

// What a folder of the client conformance suite asks for, and what comes out.
Status verify_folder(const Path& folder, const Defaults& defaults) {
  const auto file_or = [&](const char* name, const Path& absent) {
    return std::filesystem::exists(folder / name) ? folder / name : absent;
  };
  const Bytes artefact = must(read_file(file_or("artifact", defaults.artefact)));
  const ArtefactDigest digest_of = [&](HashAlgorithm hash) -> Result<Bytes> {
    return digest(hash, artefact);
  };
  TRY(const auto trust, parse_sigstore_trust(must(
                            read_text_file(file_or("trusted_root.json", defaults.trusted_root)))));
  TRY(const auto bundle,
      parse_sigstore_bundle(must(read_text_file(folder / "bundle.sigstore.json"))));
  if (std::filesystem::exists(folder / "key.pub")) {
    TRY(const PublicKey key, PublicKey::from_der_or_pem(must(read_file(folder / "key.pub"))));
    TRY_VOID(verify_managed_key_bundle(bundle, key, trust, digest_of));
    return {};
  }
  TRY_VOID(verify_sigstore_bundle(bundle, trust,
                                  {text_of(folder / "identity", defaults.identity),
                                   text_of(folder / "issuer", defaults.issuer)},
                                  digest_of));
  return {};
}

std::optional<Defaults> defaults_of(const Path& folder) {
  const auto base = corpus("model/sigstore/bundle-verify");
  if (!base || !std::filesystem::exists(*base / "defaults.json")) return std::nullopt;
  const Json json = must(parse_json(must(read_text_file(*base / "defaults.json"))));
  return Defaults{json.at("identity").get<std::string>(), json.at("issuer").get<std::string>(),
                  folder / json.at("artifact").get<std::string>(),
                  *base / json.at("trusted_root").get<std::string>()};
}

void verify_all(const std::string& part) {
  const auto root = corpus(part);
  const auto defaults = root ? defaults_of(*root) : std::nullopt;
  if (!defaults) return;
  for (const auto& entry : std::filesystem::directory_iterator(*root)) {
    if (!entry.is_directory()) continue;
    const std::string name = entry.path().filename().string();
    INFO(name);
    const Status verified = verify_folder(entry.path(), *defaults);
    INFO((verified ? "accepted" : verified.error().to_string()));
    CHECK(verified.has_value() == !name.ends_with("_fail"));
    if (!verified) CHECK(verified.error().kind == ErrorKind::refused);
  }
}

}  // namespace

TEST_CASE("client conformance bundles end as their folders' names say") {
  verify_all("model/sigstore/bundle-verify");
}

TEST_CASE("bundles of Rekor's logs end as their folders' names say") {
  verify_all("ledger/rekor-bundles");
}
