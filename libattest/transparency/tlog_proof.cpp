#include "libattest/transparency/tlog_proof.h"

#include "libattest/base/text.h"
#include "libattest/transparency/lines.h"

namespace attest::transparency {

namespace {

constexpr std::string_view header = "c2sp.org/tlog-proof@v1";

Error malformed(std::string what) {
  return refused(rules::tlog_proof_form, std::move(what));
}

}  // namespace

Result<TlogProof> parse_tlog_proof(ByteView text) {
  Lines lines(as_text(text));
  auto line = lines.next();
  if (line != header)
    return fail(malformed("a proof does not begin with its version line")
                    .expected(std::string(header))
                    .found(printable(line.value_or(""), 60)));
  TlogProof proof;
  line = lines.next();
  if (line && line->starts_with("extra ")) {
    TRY(proof.extra, from_base64(line->substr(6)));
    line = lines.next();
  }
  const auto index =
      line && line->starts_with("index ") ? decimal(line->substr(6)) : std::optional<uint64_t>{};
  if (!index)
    return fail(malformed("a proof has no \"index\" with a decimal number")
                    .found(printable(line.value_or(""), 60)));
  proof.index = *index;
  while ((line = lines.next()) && !line->empty()) {
    const auto hash = hash_in_base64(*line);
    if (!hash)
      return fail(
          malformed("a line of the path is no base64 of 32 bytes").found(printable(*line, 60)));
    if (proof.path.size() == max_path_length)
      return fail(
          malformed("a path is longer than any tree is high").expected("at most 63 hashes"));
    proof.path.push_back(*hash);
  }
  if (!line) return fail(malformed("a proof has no empty line before its checkpoint"));
  proof.checkpoint = std::string(lines.rest());
  if (proof.checkpoint.empty()) return fail(malformed("a proof has no checkpoint"));
  return proof;
}

std::string format_tlog_proof(const TlogProof& proof) {
  std::string text = std::string(header) + "\n";
  if (proof.extra) text += "extra " + to_base64(*proof.extra) + "\n";
  text += "index " + std::to_string(proof.index) + "\n";
  for (const Hash& hash : proof.path) text += to_base64_line(hash);
  return text + "\n" + proof.checkpoint;
}

Result<VerifiedInclusion> verify_tlog_proof(const TlogProof& proof, const Hash& leaf,
                                            const WitnessPolicy& policy) {
  TRY(VerifiedCheckpoint checkpoint,
      verify_checkpoint_by_policy(as_bytes(proof.checkpoint), policy));
  TRY_VOID(verify_inclusion(proof.index, checkpoint.size(), leaf, proof.path, checkpoint.root()));
  return VerifiedInclusion(proof.index, leaf, std::move(checkpoint));
}

}  // namespace attest::transparency
