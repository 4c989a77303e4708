// links: attest::model attest::base
#include <fstream>

#include "libattest/base/json.h"
#include "libattest/model/oms_files.h"
#include "libattest/model/oms_sign.h"
#include "libattest/model/sigstore_verify.h"
#include "tests/support/catch.h"
#include "tests/support/corpus.h"
#include "tests/support/temporary_directory.h"

using namespace attest;
using namespace attest::model;

namespace {

const Time now = from_unix(1'795'000'000);  // 2026-11-18

Json json_at(const Path& path) {
  return must(parse_json(must(read_text_file(path))));
}

Result<UntrustedBundle> bundle_at(const Path& path) {
  TRY(const std::string text, read_text_file(path));
  return parse_sigstore_bundle(text);
}

PublicKey key_at(const Path& path) {
  return must(PublicKey::from_der_or_pem(must(read_file(path))));
}

Status check_files(const Result<VerifiedOmsStatement>& verified, const Path& model,
                   const OmsFileOptions& options) {
  if (!verified) return fail(verified.error());
  TRY(const OmsComparison comparison, compare_model_files(*verified, model, options));
  if (comparison.matches()) return {};
  return fail(refused(rules::oms_root, "the files differ: " + comparison.differences[0].name));
}

Result<VerifiedOmsStatement> verified_by_key(const Path& bundle, const PublicKey& key) {
  TRY(const UntrustedBundle parsed, bundle_at(bundle));
  return verify_oms_with_key(parsed, key);
}

Result<VerifiedOmsStatement> verified_by_roots(const Path& bundle, const Path& roots) {
  TRY(const UntrustedBundle parsed, bundle_at(bundle));
  return verify_oms_with_certificates(
      parsed, must(Certificate::from_der_or_pem(must(read_file(roots)))), now);
}

// Sigstore's public instance: the corpus has its root beside other Sigstore files.
Result<VerifiedOmsStatement> verified_by_identity(const Path& bundle,
                                                  const ExpectedSigner& signer) {
  const auto root = corpus("model/sigstore/go/public-good.json");
  if (!root) return fail(incomplete(rules::oms_method, "no trusted root in the corpus"));
  const SigstoreTrust trust = must(parse_sigstore_trust(must(read_text_file(*root))));
  TRY(const UntrustedBundle parsed, bundle_at(bundle));
  return verify_oms_keyless(parsed, trust, signer);
}

std::vector<std::string> texts(const Json& object, const char* name) {
  return object.value(name, std::vector<std::string>());
}

// A copy of a case's model, changed as the case says.
void make_model(const Path& from, const Json& changes, const Path& to) {
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(to))
    std::filesystem::permissions(entry.path(), std::filesystem::perms::owner_write,
                                 std::filesystem::perm_options::add);
  std::filesystem::permissions(to, std::filesystem::perms::owner_write,
                               std::filesystem::perm_options::add);
  for (const char* kind : {"inject", "tamper"}) {
    const Json files = changes.value(kind, Json::object());
    for (const auto& [name, content] : files.items())
      std::ofstream(to / name, std::ios::trunc) << content.get<std::string>();
  }
  for (const std::string& name : texts(changes, "delete")) std::filesystem::remove(to / name);
}

Status run_case(const Path& root, const Path& folder, const Json& config) {
  const TemporaryDirectory place;
  const Path model = place.path() / "model";
  const bool own = config.value("model_relative_to", "") == "test_dir";
  make_model((own ? folder : root) / config.at("model").get<std::string>(),
             config.value("model_modifications", Json::object()), model);
  const Json& verify = config.at("verify");
  const OmsFileOptions options{.ignore = texts(verify, "ignore_paths"),
                               .ignore_unsigned = verify.value("ignore_unsigned_files", false)};
  const Path bundle = folder / "bundle.sig";
  if (config.at("method") == "key")
    return check_files(
        verified_by_key(bundle, key_at(root / verify.at("public_key").get<std::string>())), model,
        options);
  if (config.at("method") == "certificate")
    return check_files(verified_by_roots(bundle, root / texts(verify, "cert_chain").at(0)), model,
                       options);
  return check_files(
      verified_by_identity(bundle, {verify.at("identity").get<std::string>(),
                                    verify.at("identity_provider").get<std::string>()}),
      model, options);
}

}  // namespace

TEST_CASE("crafted model signatures are accepted and refused as their list says") {
  const auto folder = corpus("model/oms/crafted");
  if (!folder) return;
  const PublicKey key = key_at(*folder / "key.pub");
  const PublicKey other = key_at(*folder / "other-key.pub");
  for (const Json& each : json_at(*folder / "cases.json")) {
    const Path bundle = *folder / "bundles" / each.at("bundle").get<std::string>();
    INFO(bundle.string() << ": " << each.at("why").get<std::string>());
    const Status checked = check_files(verified_by_key(bundle, key), *folder / "model", {});
    INFO((checked ? "accepted" : checked.error().to_string()));
    CHECK(checked.has_value() == (each.at("expect") == "pass"));
    CHECK_FALSE(verified_by_key(bundle, other).has_value());
  }
}

TEST_CASE("the conformance suite's cases end as their names say") {
  const auto root = corpus("model/oms/conformance");
  if (!root) return;
  for (const auto& entry : std::filesystem::directory_iterator(*root / "cases")) {
    const std::string name = entry.path().filename().string();
    INFO(name);
    const Status checked = run_case(*root, entry.path(), json_at(entry.path() / "config.json"));
    INFO((checked ? "accepted" : checked.error().to_string()));
    CHECK(checked.has_value() == !name.ends_with("_fail"));
    if (!checked) CHECK(checked.error().kind == ErrorKind::refused);
  }
}

TEST_CASE("what every published release signed is still verified") {
  const auto root = corpus("model/oms");
  if (!root) return;
  for (const auto& entry : std::filesystem::directory_iterator(*root / "history")) {
    const Path& folder = entry.path();
    const std::string name = folder.filename().string();
    const Path bundle = folder / "model.sig";
    INFO(name);
    // Signed before ignored paths were recorded.
    OmsFileOptions options{.signature_file = "model.sig"};
    if (name.starts_with("v1.0.1")) options.ignore = {"ignore-me"};
    if (name.ends_with("-certificate")) {
      REQUIRE_OK(
          check_files(verified_by_roots(bundle, *root / "keys/ca-cert.pem"), folder, options));
    } else if (name.ends_with("-elliptic-key")) {
      const auto verified = verified_by_key(bundle, key_at(*root / "keys/signing-key-pub.pem"));
      const bool single = verified && verified->statement().files.contains(".");
      REQUIRE_OK(check_files(verified, single ? folder / "signme-1" : folder, options));
    } else if (name.ends_with("-sigstore") && corpus("model/sigstore/go/public-good.json")) {
      REQUIRE_OK(
          check_files(verified_by_identity(
                          bundle, {"stefanb@us.ibm.com", "https://sigstore.verify.ibm.com/oauth2"}),
                      folder, options));
    }
  }
}

TEST_CASE("the specification's bundles are read, and what it calls invalid is refused") {
  const auto root = corpus("model/oms/spec-v1.0");
  if (!root) return;
  for (const auto& entry : std::filesystem::directory_iterator(*root / "valid")) {
    INFO(entry.path().string());
    const auto bundle = bundle_at(entry.path());
    REQUIRE_OK(bundle);
    REQUIRE_OK(parse_oms_statement(bundle->envelope->payload));
  }
  for (const auto& entry : std::filesystem::directory_iterator(*root / "invalid-payload")) {
    INFO(entry.path().string());
    const auto bundle = bundle_at(entry.path());
    CHECK_FALSE((bundle && bundle->envelope && parse_oms_statement(bundle->envelope->payload)));
  }
  for (const auto& entry : std::filesystem::directory_iterator(*root / "invalid")) {
    INFO(entry.path().string());
    const auto bundle = bundle_at(entry.path());
    if (!bundle) continue;
    // A keyless bundle without log entries has its form, and cannot be verified.
    CHECK_FALSE(verified_by_identity(entry.path(), {"a", "b"}).has_value());
    CHECK(bundle->log_entries.empty());
  }
}

TEST_CASE("statements of the reference are read, and have the content that is signed here") {
  const auto root = corpus("model/oms/payload-goldens");
  if (!root) return;
  const TemporaryDirectory place;
  const auto write = [&](const Path& name, const std::string& text) {
    std::filesystem::create_directories((place.path() / name).parent_path());
    std::ofstream(place.path() / name) << text;
  };
  for (const std::string i : {"0", "1", "2", "3"}) {
    write("sample_model/f" + i, "This is file f" + i + " in root.");
    write("deep_model/d0/d1/d2/d3/d4/f" + i, "This is file f" + i + ".");
    if (i == "3") continue;
    for (const std::string d : {"0", "1"})
      write("sample_model/d" + d + "/f" + d + i, "This is file f" + d + i + " in d" + d + ".");
  }
  for (const auto& entry : std::filesystem::directory_iterator(*root)) {
    const std::string name = entry.path().filename().string();
    INFO(name);
    const auto golden = parse_oms_statement(must(read_file(entry.path())));
    if (name.starts_with("empty_model_folder")) {
      REQUIRE_RULE(golden, rules::oms_statement);  // a model without files is none
      continue;
    }
    REQUIRE_OK(golden);
    if (!std::filesystem::exists(place.path() / golden->model_name)) continue;
    const auto ours = must(describe_model(place.path() / golden->model_name,
                                          {.method = golden->method,
                                           .hash = golden->hash,
                                           .shard_size = golden->shard_size,
                                           .allow_symlinks = golden->allow_symlinks}));
    CHECK(ours.statement.model_name == golden->model_name);
    CHECK(ours.statement.files.size() == golden->files.size());
    for (const auto& [file, pieces] : golden->files) {
      INFO(file);
      REQUIRE(ours.statement.files.contains(file));
      const auto& own = ours.statement.files.at(file);
      REQUIRE(own.size() == pieces.size());
      for (std::size_t i = 0; i < own.size(); ++i) CHECK(own[i].digest == pieces[i].digest);
    }
  }
}
