// Signed notes (C2SP signed-note): a text and the signatures of those who stand by it.
//
//   TEXT            UTF-8, no control characters but line feed, ends in a line feed
//   (empty line)
//   — NAME BASE64   one line a signature: U+2014, space, key name, space, id4 ‖ signature
//
// The note is split at the last empty line: a text may hold empty lines and lines that look like
// signatures. A verifier key is written NAME+HEX(id)+BASE64(type ‖ key); a name holds no space and
// no '+'. The id is the first four bytes of SHA-256(NAME ‖ 0x0A ‖ type ‖ key), for ECDSA those of
// SHA-256(SubjectPublicKeyInfo). For a certificate log (type 5) the key is a SubjectPublicKeyInfo
// or its SHA-256, the log id, alone; the id is made from the log id.
//
// Pure functions; VerifierKey is immutable, cheap to copy and usable from any thread.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libattest/base/time.h"
#include "libattest/crypto/public_key.h"
#include "libattest/crypto/signing_key.h"

namespace attest::transparency {

// Bounds that a reader of untrusted notes keeps; the specification asks for at least 16 signatures.
inline constexpr std::size_t max_note_size = 1U << 20;
inline constexpr std::size_t max_note_signatures = 100;

enum class NoteKeyType : std::uint8_t {
  ed25519 = 0x01,
  ecdsa = 0x02,           // P-256 with SHA-256, signature in DER
  cosignature_v1 = 0x04,  // Ed25519, see cosignature.h
  rfc6962 = 0x05,         // a certificate log's tree head over a checkpoint, see certificate_log.h
  ml_dsa_44 = 0x06,       // recognised, never verified here: no library of ours has it
};

using KeyId = std::array<std::byte, 4>;

class VerifierKey {
 public:
  // parse refuses (rules::vkey_form) a malformed text, an id that is not the key's, a key that is
  // none, and (rules::vkey_type) a type this code does not know.
  static Result<VerifierKey> parse(std::string_view text);
  // make names a key: `type` must fit it (Ed25519 for ed25519 and cosignature_v1, P-256 for ecdsa,
  // P-256 or RSA for rfc6962).
  static Result<VerifierKey> make(std::string_view name, NoteKeyType type, const PublicKey& key);

  const std::string& name() const { return name_; }
  const KeyId& id() const { return id_; }
  NoteKeyType type() const { return type_; }
  // public_key is empty for ML-DSA-44 and for a log id alone: recognised and never verified.
  const std::optional<PublicKey>& public_key() const { return key_; }
  // to_string gives the text that parse reads; label gives NAME+HEX(id).
  std::string to_string() const;
  std::string label() const;

 private:
  VerifierKey(std::string name, KeyId id, NoteKeyType type, Bytes material,
              std::optional<PublicKey> key)
      : name_(std::move(name)),
        id_(id),
        type_(type),
        material_(std::move(material)),
        key_(std::move(key)) {}
  std::string name_;
  KeyId id_;
  NoteKeyType type_;
  Bytes material_;
  std::optional<PublicKey> key_;
};

struct NoteSignature {
  std::string name;
  KeyId id;
  Bytes signature;  // without the id
};

struct UntrustedNote {
  std::string text;  // with its final line feed, without the empty line
  std::vector<NoteSignature> signatures;
};

// parse_note checks form only: size (rules::note_limit), UTF-8, control characters, the last empty
// line (rules::note_form); at least one and at most max_note_signatures signature lines, each well
// formed (rules::note_signature_line).
Result<UntrustedNote> parse_note(ByteView note);
std::string format_note(const UntrustedNote& note);

// VerifiedNote is a note that at least one known key signed. Only verify_note makes one.
class VerifiedNote {
 public:
  struct Signer {
    VerifierKey key;
    std::optional<Time> time;  // of a cosignature or a certificate log's tree head
  };
  const std::string& text() const { return text_; }
  // signers lists each known key once, in the order of the lines; of two cosignatures by one key
  // the later time stands.
  const std::vector<Signer>& signers() const { return signers_; }
  bool signed_by(const VerifierKey& key) const;

 private:
  friend Result<VerifiedNote> verify_note(const UntrustedNote&, std::span<const VerifierKey>);
  std::string text_;
  std::vector<Signer> signers_;
};

// verify_note checks, in this order:
//   - no two of `known` share name and id (rules::note_ambiguous_key);
//   - each signature whose name and id are known holds over the text; one that does not refuses the
//     whole note (rules::note_signature). Lines of unknown keys are passed over, and so are those
//     of known keys of a type that is recognised and never verified;
//   - at least one line was verified (rules::note_unsigned).
// Not checked: what the text says; see checkpoint.h.
Result<VerifiedNote> verify_note(const UntrustedNote& note, std::span<const VerifierKey> known);

// NoteSigner signs notes under a name. It borrows the key. `type` as for VerifierKey::make.
class NoteSigner {
 public:
  static Result<NoteSigner> make(std::string name, NoteKeyType type, const SigningKey& key);
  const VerifierKey& verifier() const { return verifier_; }
  // sign gives one signature over `text`, which must end in a line feed. `time` is what a
  // cosignature says, and is wanted for cosignature_v1 only.
  Result<NoteSignature> sign(std::string_view text, std::optional<Time> time = {}) const;

 private:
  NoteSigner(VerifierKey verifier, const SigningKey& key)
      : verifier_(std::move(verifier)), key_(&key) {}
  VerifierKey verifier_;
  const SigningKey* key_;
};

// signature_line gives "— NAME BASE64\n"; parse_signature_lines reads one or more of them and
// nothing else: what a witness answers.
std::string signature_line(const NoteSignature& signature);
Result<std::vector<NoteSignature>> parse_signature_lines(std::string_view lines);

// sign_note gives the whole note of a text and its signatures.
Result<std::string> sign_note(std::string_view text, std::span<const NoteSigner> signers);

}  // namespace attest::transparency

namespace attest::rules {
inline constexpr Rule vkey_form{"transparency.vkey.form"};
inline constexpr Rule vkey_type{"transparency.vkey.type"};
inline constexpr Rule note_form{"transparency.note.form"};
inline constexpr Rule note_signature_line{"transparency.note.signature-line"};
inline constexpr Rule note_limit{"transparency.note.limit"};
inline constexpr Rule note_ambiguous_key{"transparency.note.ambiguous-key"};
inline constexpr Rule note_signature{"transparency.note.signature"};
inline constexpr Rule note_unsigned{"transparency.note.unsigned"};
}  // namespace attest::rules
