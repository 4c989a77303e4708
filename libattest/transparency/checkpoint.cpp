#include "libattest/transparency/checkpoint.h"

#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/transparency/lines.h"

namespace attest::transparency {

namespace {

Error malformed(std::string what) {
  return refused(rules::checkpoint_form, std::move(what));
}

bool same_key(const VerifierKey& a, const VerifierKey& b) {
  return a.to_string() == b.to_string();
}

// One vote a public key, however many names the trust root gives it.
bool same_witness(const VerifierKey& a, const VerifierKey& b) {
  return a.public_key() && b.public_key() && *a.public_key() == *b.public_key();
}

}  // namespace

Result<Checkpoint> parse_checkpoint(std::string_view text) {
  Lines lines(text);
  const auto origin = lines.next();
  const auto size_line = lines.next();
  const auto root_line = lines.next();
  if (!origin || !size_line || !root_line)
    return fail(malformed("a checkpoint has fewer than three lines"));
  if (origin->empty()) return fail(malformed("a checkpoint has no origin"));
  const auto size = decimal(*size_line);
  if (!size)
    return fail(malformed("a checkpoint's size is no decimal number without leading zeros")
                    .found(printable(*size_line, 40)));
  const auto root = hash_in_base64(*root_line);
  if (!root)
    return fail(
        malformed("a checkpoint's root is no base64 of 32 bytes").found(printable(*root_line, 60)));
  Checkpoint checkpoint{
      .origin = std::string(*origin), .size = *size, .root = *root, .extensions = {}};
  while (const auto extension = lines.next()) {
    if (extension->empty()) return fail(malformed("a checkpoint has an empty extension line"));
    checkpoint.extensions.emplace_back(*extension);
  }
  if (!lines.rest().empty()) return fail(malformed("a checkpoint does not end in a line feed"));
  return checkpoint;
}

std::string format_checkpoint(const Checkpoint& checkpoint) {
  std::string text = checkpoint.origin + "\n" + std::to_string(checkpoint.size) + "\n" +
                     to_base64_line(checkpoint.root);
  for (const std::string& extension : checkpoint.extensions) text += extension + "\n";
  return text;
}

Result<VerifiedCheckpoint> verify_checkpoint(ByteView note, const LogVerifiers& verifiers) {
  TRY(const UntrustedNote untrusted, parse_note(note));
  TRY(Checkpoint checkpoint, parse_checkpoint(untrusted.text));
  if (checkpoint.origin != verifiers.origin)
    return fail(refused(rules::checkpoint_origin, "the checkpoint is of another log")
                    .expected(verifiers.origin)
                    .found(printable(checkpoint.origin)));

  std::vector<VerifierKey> known = verifiers.log_keys;
  known.insert(known.end(), verifiers.witnesses.begin(), verifiers.witnesses.end());
  const Result<VerifiedNote> verified = verify_note(untrusted, known);
  if (!verified && verified.error().rule != rules::note_unsigned)
    return std::unexpected(verified.error());

  VerifiedCheckpoint result;
  const auto is_log_key = [&](const VerifierKey& key) {
    return std::ranges::any_of(verifiers.log_keys,
                               [&](const VerifierKey& log) { return same_key(log, key); });
  };
  const auto signers = verified ? verified->signers() : std::vector<VerifiedNote::Signer>{};
  for (const VerifiedNote::Signer& signer : signers) {
    if (is_log_key(signer.key)) {
      result.log_signers_.push_back(signer.key);
    } else if (signer.time && std::ranges::none_of(result.cosignatures_, [&](const auto& other) {
                 return same_witness(other.witness, signer.key);
               })) {
      result.cosignatures_.push_back({signer.key, *signer.time});
    }
  }
  if (result.log_signers_.empty())
    return fail(refused(rules::checkpoint_log_signature, "the log did not sign the checkpoint")
                    .expected("a signature by a key of " + verifiers.origin)
                    .found(std::to_string(untrusted.signatures.size()) + " by other keys"));
  if (checkpoint.size == 0 && checkpoint.root != empty_root())
    return fail(refused(rules::checkpoint_empty_root, "an empty tree has another root")
                    .expected(to_hex(empty_root()))
                    .found(to_hex(checkpoint.root)));

  std::ranges::sort(result.cosignatures_, {}, &VerifiedCheckpoint::Cosignature::time);
  result.checkpoint_ = std::move(checkpoint);
  result.quorum_ = verifiers.quorum;
  return result;
}

Result<Time> VerifiedCheckpoint::ledger_time() const {
  if (quorum_ == 0)
    return fail(incomplete(rules::checkpoint_quorum, "the trust root names no quorum of witnesses")
                    .next("name witnesses and a quorum for " + origin() + " in the trust root"));
  if (cosignatures_.size() < quorum_)
    return fail(incomplete(rules::checkpoint_quorum, "too few witnesses cosigned the checkpoint")
                    .expected(std::to_string(quorum_))
                    .found(std::to_string(cosignatures_.size()))
                    .next("fetch the checkpoint again when more witnesses have cosigned it"));
  return cosignatures_[quorum_ - 1].time;
}

}  // namespace attest::transparency
