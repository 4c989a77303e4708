#include "ledger/witnessing.h"

#include <algorithm>
#include <charconv>

#include "libattest/base/text.h"
#include "libattest/transparency/checkpoint.h"
#include "libattest/transparency/witness_protocol.h"

namespace attest::ledger {

namespace {

using transparency::NoteSignature;
using transparency::UntrustedNote;
using transparency::VerifierKey;

constexpr int status_ok = 200;
constexpr int status_unknown = 404;
constexpr int status_conflict = 409;

bool by_key(const NoteSignature& signature, const VerifierKey& key) {
  return signature.name == key.name() && signature.id == key.id();
}

// The size a witness most likely knows: the published checkpoint's, where its line is on it.
Result<std::uint64_t> likely_size(const Log& log, const VerifierKey& witness) {
  const auto published = log.checkpoint();
  if (!published) return 0;
  TRY(const UntrustedNote note, transparency::parse_note(as_bytes(*published)));
  const bool cosigned = std::ranges::any_of(
      note.signatures, [&](const NoteSignature& one) { return by_key(one, witness); });
  if (!cosigned) return 0;
  TRY(const auto checkpoint, transparency::parse_checkpoint(note.text));
  return checkpoint.size;
}

Result<WitnessAnswer> ask(const Log& log, WitnessClient& witness, const std::string& note,
                          std::uint64_t old_size, std::uint64_t size) {
  TRY(auto proof, log.prove_consistency(old_size, size));
  if (old_size == 0) proof.clear();
  return witness.add_checkpoint(
      transparency::format_add_checkpoint({old_size, std::move(proof), note}));
}

Result<std::uint64_t> conflict_size(const WitnessAnswer& answer) {
  const std::string_view body = answer.body;
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), size);
  if (error != std::errc{} || end == body.data() ||
      body.substr(static_cast<std::size_t>(end - body.data())) != "\n")
    return fail(refused(rules::witness_answer, "a witness named a size that is none")
                    .found(printable(body, 40)));
  return size;
}

// ask_witness asks, at most twice: a witness at another size says at which.
Result<WitnessAnswer> ask_witness(const Log& log, WitnessClient& witness, const VerifierKey& key,
                                  const std::string& note, std::uint64_t size) {
  TRY(std::uint64_t old_size, likely_size(log, key));
  old_size = std::min(old_size, size);
  TRY(auto answer, ask(log, witness, note, old_size, size));
  if (answer.status != status_conflict) return answer;
  TRY(const std::uint64_t known, conflict_size(answer));
  if (known > size)
    return fail(refused(rules::witness_ahead, "a witness has cosigned more than this log holds")
                    .expected("at most " + std::to_string(size) + " entries")
                    .found(std::to_string(known) + " at " + key.name())
                    .next("an older copy of the log was restored: bring back the newer one"));
  return ask(log, witness, note, known, size);
}

Result<NoteSignature> cosignature_in(const WitnessAnswer& answer, const std::string& note_text,
                                     const VerifierKey& key) {
  if (answer.status != status_ok)
    return fail(
        incomplete(rules::witness_answer, "the witness did not cosign")
            .found("status " + std::to_string(answer.status) + ": " + printable(answer.body, 120)));
  TRY(const auto lines, transparency::parse_signature_lines(answer.body));
  const auto line =
      std::ranges::find_if(lines, [&](const NoteSignature& one) { return by_key(one, key); });
  if (line == lines.end())
    return fail(refused(rules::witness_answer, "the witness answered without its own signature"));
  TRY_VOID(transparency::verify_note({note_text, {*line}}, std::span(&key, 1)));
  return *line;
}

void put_signature(UntrustedNote& note, const NoteSignature& signature) {
  std::erase_if(note.signatures, [&](const NoteSignature& one) {
    return one.name == signature.name && one.id == signature.id;
  });
  note.signatures.push_back(signature);
}

Result<Cosigned> publish_with_quorum(Log& log, const std::string& note,
                                     const std::vector<WitnessClient*>& witnesses,
                                     std::size_t quorum) {
  TRY(auto cosigned, collect_cosignatures(log, note, witnesses));
  if (cosigned.cosignatures < quorum)
    return fail(incomplete(rules::witness_quorum, "too few witnesses cosigned the checkpoint")
                    .expected(std::to_string(quorum))
                    .found(std::to_string(cosigned.cosignatures) +
                           (cosigned.silent.empty() ? "" : "; " + cosigned.silent.front()))
                    .next("the entries are safe; the next checkpoint tries again"));
  TRY_VOID(log.publish(cosigned.note));
  return cosigned;
}

}  // namespace

Result<Cosigned> collect_cosignatures(const Log& log, const std::string& note,
                                      const std::vector<WitnessClient*>& witnesses) {
  TRY(UntrustedNote gathered, transparency::parse_note(as_bytes(note)));
  TRY(const auto checkpoint, transparency::parse_checkpoint(gathered.text));
  Cosigned outcome;
  for (WitnessClient* const witness : witnesses) {
    TRY(const VerifierKey key, VerifierKey::parse(witness->verifier_key()));
    auto answer = ask_witness(log, *witness, key, note, checkpoint.size);
    if (!answer && answer.error().rule == rules::witness_ahead)
      return fail(std::move(answer).error());
    auto line = answer ? cosignature_in(*answer, gathered.text, key)
                       : Result<NoteSignature>(std::unexpected(answer.error()));
    if (!line) {
      outcome.silent.push_back(key.name() + ": " + line.error().to_string());
      continue;
    }
    put_signature(gathered, *line);
    ++outcome.cosignatures;
  }
  outcome.note = transparency::format_note(gathered);
  return outcome;
}

Result<std::vector<std::string>> check_against_witnesses(
    const Log& log, const std::vector<WitnessClient*>& witnesses) {
  TRY(VerifierKey log_key, VerifierKey::parse(log.verifier_key()));
  const transparency::LogVerifiers verifiers{log.origin(), {std::move(log_key)}, {}, 0};
  TRY(const Head head, log.head());
  std::vector<std::string> silent;
  for (WitnessClient* const witness : witnesses) {
    const auto answer = witness->last_checkpoint(transparency::origin_hash(log.origin()));
    // A witness that never saw this log says 404.
    if (answer && answer->status == status_unknown) continue;
    const auto last = answer && answer->status == status_ok
                          ? transparency::verify_checkpoint(as_bytes(answer->body), verifiers)
                          : Result<transparency::VerifiedCheckpoint>(std::unexpected(
                                answer ? incomplete(rules::witness_answer,
                                                    "answers " + std::to_string(answer->status))
                                       : answer.error()));
    if (!last) {
      silent.push_back(witness->verifier_key() + ": " + last.error().to_string());
      continue;
    }
    const bool longer = last->size() > head.size;
    const bool other = !longer && !log.holds(last->checkpoint());
    if (longer || other)
      return fail(refused(rules::witness_ahead,
                          longer ? "a witness has cosigned more than this log holds"
                                 : "a witness has cosigned another history than this log holds")
                      .expected("at most " + std::to_string(head.size) + " entries, of this tree")
                      .found(std::to_string(last->size()) + " at " + witness->verifier_key())
                      .next("an older copy of the log was restored: bring back the newer one"));
  }
  return silent;
}

Result<Cosigned> publish_checkpoint(Log& log, Time now,
                                    const std::vector<WitnessClient*>& witnesses,
                                    std::size_t quorum) {
  TRY(const bool leads, log.lead());
  if (!leads)
    return fail(incomplete(rules::store_not_leader, "another process leads this log")
                    .next("it signs and publishes; ask again when it is gone"));
  TRY(const std::string note, log.sign_checkpoint(now));
  return publish_with_quorum(log, note, witnesses, quorum);
}

Result<Cosigned> refresh_checkpoint(Log& log, const std::vector<WitnessClient*>& witnesses,
                                    std::size_t quorum) {
  TRY(const std::string note, log.checkpoint());
  return publish_with_quorum(log, note, witnesses, quorum);
}

bool cosign_again(Time last, Time now, Seconds refresh) {
  return now < last || now - last >= refresh;
}

Result<std::unique_ptr<WitnessState>> WitnessState::open(FileSystem& files, const Path& directory) {
  TRY_VOID(files.make_directories(directory));
  std::unique_ptr<WitnessState> state(new WitnessState(files, directory));
  TRY(const auto names, files.list(directory));
  for (const std::string& name : names) {
    // What a crash left half written was never answered for.
    if (name.ends_with(".new")) continue;
    const Path path = directory / name;
    TRY(const std::string note, read_text_file(path, transparency::max_note_size));
    auto parsed = transparency::parse_note(as_bytes(note));
    auto checkpoint = parsed ? transparency::parse_checkpoint(parsed->text)
                             : Result<transparency::Checkpoint>(std::unexpected(parsed.error()));
    if (!checkpoint || transparency::origin_hash(checkpoint->origin) != name)
      return fail(fault(rules::witness_state, "a witness's memory is damaged")
                      .within(path.string())
                      .next("restore the file; a witness that forgets can be made to lie"));
    state->seen_[checkpoint->origin] = {checkpoint->size, checkpoint->root, note};
  }
  return state;
}

Status WitnessState::watch(const std::string& log_verifier_key) {
  TRY(auto key, VerifierKey::parse(log_verifier_key));
  const std::lock_guard lock(mutex_);
  auto& keys = keys_[key.name()];
  const bool known = std::ranges::any_of(
      keys, [&](const VerifierKey& one) { return one.to_string() == log_verifier_key; });
  if (!known) keys.push_back(std::move(key));
  return {};
}

Result<WitnessAnswer> WitnessState::add_checkpoint(std::string_view body, const std::string& name,
                                                   const SigningKey& key, Time now) {
  const std::lock_guard lock(mutex_);
  const auto known = [this](std::string_view origin) -> std::optional<transparency::KnownLog> {
    const auto keys = keys_.find(origin);
    if (keys == keys_.end()) return std::nullopt;
    const auto seen = seen_.find(origin);
    if (seen == seen_.end()) return transparency::KnownLog{keys->second};
    return transparency::KnownLog{keys->second, seen->second.size, seen->second.root};
  };
  const auto decision = transparency::witness_decision(as_bytes(body), known);
  if (decision.known_size)
    return WitnessAnswer{decision.status, "text/x.tlog.size",
                         std::to_string(*decision.known_size) + "\n"};
  if (!decision.accepted) return WitnessAnswer{decision.status, "text/plain", decision.why + "\n"};

  TRY(const auto signer,
      transparency::NoteSigner::make(name, transparency::NoteKeyType::cosignature_v1, key));
  TRY(const NoteSignature cosignature, signer.sign(decision.note_text, now));
  TRY(const auto request, transparency::parse_add_checkpoint(as_bytes(body)));
  TRY(UntrustedNote note, transparency::parse_note(as_bytes(request.checkpoint)));
  put_signature(note, cosignature);
  const std::string kept = transparency::format_note(note);
  // The cosignature leaves only when the memory of it is durable: a crash here costs an answer,
  // never a second history.
  TRY_VOID(persist(decision.accepted->origin, kept));
  seen_[decision.accepted->origin] = {decision.accepted->size, decision.accepted->root, kept};
  return WitnessAnswer{status_ok, "text/plain", transparency::signature_line(cosignature)};
}

Status WitnessState::persist(const std::string& origin, const std::string& note) const {
  return write_file_atomically(*files_, directory_ / transparency::origin_hash(origin),
                               as_bytes(note));
}

std::optional<std::string> WitnessState::last_checkpoint(std::string_view origin_digest_hex) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [origin, seen] : seen_)
    if (transparency::origin_hash(origin) == origin_digest_hex) return seen.note;
  return std::nullopt;
}

}  // namespace attest::ledger
