#include "libattest/transparency/witness_protocol.h"

#include "libattest/base/text.h"
#include "libattest/transparency/lines.h"

namespace attest::transparency {

namespace {

constexpr std::size_t max_proof_length = 63;

Error malformed(std::string what) {
  return refused(rules::add_checkpoint_form, std::move(what));
}

WitnessDecision answer(int status, std::string why) {
  return {
      .status = status, .why = std::move(why), .accepted = {}, .note_text = {}, .known_size = {}};
}

// A checkpoint whose form is wrong is a bad request; one that nobody known signed is forbidden, and
// a signature line that cannot be read is nobody's.
int status_of(const Error& error) {
  const bool signature = error.rule == rules::checkpoint_log_signature ||
                         error.rule == rules::note_signature ||
                         error.rule == rules::note_signature_line;
  return signature ? 403 : 400;
}

}  // namespace

Result<AddCheckpoint> parse_add_checkpoint(ByteView body) {
  if (body.size() > max_add_checkpoint_size)
    return fail(malformed("a request is too large").found(std::to_string(body.size())));
  Lines lines(as_text(body));
  auto line = lines.next();
  const auto old_size =
      line && line->starts_with("old ") ? decimal(line->substr(4)) : std::optional<uint64_t>{};
  if (!old_size)
    return fail(malformed("a request does not begin with \"old\" and a decimal number")
                    .found(printable(line.value_or(""), 60)));
  AddCheckpoint request{.old_size = *old_size, .proof = {}, .checkpoint = {}};
  while ((line = lines.next()) && !line->empty()) {
    const auto hash = hash_in_base64(*line);
    if (!hash)
      return fail(
          malformed("a line of the proof is no base64 of 32 bytes").found(printable(*line, 60)));
    if (request.proof.size() == max_proof_length)
      return fail(malformed("a proof is longer than any tree is high").expected("at most 63"));
    request.proof.push_back(*hash);
  }
  if (!line) return fail(malformed("a request has no empty line before its checkpoint"));
  request.checkpoint = std::string(lines.rest());
  return request;
}

std::string format_add_checkpoint(const AddCheckpoint& request) {
  std::string body = "old " + std::to_string(request.old_size) + "\n";
  for (const Hash& hash : request.proof) body += to_base64_line(hash);
  return body + "\n" + request.checkpoint;
}

WitnessDecision witness_decision(ByteView body, const KnownLogs& logs) {
  const auto request = parse_add_checkpoint(body);
  if (!request) return answer(400, request.error().to_string());
  const auto note = parse_note(as_bytes(request->checkpoint));
  if (!note) return answer(status_of(note.error()), note.error().to_string());
  const auto checkpoint = parse_checkpoint(note->text);
  if (!checkpoint) return answer(400, checkpoint.error().to_string());

  const std::optional<KnownLog> known = logs(checkpoint->origin);
  if (!known) return answer(404, "this witness does not know " + printable(checkpoint->origin));
  const auto verified =
      verify_checkpoint(as_bytes(request->checkpoint), {checkpoint->origin, known->keys, {}, 0});
  if (!verified) return answer(status_of(verified.error()), verified.error().to_string());

  if (request->old_size > checkpoint->size)
    return answer(400, "the old size is larger than the checkpoint's");
  if (request->old_size != known->size) {
    WitnessDecision conflict = answer(409, "the old size is not the one this witness knows");
    conflict.known_size = known->size;
    return conflict;
  }
  const Status consistent = verify_consistency(known->size, known->root, checkpoint->size,
                                               checkpoint->root, request->proof);
  if (!consistent) return answer(422, consistent.error().to_string());

  WitnessDecision accepted = answer(200, "accepted");
  accepted.accepted = *checkpoint;
  accepted.note_text = note->text;
  return accepted;
}

std::string origin_hash(std::string_view origin) {
  return to_hex(sha256(as_bytes(origin)));
}

}  // namespace attest::transparency
