#include "libattest/trust/trust_update.h"

#include <algorithm>

namespace attest {

namespace {

using transparency::NoteSignature;
using transparency::NoteSigner;
using transparency::UntrustedNote;

std::unexpected<Error> other_text(std::string found) {
  return fail(refused(rules::trust_signed_text, "the signatures are over another trust root")
                  .found(std::move(found)));
}

}  // namespace

std::string trust_root_text(const TrustRoot& root) {
  return "attest-trust-root/v1\n" + std::to_string(root.version()) + "\n" +
         digest_uri(root.digest()) + "\n";
}

Result<std::string> sign_trust_root(const TrustRoot& root, std::span<const NoteSigner> signers) {
  return transparency::sign_note(trust_root_text(root), signers);
}

Result<std::string> merge_trust_signatures(std::span<const std::string> notes) {
  UntrustedNote merged;
  for (const std::string& text : notes) {
    TRY(UntrustedNote note, transparency::parse_note(as_bytes(text)));
    if (!merged.signatures.empty() && note.text != merged.text) return other_text(note.text);
    merged.text = note.text;
    for (NoteSignature& signature : note.signatures) {
      const bool there = std::ranges::any_of(merged.signatures, [&](const NoteSignature& other) {
        return other.name == signature.name && other.id == signature.id;
      });
      if (!there) merged.signatures.push_back(std::move(signature));
    }
  }
  return transparency::format_note(merged);
}

Status verify_trust_signatures(const TrustRoot& candidate, ByteView note, const TrustRoot& by) {
  TRY_WITHIN("trust.toml.sig", const UntrustedNote parsed, transparency::parse_note(note));
  if (parsed.text != trust_root_text(candidate)) return other_text(parsed.text);
  const auto verified = transparency::verify_note(parsed, by.root_keys());
  if (!verified && verified.error().rule != rules::note_unsigned) return fail(verified.error());
  // Signers are distinct keys of `by`: no key stands there twice under two names.
  const std::size_t signed_by = verified ? verified->signers().size() : 0;
  if (signed_by < by.threshold())
    return fail(refused(rules::trust_threshold, "too few root keys of version " +
                                                    std::to_string(by.version()) +
                                                    " signed the trust root")
                    .expected(std::to_string(by.threshold()))
                    .found(std::to_string(signed_by)));
  return {};
}

Result<TrustRoot> accept_update(const TrustRoot& current, const TrustRoot& candidate, ByteView note,
                                Time now) {
  if (candidate.digest() == current.digest()) return current;
  if (candidate.version() <= current.version())
    return fail(refused(rules::trust_rollback, "this is no newer trust root")
                    .expected("version " + std::to_string(current.version() + 1))
                    .found("version " + std::to_string(candidate.version())));
  if (candidate.version() != current.version() + 1)
    return fail(incomplete(rules::trust_gap, "versions of the trust root are missing in between")
                    .expected("version " + std::to_string(current.version() + 1))
                    .found("version " + std::to_string(candidate.version()))
                    .next("accept the versions one after the other"));
  TRY_VOID(verify_trust_signatures(candidate, note, current));
  TRY_VOID(verify_trust_signatures(candidate, note, candidate));
  TRY_VOID(candidate.check_time(now));
  return candidate;
}

Result<TrustRoot> reread_trust_root(const TrustRoot& current, const Path& file, Time now) {
  TRY(const TrustRoot candidate, TrustRoot::read(file));
  if (candidate.digest() == current.digest()) return current;
  TRY(const Bytes note, read_file(file.string() + ".sig", 1U << 20));
  return accept_update(current, candidate, note, now);
}

}  // namespace attest
