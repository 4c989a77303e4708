#include "tests/support/test_log.h"

#include <deque>

#include "libattest/model/digest.h"
#include "libattest/statement/entry_subjects.h"
#include "tests/support/catch.h"

namespace attest::test {

using namespace transparency;
using statement::Kind;
using statement::Subject;

namespace {

constexpr std::int64_t said_at = 1'790'000'000;

std::unique_ptr<SigningKey> fresh_key() {
  return must(make_signing_key(KeyKind::ed25519, system_random()));
}

NoteSigner witness_signer(std::size_t number, const SigningKey& key) {
  return must(NoteSigner::make("witness-" + std::to_string(number) + ".example",
                               NoteKeyType::cosignature_v1, key));
}

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

std::string list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) out += (out.size() > 1 ? ", " : "") + quoted(text);
  return out + "]";
}

std::string named_key(const std::string& name, const SigningKey& key) {
  return "name = " + quoted(name) + "\nkey = " + quoted(to_base64(key.public_key().spki_der())) +
         "\n";
}

}  // namespace

TestLog::TestLog() : root_key_(fresh_key()), log_key_(fresh_key()) {
  for (int i = 0; i < 3; ++i) witness_keys_.push_back(fresh_key());
}

const TestIssuer& TestLog::issuer(std::string name, std::vector<std::string> may,
                                  std::vector<std::string> subjects,
                                  std::vector<std::string> revoke) {
  return *issuers_.emplace_back(std::make_unique<TestIssuer>(
      std::move(name), fresh_key(), std::move(may), std::move(subjects), std::move(revoke)));
}

const TestIssuer& TestLog::stranger(std::string name) {
  return *strangers_.emplace_back(
      std::make_unique<TestIssuer>(std::move(name), fresh_key(), std::vector<std::string>{},
                                   std::vector<std::string>{}, std::vector<std::string>{}));
}

const TestIssuer& TestLog::verifier(std::string name) {
  return *verifiers_.emplace_back(
      std::make_unique<TestIssuer>(std::move(name), fresh_key(), std::vector<std::string>{},
                                   std::vector<std::string>{}, std::vector<std::string>{}));
}

std::uint64_t TestLog::add(Bytes entry) {
  const std::uint64_t index = entries_.size();
  const Hash leaf = leaf_hash(entry);
  range_.append(leaf, [&](unsigned level, std::uint64_t, const Hash& hash) {
    if (levels_.size() <= level) levels_.resize(level + 1);
    levels_[level].push_back(hash);
  });
  if (const auto subjects = statement::subjects_of(entry))
    for (const Subject& subject : *subjects) {
      map_.add(subject.text(), index, leaf);
      speaking_of_[subject.text()].push_back(index);
    }
  entries_.push_back(std::move(entry));
  return index;
}

std::uint64_t TestLog::say(const TestIssuer& who, Kind kind, const Subject& subject,
                           ByteView payload) {
  return add(must(
      statement::sign_statement(kind, subject, who.name, from_unix(said_at), payload, *who.key)));
}

std::uint64_t TestLog::release(const TestIssuer& who, const statement::ModelRelease& release) {
  return say(who, Kind::model_release, subject_of(release), encode(release));
}

std::uint64_t TestLog::data_set(const TestIssuer& who, const statement::DataSet& data_set) {
  return say(who, Kind::data_set, subject_of(data_set), encode(data_set));
}

std::uint64_t TestLog::revoke(const TestIssuer& who, const Subject& subject,
                              const std::string& reason) {
  return say(who, Kind::revocation, subject, encode(statement::Revocation{reason}));
}

std::uint64_t TestLog::end_key(const TestIssuer& who, const TestIssuer& whose,
                               std::uint64_t from_index) {
  const statement::KeyStatus status{statement::KeyStatus::Status::revoked, from_index, "lost"};
  return say(who, Kind::key_status, Subject::key(whose.key->public_key().thumbprint()),
             encode(status));
}

std::string TestLog::trust_text() const {
  const auto log = must(VerifierKey::make(origin, NoteKeyType::ed25519, log_key_->public_key()));
  std::string text =
      "format = \"attest-trust-root/v1\"\n[root]\nversion = 1\n"
      "expires = \"2036-01-01T00:00:00Z\"\nthreshold = 1\n[[root.key]]\n" +
      named_key("root.example", *root_key_) + "[[log]]\norigin = " + quoted(origin) +
      "\nkeys = " + list({log.to_string()}) + "\n";
  for (std::size_t i = 0; i < witness_keys_.size(); ++i)
    text += "[[witness]]\nkey = " +
            quoted(witness_signer(i, *witness_keys_[i]).verifier().to_string()) + "\n";
  text += "[quorum]\nwitnesses = " + std::to_string(quorum) + "\n";
  for (const auto& issuer : issuers_) {
    text += "[[issuer]]\n" + named_key(issuer->name, *issuer->key) + "may = " + list(issuer->may) +
            "\nsubjects = " + list(issuer->subjects) + "\n";
    if (!issuer->revoke.empty()) text += "revoke = " + list(issuer->revoke) + "\n";
  }
  for (const auto& verifier : verifiers_)
    text += "[[verifier]]\n" + named_key(verifier->name, *verifier->key);
  return text;
}

TrustRoot TestLog::trust() const {
  return must(TrustRoot::parse(trust_text()));
}

NodeReader TestLog::reader() const {
  return [this](unsigned level, std::uint64_t index) -> Result<Hash> {
    return levels_.at(level).at(index);
  };
}

std::string TestLog::publish(const std::vector<Time>& cosigned) {
  const MapRoot root{entries_.size(), map_.root(), map_.subjects()};
  add(must(sign_map_root(root, origin, from_unix(said_at), *log_key_)));
  const std::string text = format_checkpoint({origin, range_.size(), range_.root(), {}});
  const NoteSigner log = must(NoteSigner::make(origin, NoteKeyType::ed25519, *log_key_));
  UntrustedNote note{text, {must(log.sign(text))}};
  for (std::size_t i = 0; i < cosigned.size(); ++i)
    note.signatures.push_back(must(witness_signer(i, *witness_keys_[i]).sign(text, cosigned[i])));
  return format_note(note);
}

UntrustedEntry TestLog::entry(std::uint64_t index) const {
  return {entries_.at(index), index, must(prove_inclusion(index, range_.size(), reader()))};
}

std::vector<std::uint64_t> TestLog::speaking_of(const std::string& subject) const {
  const auto place = speaking_of_.find(subject);
  return place == speaking_of_.end() ? std::vector<std::uint64_t>{} : place->second;
}

lineage::UntrustedBundle TestLog::bundle(const Subject& subject,
                                         const std::vector<Time>& cosigned) {
  lineage::UntrustedBundle bundle;
  bundle.subject = subject.text();
  bundle.checkpoint = publish(cosigned);
  bundle.map_root = entry(entries_.size() - 1);
  std::set<std::string> seen{subject.text()};
  std::deque<std::string> open{subject.text()};
  std::set<std::uint64_t> indexes;
  const auto need = [&](const Subject& more) {
    if (seen.insert(more.text()).second) open.push_back(more.text());
  };
  while (!open.empty()) {
    const std::string text = std::move(open.front());
    open.pop_front();
    const auto speaking = speaking_of(text);
    bundle.status.push_back({text, speaking, map_.prove(subject_key(text))});
    for (const std::uint64_t index : speaking) {
      indexes.insert(index);
      const auto said = statement::parse_statement(entries_[index]);
      if (!said) continue;
      need(Subject::key(said->signer()));
      const auto* release = said->as<statement::ModelRelease>();
      if (!release || said->subject().text() != text) continue;
      for (const statement::Parent& parent : release->parents) need(parent.subject);
    }
  }
  for (const std::uint64_t index : indexes) bundle.entries.push_back(entry(index));
  return bundle;
}

statement::ModelRelease release_of(std::string_view bytes) {
  const model::FileDigests digests = model::digest_bytes(as_bytes(bytes));
  statement::ModelRelease release;
  release.name = std::string(bytes);
  release.files = {{std::string(bytes) + ".gguf", digests.size, digests.sha256, digests.fsverity}};
  release.licence = "Apache-2.0";
  return release;
}

statement::ModelRelease release_of(std::string_view bytes, std::string operation,
                                   std::vector<statement::Parent> parents) {
  statement::ModelRelease release = release_of(bytes);
  release.operation = statement::Operation{std::move(operation), {}};
  release.parents = std::move(parents);
  return release;
}

statement::DataSet data_set_of(std::string_view bytes) {
  return {std::string(bytes),
          {{std::string(bytes) + ".txt", bytes.size(), sha256(as_bytes(bytes))}},
          "CC0-1.0"};
}

}  // namespace attest::test
