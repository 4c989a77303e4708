// Subjects: what statements speak about, as text (docs/formats.md, "Names and subjects").
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "libattest/crypto/digest.h"

namespace attest::statement {

// signer and parent are ways to find entries, made from what statements hold; none is a statement's
// own subject.
enum class SubjectKind {
  artefact,
  node,
  ek,
  device,
  key,
  platform,
  policy,
  log,
  signer,
  parent,
};

// Subject is always well-formed: only parse and the named makers make one. It compares as its text.
class Subject {
 public:
  // parse reads "sha256:…", "node:…", "ek:…", "device:…", "key:…" with 64 lower-case hexadecimal
  // digits, and "platform:…", "policy:…", "log:…" with 1 to 200 visible ASCII characters.
  static Result<Subject> parse(std::string_view text);
  static Subject artefact(const Sha256& digest);
  static Subject node(const Sha256& salted_digest);
  static Subject ek(const Sha256& spki_digest);
  static Subject device(const Sha256& identity);  // see custody.h
  static Subject key(const Sha256& thumbprint);
  static Subject signer(const Sha256& thumbprint);  // all that a key signed
  static Subject parent(const Sha256& digest);      // all releases that name this parent
  static Result<Subject> platform(std::string_view name);
  static Result<Subject> policy(std::string_view name);
  static Result<Subject> log(std::string_view origin);

  SubjectKind kind() const { return kind_; }
  const std::string& text() const { return text_; }
  // name is what follows the colon; digest is there for artefact, node, ek, device and key.
  std::string_view name() const;
  std::optional<Sha256> digest() const;

  friend bool operator==(const Subject&, const Subject&) = default;
  friend std::strong_ordering operator<=>(const Subject& a, const Subject& b) {
    return a.text_ <=> b.text_;
  }

 private:
  Subject(SubjectKind kind, std::string text) : kind_(kind), text_(std::move(text)) {}
  SubjectKind kind_;
  std::string text_;
};

std::string_view to_string(SubjectKind kind);

// is_issuer_name accepts names such as "weights@lab.example": 1 to 200 visible ASCII characters.
bool is_issuer_name(std::string_view name);

}  // namespace attest::statement

namespace attest::rules {
inline constexpr Rule subject_form{"statement.subject.form"};
}
