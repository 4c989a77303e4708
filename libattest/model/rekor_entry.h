// Entries of Rekor logs: that one was logged, and that it is about a given signature.
#pragma once

#include "libattest/model/sigstore_bundle.h"
#include "libattest/model/sigstore_trust.h"

namespace attest::model {

// LoggedContent is what an entry must be about.
struct LoggedContent {
  ByteView signature;
  Bytes certificate;  // DER, or empty where a key signed
  PublicKey key;      // of the certificate, or the key
  const statement::UntrustedEnvelope* envelope = nullptr;
  Bytes artefact_sha256 = {};  // of a message signature
};

// verify_logged checks an entry's promise and proof of inclusion against its log, as
// verify_sigstore_bundle says; `proof_required` from bundles of version 0.2 on.
Status verify_logged(const LogEntry& entry, const SigstoreLog& log, bool proof_required);

// check_entry_is_about refuses (rules::keyless_entry) an entry whose body names another signature,
// another certificate or key, or another content. Known kinds: hashedrekord 0.0.1 and 0.0.2, dsse
// 0.0.1 and 0.0.2, intoto 0.0.1 and 0.0.2.
Status check_entry_is_about(const LogEntry& entry, const LoggedContent& content);

}  // namespace attest::model
