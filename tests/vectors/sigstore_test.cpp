// links: attest::ledger attest::base
// Sigstore bundles: those of folders named "…_fail" are refused, the others accepted.
#include <cstdlib>
#include <iostream>

#include "ledger/sigstore_bundle.h"
#include "libattest/base/file.h"
#include "tests/support/catch.h"
#include "tests/support/corpus.h"

using namespace attest;
using namespace attest::ledger;

namespace {

// Bundles without a trusted root of their own are of Sigstore's public good instance, Rekor v1. The
// SHA-256 of this key is the log id that those bundles name.
constexpr const char* public_good_rekor =
    "rekor.sigstore.dev+c0d23d6a+AjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNhtmPtrWm3U1eQXBogSMdGvXwBc"
    "K5AW5i0hrZLOC96l+smGNM7nwZ4QvFK/4sueRoVj//QP22Ni4Qt9DPfkWLc=";

std::vector<transparency::VerifierKey> logs_for(const Path& folder) {
  if (std::filesystem::exists(folder / "trusted_root.json"))
    return must(parse_sigstore_logs(must(read_text_file(folder / "trusted_root.json"))));
  return {must(transparency::VerifierKey::parse(public_good_rekor))};
}

Result<VerifiedSigstoreEntry> verify(const Path& folder, const Bytes& artifact) {
  TRY(const std::string text, read_text_file(folder / "bundle.sigstore.json"));
  TRY(const SigstoreBundle bundle, parse_sigstore_bundle(text));
  return verify_sigstore_entry(bundle, logs_for(folder), ByteView(artifact));
}

}  // namespace

TEST_CASE("Sigstore bundles prove their log entry or are refused, as their folders say") {
  const auto area = corpus("ledger/rekor-bundles");
  if (!area) return;
  const Bytes artifact = must(read_file(*area / "a.txt"));
  int checked = 0;
  for (const auto& each : std::filesystem::directory_iterator(*area)) {
    if (!each.is_directory()) continue;
    INFO(each.path().filename().string());
    const auto verified = verify(each.path(), artifact);
    INFO((verified ? "verified" : verified.error().to_string()));
    CHECK(verified.has_value() == !each.path().filename().string().ends_with("_fail"));
    if (!verified) CHECK(verified.error().kind == ErrorKind::refused);
    ++checked;
  }
  CHECK(checked > 0);
}

TEST_CASE("a Sigstore bundle is no proof of another artefact, nor under an unknown log") {
  const auto area = corpus("ledger/rekor-bundles");
  if (!area) return;
  for (const auto& each : std::filesystem::directory_iterator(*area)) {
    if (!each.is_directory() || each.path().filename().string().ends_with("_fail")) continue;
    const auto bundle =
        must(parse_sigstore_bundle(must(read_text_file(each.path() / "bundle.sigstore.json"))));
    REQUIRE_RULE(verify_sigstore_entry(bundle, {}, {}), rules::sigstore_unknown_log);
    if (bundle.signed_bytes) continue;
    const Bytes other = to_bytes("another file\n");
    REQUIRE_RULE(verify_sigstore_entry(bundle, logs_for(each.path()), ByteView(other)),
                 rules::sigstore_body);
  }
}
