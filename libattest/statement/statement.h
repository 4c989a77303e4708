// Signed statements: what ledger entries are (docs/formats.md, "Signed statement").
//
// A tagged COSE_Sign1, at most 65,535 bytes, that says which issuer says what kind of thing about
// which subject. parse_statement checks form, payload included; verify_statement checks the
// signature by a key the caller holds to be the issuer's. Who may say what is the trust root's to
// judge: see libattest/trust/authorize.h, the door through which statements are believed.
//
// Immutable values, usable from any thread.
#pragma once

#include <string>
#include <variant>

#include "libattest/base/time.h"
#include "libattest/cose/cose_sign1.h"
#include "libattest/statement/artefact.h"
#include "libattest/statement/batch.h"
#include "libattest/statement/consent.h"
#include "libattest/statement/custody.h"
#include "libattest/statement/device_manifest.h"
#include "libattest/statement/kind.h"
#include "libattest/statement/node_state.h"
#include "libattest/statement/revocation.h"
#include "libattest/statement/subject.h"
#include "libattest/statement/training_run.h"

namespace attest::statement {

inline constexpr std::string_view media_type = "application/attest-statement+cose";
inline constexpr std::size_t max_statement_size = 65'535;

// Opaque is a payload that another room reads: reference values (CoRIM), policies, map roots.
struct Opaque {
  friend bool operator==(Opaque, Opaque) = default;
};
using Content = std::variant<Opaque, DeviceManifest, DataSet, ModelRelease, NodeStateChange, Batch,
                             KeyStatus, Revocation, TrainingRun, Consent, Custody, Inspection>;

class UntrustedStatement {
 public:
  const Bytes& bytes() const { return bytes_; }
  Kind kind() const { return kind_; }
  const std::string& issuer() const { return issuer_; }
  const Subject& subject() const { return subject_; }
  Time issued_at() const { return issued_at_; }     // a claim of the issuer's
  const Sha256& signer() const { return signer_; }  // kid: the thumbprint of the signer's key
  const Bytes& payload() const { return *message_.payload; }
  const Content& content() const { return content_; }
  // as<ModelRelease>() gives the content, or nullptr when it is of another kind.
  template <typename T>
  const T* as() const {
    return std::get_if<T>(&content_);
  }

 private:
  friend class VerifiedStatement;
  friend Result<UntrustedStatement> parse_statement(ByteView);
  friend Result<class VerifiedStatement> verify_statement(UntrustedStatement, const PublicKey&);
  UntrustedStatement(Bytes bytes, Kind kind, Subject subject, cose::UntrustedSign1 message)
      : bytes_(std::move(bytes)),
        kind_(kind),
        subject_(std::move(subject)),
        message_(std::move(message)) {}
  Bytes bytes_;
  Kind kind_;
  std::string issuer_;
  Subject subject_;
  Time issued_at_;
  Sha256 signer_{};
  Content content_;
  cose::UntrustedSign1 message_;
};

// parse_statement checks, and refuses otherwise:
//   - size, and a tagged COSE_Sign1 in deterministic CBOR (rules::statement_form);
//   - the protected header holds algorithm, content type, kid of 32 bytes and CWT claims issuer,
//     subject and issued-at, and nothing else; the unprotected header is empty
//     (rules::statement_header);
//   - the content type is of a known kind (rules::statement_kind);
//   - the subject is well-formed and fits the kind (rules::statement_subject);
//   - the payload has the kind's form, and what it says of its subject agrees with the header
//     (rules::statement_payload and the CBOR rules).
// Not checked: the signature, and whether the issuer may say this.
Result<UntrustedStatement> parse_statement(ByteView bytes);

// VerifiedStatement was signed by the key it names. Only verify_statement makes one.
class VerifiedStatement {
 public:
  const UntrustedStatement& statement() const { return statement_; }
  const PublicKey& key() const { return key_; }
  const UntrustedStatement* operator->() const { return &statement_; }

 private:
  friend Result<VerifiedStatement> verify_statement(UntrustedStatement, const PublicKey&);
  VerifiedStatement(UntrustedStatement statement, PublicKey key)
      : statement_(std::move(statement)), key_(std::move(key)) {}
  UntrustedStatement statement_;
  PublicKey key_;
};

// verify_statement checks, in this order:
//   - `key` is the one the statement names by its thumbprint (rules::statement_key);
//   - the signature holds (rules::cose_algorithm, rules::cose_signature).
// Not checked: that `key` is the issuer's, and whether the issuer may say this.
Result<VerifiedStatement> verify_statement(UntrustedStatement statement, const PublicKey& key);

// sign_statement writes a statement. What would not parse is refused before it is signed by
// anyone's reader: the result always parses.
Result<Bytes> sign_statement(Kind kind, const Subject& subject, std::string_view issuer,
                             Time issued_at, ByteView payload, const SigningKey& key);

}  // namespace attest::statement

namespace attest::rules {
inline constexpr Rule statement_form{"statement.form"};
inline constexpr Rule statement_header{"statement.header"};
inline constexpr Rule statement_kind{"statement.kind"};
inline constexpr Rule statement_subject{"statement.subject"};
inline constexpr Rule statement_payload{"statement.payload"};
inline constexpr Rule statement_key{"statement.key"};
}  // namespace attest::rules
