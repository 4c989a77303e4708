#include "libattest/statement/subject.h"

#include <algorithm>
#include <array>

#include "libattest/base/text.h"

namespace attest::statement {

namespace {

constexpr std::size_t max_name = 200;

struct Prefix {
  std::string_view text;
  SubjectKind kind;
  bool is_digest;
};

constexpr std::array prefixes = {
    Prefix{"sha256", SubjectKind::artefact, true}, Prefix{"node", SubjectKind::node, true},
    Prefix{"ek", SubjectKind::ek, true},           Prefix{"device", SubjectKind::device, true},
    Prefix{"key", SubjectKind::key, true},         Prefix{"platform", SubjectKind::platform, false},
    Prefix{"policy", SubjectKind::policy, false},  Prefix{"log", SubjectKind::log, false},
    Prefix{"signer", SubjectKind::signer, true},   Prefix{"parent", SubjectKind::parent, true}};

// Visible ASCII: what a person sees is what is compared, and terminals are safe from it.
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= max_name &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c < '\x7f'; });
}

bool is_digest(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::unexpected<Error> malformed(std::string_view text) {
  return fail(
      refused(rules::subject_form, "this is not a subject")
          .expected("sha256:, node:, ek:, device:, key:, signer: or parent: and 64 lower-case "
                    "hexadecimal digits, or "
                    "platform:, policy: or log: and a name")
          .found("\"" + printable(text, 100) + "\""));
}

std::string with_prefix(SubjectKind kind, std::string_view rest) {
  return std::string(to_string(kind)) + ":" + std::string(rest);
}

}  // namespace

std::string_view to_string(SubjectKind kind) {
  return std::ranges::find(prefixes, kind, &Prefix::kind)->text;
}

Result<Subject> Subject::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return malformed(text);
  const auto* prefix = std::ranges::find(prefixes, text.substr(0, colon), &Prefix::text);
  if (prefix == prefixes.end()) return malformed(text);
  const std::string_view rest = text.substr(colon + 1);
  if (prefix->is_digest ? !is_digest(rest) : !is_name(rest)) return malformed(text);
  return Subject(prefix->kind, std::string(text));
}

Subject Subject::artefact(const Sha256& digest) {
  return {SubjectKind::artefact, with_prefix(SubjectKind::artefact, to_hex(digest))};
}
Subject Subject::node(const Sha256& salted_digest) {
  return {SubjectKind::node, with_prefix(SubjectKind::node, to_hex(salted_digest))};
}
Subject Subject::ek(const Sha256& spki_digest) {
  return {SubjectKind::ek, with_prefix(SubjectKind::ek, to_hex(spki_digest))};
}
Subject Subject::device(const Sha256& identity) {
  return {SubjectKind::device, with_prefix(SubjectKind::device, to_hex(identity))};
}
Subject Subject::key(const Sha256& thumbprint) {
  return {SubjectKind::key, with_prefix(SubjectKind::key, to_hex(thumbprint))};
}
Subject Subject::signer(const Sha256& thumbprint) {
  return {SubjectKind::signer, with_prefix(SubjectKind::signer, to_hex(thumbprint))};
}
Subject Subject::parent(const Sha256& digest) {
  return {SubjectKind::parent, with_prefix(SubjectKind::parent, to_hex(digest))};
}
Result<Subject> Subject::platform(std::string_view name) {
  return parse(with_prefix(SubjectKind::platform, name));
}
Result<Subject> Subject::policy(std::string_view name) {
  return parse(with_prefix(SubjectKind::policy, name));
}
Result<Subject> Subject::log(std::string_view origin) {
  return parse(with_prefix(SubjectKind::log, origin));
}

std::string_view Subject::name() const {
  return std::string_view(text_).substr(text_.find(':') + 1);
}

std::optional<Sha256> Subject::digest() const {
  if (!std::ranges::find(prefixes, kind_, &Prefix::kind)->is_digest) return {};
  const auto bytes = from_hex(name());
  Sha256 digest{};
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

bool is_issuer_name(std::string_view name) {
  return is_name(name);
}

}  // namespace attest::statement
