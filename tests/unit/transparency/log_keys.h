// Keys and note signers that tests of this room share.
#pragma once

#include "libattest/transparency/checkpoint.h"
#include "tests/support/catch.h"

namespace attest::transparency {

// NamedKey is a fresh key that signs notes under a name.
struct NamedKey {
  std::unique_ptr<SigningKey> key;
  NoteSigner signer;

  explicit NamedKey(std::string name, NoteKeyType type = NoteKeyType::ed25519)
      : key(must(make_signing_key(
            type == NoteKeyType::ecdsa ? KeyKind::ecdsa_p256 : KeyKind::ed25519, system_random()))),
        signer(must(NoteSigner::make(std::move(name), type, *key))) {}
  const VerifierKey& verifier() const { return signer.verifier(); }
};

inline std::string note_of(std::string_view text, const std::vector<NoteSignature>& signatures) {
  return format_note({std::string(text), signatures});
}

}  // namespace attest::transparency
