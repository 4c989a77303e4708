#include "libattest/lineage/bundle.h"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "libattest/base/text.h"
#include "libattest/lineage/training_node.h"
#include "libattest/statement/entry_subjects.h"

namespace attest::lineage {

namespace {

using statement::KeyStatus;
using statement::Kind;
using statement::Subject;
using statement::UntrustedStatement;
using transparency::Hash;
using transparency::VerifiedCheckpoint;
using transparency::VerifiedStatus;

constexpr Seconds clock_tolerance = std::chrono::minutes(5);

Result<transparency::LogVerifiers> log_of(const UntrustedBundle& bundle, const TrustRoot& trust) {
  TRY(const auto note, transparency::parse_note(as_bytes(bundle.checkpoint)));
  TRY(const auto checkpoint, transparency::parse_checkpoint(note.text));
  return trust.log_verifiers(checkpoint.origin);
}

// An entry of the bundle that is proven to be in the log. What it says is not yet believed; an
// entry that is no statement of ours, such as a foreign envelope, has nothing in `statement`.
struct ProvenEntry {
  Hash leaf{};
  std::vector<Subject> subjects;
  std::optional<UntrustedStatement> statement;
};

Result<ProvenEntry> prove_entry(const transparency::UntrustedEntry& entry,
                                const VerifiedCheckpoint& checkpoint) {
  ProvenEntry proven;
  proven.leaf = transparency::leaf_hash(entry.entry);
  TRY_VOID(transparency::verify_inclusion(entry.index, checkpoint.size(), proven.leaf, entry.path,
                                          checkpoint.root()));
  // Whatever cannot be read speaks of nobody, so no status proof may list it.
  if (auto subjects = statement::subjects_of(entry.entry)) proven.subjects = *std::move(subjects);
  if (auto parsed = statement::parse_statement(entry.entry)) proven.statement = *std::move(parsed);
  return proven;
}

}  // namespace

// BundleVerifier works through one bundle; each step adds what the next may rely on.
class BundleVerifier {
 public:
  BundleVerifier(const UntrustedBundle& bundle, const TrustRoot& trust)
      : bundle_(bundle), trust_(trust) {}

  Result<VerifiedBundle> run(Time now) {
    TRY_VOID(trust_.check_time(now));
    const auto subject = Subject::parse(bundle_.subject);
    if (!subject || subject->kind() != statement::SubjectKind::artefact)
      return fail(refused(rules::bundle_subject, "a bundle does not speak for an artefact")
                      .expected("sha256:…")
                      .found(printable(bundle_.subject)));
    TRY(const transparency::LogVerifiers log, log_of(bundle_, trust_));
    TRY(VerifiedCheckpoint checkpoint,
        transparency::verify_checkpoint(as_bytes(bundle_.checkpoint), log));
    TRY(const Time ledger_time, checkpoint.ledger_time());
    TRY_VOID(check_not_ahead(ledger_time, now));
    TRY(const auto map_root, transparency::verify_map_root(checkpoint, bundle_.map_root, log));
    TRY_VOID(prove_entries(checkpoint));
    TRY_VOID(prove_statuses(map_root));
    TRY_VOID(gather_lineage(*subject));
    TRY(LineageGraph graph, build_graph(*subject, std::move(origins_)));

    VerifiedBundle verified(*subject, std::move(checkpoint), ledger_time, std::move(graph));
    for (auto& [index, why] : findings_) verified.findings_.push_back({index, std::move(why)});
    verified.statements_ = authorized_.size();
    return verified;
  }

 private:
  static Status check_not_ahead(Time ledger_time, Time now) {
    if (ledger_time <= now + clock_tolerance) return {};
    return fail(
        incomplete(rules::bundle_time_ahead, "the checkpoint's ledger time is in the future")
            .expected("at most " + to_rfc3339(now))
            .found(to_rfc3339(ledger_time))
            .next("check this machine's clock"));
  }

  Status prove_entries(const VerifiedCheckpoint& checkpoint) {
    for (const transparency::UntrustedEntry& entry : bundle_.entries) {
      if (!entries_.empty() && entry.index <= entries_.rbegin()->first)
        return fail(refused(rules::bundle_order, "the entries of a bundle do not ascend")
                        .found(std::to_string(entry.index)));
      TRY_WITHIN("entry " + std::to_string(entry.index), ProvenEntry proven,
                 prove_entry(entry, checkpoint));
      entries_.emplace(entry.index, std::move(proven));
    }
    return {};
  }

  Status prove_statuses(const transparency::VerifiedMapRoot& map_root) {
    const transparency::EntryLeaf leaf_at = [this](std::uint64_t index) -> std::optional<Hash> {
      const auto entry = entries_.find(index);
      return entry == entries_.end() ? std::nullopt : std::optional(entry->second.leaf);
    };
    for (const transparency::UntrustedStatus& status : bundle_.status) {
      TRY(VerifiedStatus verified, transparency::verify_status(map_root, status, leaf_at));
      for (const std::uint64_t index : verified.indexes()) {
        const auto speaks = [&](const Subject& subject) {
          return subject.text() == status.subject;
        };
        if (std::ranges::none_of(entries_.at(index).subjects, speaks))
          return fail(refused(rules::bundle_not_about_subject,
                              "a status proof lists an entry that does not speak of its subject")
                          .expected(printable(status.subject))
                          .found("entry " + std::to_string(index)));
      }
      if (!statuses_.emplace(status.subject, std::move(verified)).second)
        return fail(refused(rules::bundle_status_twice,
                            "a bundle has two status proofs of one "
                            "subject")
                        .found(printable(status.subject)));
    }
    return {};
  }

  Result<const VerifiedStatus*> status_of(const Subject& subject) const {
    const auto status = statuses_.find(subject.text());
    if (status == statuses_.end())
      return fail(incomplete(rules::bundle_status_missing, "a bundle lacks a status proof")
                      .expected("the status of " + subject.text())
                      .next("fetch the bundle again from its ledger"));
    return &status->second;
  }

  // The statements about `subject` itself, as opposed to those that merely name it.
  std::vector<std::uint64_t> statements_about(const VerifiedStatus& status,
                                              const Subject& subject) const {
    std::vector<std::uint64_t> about;
    for (const std::uint64_t index : status.indexes()) {
      const auto& statement = entries_.at(index).statement;
      if (statement && statement->subject() == subject) about.push_back(index);
    }
    return about;
  }

  // Walks from the artefact to every ancestor that a believed release names.
  Status gather_lineage(const Subject& artefact) {
    TRY_VOID(gather_key_statuses());
    std::set<Subject> seen{artefact};
    std::deque<Subject> open{artefact};
    while (!open.empty()) {
      const Subject subject = std::move(open.front());
      open.pop_front();
      TRY_VOID(gather_origins(subject));
      for (std::size_t i = origins_before_; i < origins_.size(); ++i) {
        const statement::ModelRelease* release = origins_[i].release();
        if (!release) continue;
        for (const statement::Parent& parent : release->parents)
          if (seen.insert(parent.subject).second) open.push_back(parent.subject);
      }
    }
    return {};
  }

  // Authorizes the releases and data sets of one artefact, with what is said of how they came to
  // be, and finds which of them are revoked.
  Status gather_origins(const Subject& subject) {
    origins_before_ = origins_.size();
    TRY(const VerifiedStatus* status, status_of(subject));
    const std::vector<std::uint64_t> about = statements_about(*status, subject);
    std::vector<std::uint64_t> revocations;
    std::vector<RunRecord> runs;
    std::vector<ConsentRecord> consents;
    for (const std::uint64_t index : about) {
      const UntrustedStatement& said = *entries_.at(index).statement;
      if (said.kind() == Kind::revocation) revocations.push_back(index);
      if (said.kind() != Kind::model_release && said.kind() != Kind::data_set &&
          said.kind() != Kind::training_run && said.kind() != Kind::consent)
        continue;
      TRY(const AuthorizedStatement* authorized, believe(index));
      if (!authorized) continue;
      if (const auto* run = (*authorized)->as<statement::TrainingRun>())
        runs.push_back({(*authorized)->issuer(), index, *run, training_nodes(*run, trust_)});
      else if (const auto* consent = (*authorized)->as<statement::Consent>())
        consents.push_back({(*authorized)->issuer(), index, *consent});
      else
        origins_.push_back(origin_of(*authorized, index));
    }
    for (std::size_t i = origins_before_; i < origins_.size(); ++i) {
      origins_[i].runs = runs;
      origins_[i].consents = consents;
    }
    for (const std::uint64_t index : revocations) TRY_VOID(apply_revocation(index));
    return {};
  }

  static Origin origin_of(const AuthorizedStatement& said, std::uint64_t index) {
    Origin origin{said->subject(), said->issuer(), index, {}, {}};
    if (const auto* release = said->as<statement::ModelRelease>()) origin.content = *release;
    if (const auto* data_set = said->as<statement::DataSet>()) origin.content = *data_set;
    return origin;
  }

  // A revocation that is not entitled has no effect: no stranger takes a model back.
  Status apply_revocation(std::uint64_t index) {
    TRY(const AuthorizedStatement* revocation, believe(index));
    if (!revocation) return {};
    const auto* content = (*revocation)->as<statement::Revocation>();
    std::optional<Error> refusal;
    bool counted = false;
    for (std::size_t i = origins_before_; i < origins_.size(); ++i) {
      const Status counts =
          revocation_counts(*revocation, authorized_.at(origins_[i].index), trust_);
      if (counts && !origins_[i].revoked)
        origins_[i].revoked =
            RevocationRecord{(*revocation)->issuer(), index,
                             unix_seconds((*revocation)->issued_at()), content->reason};
      if (counts) counted = true;
      if (!counts && !refusal) refusal = counts.error();
    }
    if (!counted && refusal) findings_.emplace(index, *std::move(refusal));
    return {};
  }

  // Key statuses are about keys alone, so they can be settled before any release is believed: in
  // log order, each by what came before it.
  Status gather_key_statuses() {
    for (const auto& [index, entry] : entries_) {
      if (!entry.statement || entry.statement->kind() != Kind::key_status) continue;
      // One about a key that signed nothing here is of no concern.
      if (!statuses_.contains(entry.statement->subject().text())) continue;
      TRY(const AuthorizedStatement* authorized, believe(index));
      if (!authorized) continue;
      const auto thumbprint = (*authorized)->subject().digest();
      const std::uint64_t from = (*authorized)->as<KeyStatus>()->from_index;
      const auto [place, fresh] = key_ends_.try_emplace(*thumbprint, from);
      if (!fresh) place->second = std::min(place->second, from);
    }
    return {};
  }

  // Gives the statement of an entry when the trust root lets it be said, or nothing and a finding.
  // The signer's key must have a status proof, or its revocation could have been left out.
  Result<const AuthorizedStatement*> believe(std::uint64_t index) {
    if (const auto known = authorized_.find(index); known != authorized_.end())
      return &known->second;
    const UntrustedStatement& said = *entries_.at(index).statement;
    EntryStanding standing{.index = index, .key_ends_at = {}};
    if (const auto ends = key_ends_.find(said.signer()); ends != key_ends_.end())
      standing.key_ends_at = ends->second;
    auto authorized = authorize(said, trust_, standing);
    if (!authorized) {
      findings_.emplace(index, std::move(authorized).error());
      return nullptr;
    }
    TRY_VOID(status_of(Subject::key(said.signer())));
    return &authorized_.emplace(index, *std::move(authorized)).first->second;
  }

  const UntrustedBundle& bundle_;
  const TrustRoot& trust_;
  std::map<std::uint64_t, ProvenEntry> entries_;
  std::map<std::string, VerifiedStatus> statuses_;
  std::map<Sha256, std::uint64_t> key_ends_;
  std::map<std::uint64_t, AuthorizedStatement> authorized_;
  std::map<std::uint64_t, Error> findings_;
  std::vector<Origin> origins_;
  std::size_t origins_before_ = 0;  // where those of the artefact in hand begin
};

Result<VerifiedBundle> verify_bundle(const UntrustedBundle& bundle, const TrustRoot& trust,
                                     Time now) {
  return BundleVerifier(bundle, trust).run(now);
}

std::vector<statement::ModelFile> claimed_files(const UntrustedBundle& bundle) {
  std::vector<statement::ModelFile> files;
  for (const transparency::UntrustedEntry& entry : bundle.entries) {
    const auto statement = statement::parse_statement(entry.entry);
    if (!statement || statement->subject().text() != bundle.subject) continue;
    if (const auto* release = statement->as<statement::ModelRelease>())
      files.insert(files.end(), release->files.begin(), release->files.end());
  }
  return files;
}

}  // namespace attest::lineage
