#include "libattest/transparency/note.h"

#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/crypto/ecdsa_signature.h"
#include "libattest/transparency/certificate_log.h"
#include "libattest/transparency/checkpoint.h"
#include "libattest/transparency/cosignature.h"
#include "libattest/transparency/lines.h"
#include "libattest/transparency/note_name.h"

namespace attest::transparency {

namespace {

constexpr std::string_view signature_start = "\u2014 ";

Error malformed(std::string what) {
  return refused(rules::note_form, std::move(what));
}

Error bad_line(std::string what) {
  return refused(rules::note_signature_line, std::move(what));
}

Result<NoteSignature> parse_signature_line(std::string_view line) {
  if (!line.starts_with(signature_start))
    return fail(bad_line("a signature line does not begin with an em dash and a space")
                    .found(printable(line, 60)));
  line.remove_prefix(signature_start.size());
  const std::size_t space = line.find(' ');
  if (space == line.npos || !is_note_name(line.substr(0, space)))
    return fail(bad_line("a signature line has no proper key name").found(printable(line, 60)));
  const Result<Bytes> content = from_base64(line.substr(space + 1));
  NoteSignature signature{.name = std::string(line.substr(0, space)), .id = {}, .signature = {}};
  if (!content || content->size() <= signature.id.size())
    return fail(bad_line("a signature line holds no base64 of an id and a signature")
                    .within(printable(signature.name)));
  const auto after_id = content->begin() + static_cast<std::ptrdiff_t>(signature.id.size());
  std::copy(content->begin(), after_id, signature.id.begin());
  signature.signature.assign(after_id, content->end());
  return signature;
}

// Checks one line by the key it names; gives the time of a cosignature.
Result<std::optional<Time>> verify_line(const std::string& text, const NoteSignature& line,
                                        const VerifierKey& key) {
  const PublicKey& public_key = *key.public_key();
  if (key.type() == NoteKeyType::cosignature_v1) {
    TRY(const Time time, verify_cosignature(text, line.signature, public_key));
    return time;
  }
  if (key.type() == NoteKeyType::rfc6962) {
    TRY(const Checkpoint checkpoint, parse_checkpoint(text));
    TRY(const Time time,
        verify_tree_head(checkpoint.size, checkpoint.root, line.signature, public_key));
    return time;
  }
  const SignatureScheme scheme =
      key.type() == NoteKeyType::ecdsa ? SignatureScheme::ecdsa_sha256 : SignatureScheme::ed25519;
  TRY_VOID(public_key.verify(scheme, as_bytes(text), line.signature));
  return std::nullopt;
}

Status check_unambiguous(std::span<const VerifierKey> known) {
  for (std::size_t i = 0; i < known.size(); ++i)
    for (std::size_t j = i + 1; j < known.size(); ++j)
      if (known[i].label() == known[j].label() && known[i].to_string() != known[j].to_string())
        return fail(refused(rules::note_ambiguous_key, "two verifier keys share name and id")
                        .found(known[i].label()));
  return {};
}

}  // namespace

Result<std::vector<NoteSignature>> parse_signature_lines(std::string_view text) {
  std::vector<NoteSignature> signatures;
  Lines lines(text);
  while (const auto line = lines.next()) {
    if (signatures.size() == max_note_signatures)
      return fail(refused(rules::note_limit, "a note has too many signatures")
                      .expected("at most " + std::to_string(max_note_signatures)));
    TRY(NoteSignature signature, parse_signature_line(*line));
    signatures.push_back(std::move(signature));
  }
  if (!lines.rest().empty()) return fail(bad_line("the last signature line has no line feed"));
  if (signatures.empty()) return fail(bad_line("there is no signature line"));
  return signatures;
}

Result<UntrustedNote> parse_note(ByteView note) {
  if (note.size() > max_note_size)
    return fail(refused(rules::note_limit, "a note is too large")
                    .expected("at most " + std::to_string(max_note_size) + " bytes")
                    .found(std::to_string(note.size())));
  const std::string_view text = as_text(note);
  if (!is_utf8(text)) return fail(malformed("a note is not UTF-8"));
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; };
  if (std::ranges::any_of(text, control))
    return fail(malformed("a note holds a control character"));
  const std::size_t split = text.rfind("\n\n");
  if (split == text.npos)
    return fail(malformed("a note has no empty line between text and signatures"));
  UntrustedNote parsed{.text = std::string(text.substr(0, split + 1)), .signatures = {}};
  TRY(parsed.signatures, parse_signature_lines(text.substr(split + 2)));
  return parsed;
}

std::string signature_line(const NoteSignature& signature) {
  return std::string(signature_start) + signature.name + " " +
         to_base64(concat({signature.id, signature.signature})) + "\n";
}

std::string format_note(const UntrustedNote& note) {
  std::string out = note.text + "\n";
  for (const NoteSignature& signature : note.signatures) out += signature_line(signature);
  return out;
}

bool VerifiedNote::signed_by(const VerifierKey& key) const {
  return std::ranges::any_of(
      signers_, [&](const Signer& signer) { return signer.key.to_string() == key.to_string(); });
}

Result<VerifiedNote> verify_note(const UntrustedNote& note, std::span<const VerifierKey> known) {
  TRY_VOID(check_unambiguous(known));
  VerifiedNote verified;
  verified.text_ = note.text;
  for (const NoteSignature& line : note.signatures) {
    const auto key = std::ranges::find_if(known, [&](const VerifierKey& candidate) {
      return candidate.name() == line.name && candidate.id() == line.id;
    });
    if (key == known.end() || !key->public_key()) continue;
    const auto time = verify_line(note.text, line, *key);
    if (!time)
      return fail(refused(rules::note_signature, "the signature of a known key does not hold")
                      .found(time.error().what)
                      .within(key->label()));
    const auto before = std::ranges::find_if(
        verified.signers_, [&](const auto& signer) { return signer.key.label() == key->label(); });
    if (before == verified.signers_.end())
      verified.signers_.push_back({*key, *time});
    else
      before->time = std::max(before->time, *time);
  }
  if (verified.signers_.empty())
    return fail(refused(rules::note_unsigned, "no known key signed the note"));
  return verified;
}

Result<NoteSigner> NoteSigner::make(std::string name, NoteKeyType type, const SigningKey& key) {
  TRY(VerifierKey verifier, VerifierKey::make(name, type, key.public_key()));
  return NoteSigner(std::move(verifier), key);
}

Result<NoteSignature> NoteSigner::sign(std::string_view text, std::optional<Time> time) const {
  if (!text.ends_with('\n'))
    return fail(malformed("a text to be signed does not end in a line feed"));
  const bool cosigns = verifier_.type() == NoteKeyType::cosignature_v1;
  if (cosigns != time.has_value())
    return fail(
        malformed(cosigns ? "a cosignature needs a time" : "only cosignatures have a time"));
  NoteSignature line{.name = verifier_.name(), .id = verifier_.id(), .signature = {}};
  if (cosigns) {
    TRY(line.signature, make_cosignature(text, *time, *key_));
    return line;
  }
  TRY(Bytes signature, key_->sign(as_bytes(text)));
  line.signature =
      verifier_.type() == NoteKeyType::ecdsa ? der_from_fixed(signature) : std::move(signature);
  return line;
}

Result<std::string> sign_note(std::string_view text, std::span<const NoteSigner> signers) {
  UntrustedNote note{.text = std::string(text), .signatures = {}};
  for (const NoteSigner& signer : signers) {
    TRY(NoteSignature signature, signer.sign(text));
    note.signatures.push_back(std::move(signature));
  }
  return format_note(note);
}

}  // namespace attest::transparency
