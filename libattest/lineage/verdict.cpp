#include "libattest/lineage/verdict.h"

#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/lineage/rights.h"

namespace attest::lineage {

namespace {

using result::Verdict;

std::string statement_of(const Origin& origin) {
  return origin.name() + " by " + origin.issuer + ", statement " + std::to_string(origin.index);
}

std::string joined(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : ", ") + value;
  return text;
}

bool matches_any(const std::vector<std::string>& patterns, std::string_view text) {
  return std::ranges::any_of(patterns,
                             [&](const std::string& glob) { return matches_glob(glob, text); });
}

bool holds(const std::vector<std::string>& values, std::string_view value) {
  return std::ranges::find(values, value) != values.end();
}

Verdict worse(Verdict a, Verdict b) {
  if (a == Verdict::refused || b == Verdict::refused) return Verdict::refused;
  return a == Verdict::incomplete || b == Verdict::incomplete ? Verdict::incomplete : Verdict::pass;
}

Verdict outcome_of(const Error& error) {
  return error.kind == ErrorKind::refused ? Verdict::refused : Verdict::incomplete;
}

// Judgement makes the checks one by one; each method is one rule.
class Judgement {
 public:
  Judgement(const VerifiedBundle& bundle, const PresentedFile& file, const ReleasePolicy& policy)
      : bundle_(bundle), file_(file), policy_(policy) {}

  void file() {
    if (!file_.parts.empty()) return files();
    const statement::ModelRelease* release = bundle_.release().release();
    const auto& files = release ? release->files : std::vector<statement::ModelFile>{};
    const auto released =
        std::ranges::find(files, file_.digests.sha256, &statement::ModelFile::sha256);
    const bool is_subject = bundle_.subject().digest() == file_.digests.sha256;
    check(rules::model_digest, is_subject && released != files.end(), bundle_.subject().text(),
          digest_uri(file_.digests.sha256), file_.name + " is not the file that was released");
    if (!is_subject || released == files.end()) return;
    check(rules::model_size, released->size == file_.digests.size,
          std::to_string(released->size) + " bytes", std::to_string(file_.digests.size),
          "the release names another size");
    check(rules::model_fsverity, released->fsverity == file_.digests.fsverity,
          digest_uri(released->fsverity), digest_uri(file_.digests.fsverity),
          "the release names another fs-verity digest");
  }

  // A directory is the release when it holds its files and nothing else.
  void files() {
    const statement::ModelRelease* release = bundle_.release().release();
    std::string wrong;
    std::size_t many = 0;
    const auto tell = [&](const std::string& name, const std::string& what) {
      if (++many <= 5) wrong += (wrong.empty() ? "" : "; ") + printable(name, 100) + " " + what;
    };
    const auto released = release ? release->files : std::vector<statement::ModelFile>{};
    for (const PresentedPart& part : file_.parts) {
      const auto known = std::ranges::find(released, part.name, &statement::ModelFile::name);
      if (known == released.end())
        tell(part.name, "is not in the release");
      else if (known->sha256 != part.digests.sha256 || known->size != part.digests.size ||
               known->fsverity != part.digests.fsverity)
        tell(part.name, "is not the file that was released");
    }
    for (const statement::ModelFile& known : released)
      if (std::ranges::find(file_.parts, known.name, &PresentedPart::name) == file_.parts.end())
        tell(known.name, "is missing");
    if (many > 5) wrong += "; and " + std::to_string(many - 5) + " more";
    check(rules::model_files, many == 0 && !released.empty(),
          "the " + std::to_string(released.size()) + " files of " + bundle_.subject().text(),
          many == 0 ? std::to_string(file_.parts.size()) + " files" : wrong,
          file_.name + " is not the directory that was released");
  }

  void revocation() {
    const auto& release = bundle_.release();
    check(rules::model_revoked, !release.revoked, "not revoked",
          release.revoked ? revoked_by(release) : "not revoked", "this release was revoked");
    const auto& nodes = bundle_.graph().nodes();
    bool clean = true;
    for (const std::size_t place : bundle_.graph().revoked()) {
      if (place == 0 || policy_.allow_revoked_ancestors.value) continue;
      clean = false;
      const Origin& origin = nodes[place].origin;
      check(rules::model_revoked_ancestor, false, "no revoked ancestor",
            origin.subject.text() + " (" + way_to(place) + ")", "parent " + revoked_by(origin),
            policy_.allow_revoked_ancestors.place);
    }
    if (policy_.allow_revoked_ancestors.value) {
      verdict.not_checked.push_back("revocation of ancestors: allowed by " +
                                    policy_.allow_revoked_ancestors.place);
    } else if (clean) {
      check(rules::model_revoked_ancestor, true, "no revoked ancestor",
            with_thousands(nodes.size() - 1) + " ancestors, none revoked", "",
            policy_.allow_revoked_ancestors.place);
    }
  }

  void status_age(Time now) {
    if (!policy_.max_status_age) return not_asked("how old the status may be (max_status_age)");
    const Seconds age = std::max(now - bundle_.ledger_time(), Seconds(0));
    ModelCheck& made =
        check(rules::model_status_age, age <= policy_.max_status_age->value,
              "at most " + to_words(policy_.max_status_age->value) + " old",
              to_words(age) + " old, of " + to_minutes(bundle_.ledger_time()),
              "the status proof is too old to say that nothing was revoked since; fetch the bundle "
              "again",
              policy_.max_status_age->place);
    if (made.outcome == Verdict::refused) made.outcome = Verdict::incomplete;
  }

  void witnesses() {
    if (!policy_.witnesses) return not_asked("named witnesses (witnesses)");
    std::vector<std::string> present;
    for (const auto& cosignature : bundle_.checkpoint().cosignatures())
      present.emplace_back(cosignature.witness.name());
    const bool all = std::ranges::all_of(
        policy_.witnesses->value, [&](const std::string& name) { return holds(present, name); });
    ModelCheck& made =
        check(rules::model_witness, all, joined(policy_.witnesses->value), joined(present),
              "a witness the policy names did not cosign the checkpoint; fetch the bundle again",
              policy_.witnesses->place);
    if (!all) made.outcome = Verdict::incomplete;
  }

  void take(Judged judged) {
    std::ranges::move(judged.checks, std::back_inserter(verdict.checks));
    std::ranges::move(judged.not_checked, std::back_inserter(verdict.not_checked));
  }

  void issuers() {
    if (policy_.issuers)
      check(rules::model_issuer, matches_any(policy_.issuers->value, bundle_.release().issuer),
            joined(policy_.issuers->value), bundle_.release().issuer,
            "the policy does not trust this issuer", policy_.issuers->place);
    else
      not_asked("the model's issuer beyond the trust root (issuers)");
    each_origin(rules::model_ancestor_issuer, policy_.ancestors, 1, "ancestors' issuers",
                "an ancestor is by an issuer the policy does not trust", matches_any,
                [](const Origin& origin) { return std::optional<std::string>(origin.issuer); });
  }

  void operations() {
    each_origin(rules::model_operation, policy_.operations, 0, "operations",
                "the lineage holds an operation the policy does not allow", holds,
                [](const Origin& origin) -> std::optional<std::string> {
                  if (!origin.release() || !origin.release()->operation) return std::nullopt;
                  return origin.release()->operation->name;
                });
  }

  void licences() {
    each_origin(rules::model_licence, policy_.licences, 0, "licences",
                "the lineage holds a licence the policy does not allow", holds,
                [](const Origin& origin) { return std::optional<std::string>(origin.licence()); });
  }

  void roles() {
    if (!policy_.roles) return not_asked("roles the lineage must hold (required_roles)");
    std::vector<std::string> present;
    for (const auto& node : bundle_.graph().nodes())
      for (const auto& edge : node.parents)
        if (!holds(present, edge.role)) present.push_back(edge.role);
    const bool complete = std::ranges::all_of(
        policy_.roles->value, [&](const std::string& role) { return holds(present, role); });
    check(rules::model_role, complete, joined(policy_.roles->value),
          present.empty() ? "none" : joined(present),
          "the lineage lacks a role the policy requires", policy_.roles->place);
  }

  void format() {
    if (!policy_.formats) return not_asked("the file's format (formats)");
    ModelCheck& made =
        check(rules::model_format, holds(policy_.formats->value, file_.format),
              joined(policy_.formats->value), file_.format.empty() ? "unknown" : file_.format,
              "the file is not of a format the policy allows", policy_.formats->place);
    if (file_.format.empty()) made.outcome = Verdict::incomplete;
  }

  ModelVerdict verdict;

 private:
  ModelCheck& check(Rule rule, bool passed, std::string expected, std::string found,
                    std::string why, std::string place = {}) {
    return verdict.checks.emplace_back(
        std::string(rule.name), passed ? Verdict::pass : Verdict::refused, std::move(expected),
        std::move(found), passed ? std::string() : std::move(why), std::move(place));
  }

  void not_asked(std::string what) {
    verdict.not_checked.push_back("the policy does not ask for " + std::move(what));
  }

  // Holds a value of every node from `first` on against a list of the policy.
  void each_origin(Rule rule, const std::optional<Asked<std::vector<std::string>>>& asked,
                   std::size_t first, const std::string& what, const std::string& why,
                   bool (*allowed)(const std::vector<std::string>&, std::string_view),
                   std::optional<std::string> (*value_of)(const Origin&)) {
    if (!asked) return not_asked(what);
    const auto& nodes = bundle_.graph().nodes();
    for (std::size_t i = first; i < nodes.size(); ++i) {
      const auto value = value_of(nodes[i].origin);
      if (!value || allowed(asked->value, *value)) continue;
      check(rule, false, joined(asked->value), *value + ", of " + statement_of(nodes[i].origin),
            why, asked->place);
      return;
    }
    check(rule, true, joined(asked->value), "all of " + with_thousands(nodes.size() - first), "",
          asked->place);
  }

  static std::string revoked_by(const Origin& origin) {
    const RevocationRecord& revoked = *origin.revoked;
    const std::string who =
        revoked.issuer == origin.issuer ? "its issuer " + revoked.issuer : revoked.issuer;
    return "statement " + std::to_string(origin.index) + " was revoked by " + who + " on " +
           to_rfc3339(from_unix(revoked.issued_at)).substr(0, 10) + ": \"" +
           printable(revoked.reason) + "\"";
  }

  // "fine-tune of fine-tune of base-model": the way down to a node, in operations.
  std::string way_to(std::size_t place) const {
    const auto way = bundle_.graph().way_to(place);
    const auto& nodes = bundle_.graph().nodes();
    if (way.size() > 6) return with_thousands(way.size() - 1) + " generations up";
    std::string text;
    for (std::size_t i = 0; i + 1 < way.size(); ++i) {
      const auto* release = nodes[way[i]].origin.release();
      if (release && release->operation) text += release->operation->name + " of ";
    }
    return text + nodes[place].origin.name() + ", statement " +
           std::to_string(nodes[place].origin.index);
  }

  const VerifiedBundle& bundle_;
  const PresentedFile& file_;
  const ReleasePolicy& policy_;
};

}  // namespace

ModelVerdict judge_model(const VerifiedBundle& bundle, const PresentedFile& file,
                         const ReleasePolicy& policy, Time now) {
  Judgement judgement(bundle, file, policy);
  judgement.file();
  judgement.revocation();
  judgement.status_age(now);
  judgement.witnesses();
  judgement.issuers();
  judgement.operations();
  judgement.roles();
  judgement.licences();
  judgement.format();
  judgement.take(judge_rights(bundle.graph(), policy, file.region));
  judgement.take(judge_training(bundle.graph(), policy));

  ModelVerdict& verdict = judgement.verdict;
  for (const ModelCheck& check : verdict.checks)
    verdict.outcome = worse(verdict.outcome, check.outcome);
  for (const Finding& finding : bundle.findings())
    verdict.findings.push_back("statement " + std::to_string(finding.index) +
                               " has no effect: " + finding.why.to_string());
  verdict.release = statement_of(bundle.release());
  verdict.checkpoint = bundle.checkpoint().origin() + ", size " +
                       with_thousands(bundle.checkpoint().size()) + ", " +
                       to_minutes(bundle.ledger_time());
  return std::move(verdict);
}

void add_checks(ModelVerdict& verdict, std::vector<ModelCheck> checks) {
  for (const ModelCheck& check : checks) verdict.outcome = worse(verdict.outcome, check.outcome);
  verdict.checks.insert(verdict.checks.begin(), std::make_move_iterator(checks.begin()),
                        std::make_move_iterator(checks.end()));
}

ModelCheck check_of(const Error& error) {
  ModelCheck check;
  check.name = std::string(error.rule.name);
  check.outcome = outcome_of(error);
  check.expected = error.expected_value;
  check.found = error.found_value;
  check.why = (error.where.empty() ? "" : error.where + ": ") + error.what;
  if (!error.next_step.empty()) check.why += "; " + error.next_step;
  return check;
}

ModelVerdict verdict_of(const Error& error) {
  ModelVerdict verdict;
  verdict.outcome = outcome_of(error);
  verdict.checks.push_back(check_of(error));
  verdict.not_checked.emplace_back("everything after this");
  return verdict;
}

ModelVerdict judge_bundle(ByteView bytes, const TrustRoot& trust, const PresentedFile& file,
                          const ReleasePolicy& policy, Time now) {
  const auto verify = [&]() -> Result<VerifiedBundle> {
    TRY(const UntrustedBundle bundle, decode_bundle(bytes));
    return verify_bundle(bundle, trust, now);
  };
  const Result<VerifiedBundle> bundle = verify();
  if (bundle) {
    ModelVerdict verdict = judge_model(*bundle, file, policy, now);
    verdict.checks.insert(verdict.checks.begin(),
                          {"lineage.bundle", Verdict::pass, "every proof and signature holds",
                           with_thousands(bundle->statements()) + " statements", "", ""});
    return verdict;
  }
  ModelVerdict verdict = verdict_of(bundle.error());
  verdict.not_checked = {"the file and the policy: the bundle could not be relied on"};
  return verdict;
}

}  // namespace attest::lineage
