#include "libattest/transparency/witness_policy.h"

#include <algorithm>
#include <map>

#include "libattest/base/text.h"
#include "libattest/transparency/lines.h"
#include "libattest/transparency/note_name.h"

namespace attest::transparency {

namespace {

Error malformed(std::string what) {
  return refused(rules::policy_form, std::move(what));
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; (at = line.find_first_not_of(" \t", at)) != line.npos;) {
    const std::size_t end = std::min(line.find_first_of(" \t", at), line.size());
    words.push_back(line.substr(at, end - at));
    at = end;
  }
  return words;
}

// PolicyReader gathers directives, one method each, and knows which names are taken.
class PolicyReader {
 public:
  Status directive(const std::vector<std::string_view>& words) {
    if (words[0] == "log") return log(words);
    if (words[0] == "witness") return witness(words);
    if (words[0] == "group") return group(words);
    if (words[0] == "quorum") return quorum(words);
    return fail(malformed("unknown directive")
                    .expected("log, witness, group or quorum")
                    .found(printable(words[0], 40)));
  }

  Result<WitnessPolicy> finish() && {
    if (policy_.quorum.empty()) return fail(malformed("a policy has no quorum line"));
    return std::move(policy_);
  }

 private:
  Status log(const std::vector<std::string_view>& words) {
    if (words.size() < 2 || words.size() > 3)
      return fail(malformed("a log line is not \"log VKEY [URL]\""));
    TRY(VerifierKey key, VerifierKey::parse(words[1]));
    if (key.type() == NoteKeyType::cosignature_v1)
      return fail(malformed("a log's key is a witness's key").found(key.label()));
    policy_.logs.push_back({std::move(key), std::string(words.size() == 3 ? words[2] : "")});
    return {};
  }

  Status witness(const std::vector<std::string_view>& words) {
    if (words.size() < 3 || words.size() > 4)
      return fail(malformed("a witness line is not \"witness NAME VKEY [URL]\""));
    TRY_VOID(define(words[1]));
    TRY(VerifierKey key, VerifierKey::parse(words[2]));
    if (key.type() != NoteKeyType::cosignature_v1 && key.type() != NoteKeyType::ml_dsa_44)
      return fail(malformed("a witness's key is not one that cosigns").found(key.label()));
    for (const WitnessPolicy::Witness& other : policy_.witnesses)
      if (other.key.to_string().ends_with(key.to_string().substr(key.label().size())))
        return fail(malformed("two witnesses have the same key")
                        .found(other.name + " and " + printable(words[1])));
    policy_.witnesses.push_back(
        {std::string(words[1]), std::move(key), std::string(words.size() == 4 ? words[3] : "")});
    return {};
  }

  Status group(const std::vector<std::string_view>& words) {
    if (words.size() < 4)
      return fail(malformed("a group line is not \"group NAME N|any|all MEMBER…\""));
    TRY_VOID(define(words[1]));
    WitnessPolicy::Group group{std::string(words[1]), 0, {}};
    for (auto member = words.begin() + 3; member != words.end(); ++member) {
      // A group's own name was just defined, but it may not contain itself.
      if (*member == words[1] || std::ranges::find(names_, *member) == names_.end())
        return fail(malformed("a group's member is not defined above").found(printable(*member)));
      if (std::ranges::find(group.members, *member) != group.members.end())
        return fail(malformed("a group names a member twice").found(printable(*member)));
      group.members.emplace_back(*member);
    }
    const auto number = words[2] == "any"   ? std::optional<std::uint64_t>(1)
                        : words[2] == "all" ? std::optional<std::uint64_t>(group.members.size())
                                            : decimal(words[2]);
    if (!number || *number == 0 || *number > group.members.size())
      return fail(malformed("a group's threshold is not any, all or 1 to its number of members")
                      .found(printable(words[2], 40)));
    group.threshold = *number;
    policy_.groups.push_back(std::move(group));
    return {};
  }

  Status quorum(const std::vector<std::string_view>& words) {
    if (words.size() != 2) return fail(malformed("a quorum line is not \"quorum NAME\""));
    if (!policy_.quorum.empty()) return fail(malformed("a policy has a second quorum line"));
    if (words[1] != "none" && std::ranges::find(names_, words[1]) == names_.end())
      return fail(malformed("the quorum is not defined above").found(printable(words[1])));
    policy_.quorum = std::string(words[1]);
    return {};
  }

  Status define(std::string_view name) {
    if (name == "none") return fail(malformed("\"none\" is no name for a witness or a group"));
    if (std::ranges::find(names_, name) != names_.end())
      return fail(malformed("a name is defined twice").found(printable(name)));
    names_.emplace_back(name);
    return {};
  }

  WitnessPolicy policy_;
  std::vector<std::string> names_;
};

}  // namespace

Result<WitnessPolicy> parse_witness_policy(std::string_view text) {
  if (!is_utf8(text)) return fail(malformed("a policy is not UTF-8"));
  PolicyReader reader;
  const std::vector<std::string_view> lines = split(text, '\n');
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::string_view line = lines[i];
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto words = words_of(line);
    if (words.empty() || words[0].starts_with('#')) continue;
    if (Status status = reader.directive(words); !status)
      return fail(std::move(status.error().within("line " + std::to_string(i + 1))));
  }
  return std::move(reader).finish();
}

std::string format_witness_policy(const WitnessPolicy& policy) {
  std::string text;
  const auto url = [](const std::string& value) { return value.empty() ? "" : " " + value; };
  for (const auto& log : policy.logs) text += "log " + log.key.to_string() + url(log.url) + "\n";
  for (const auto& witness : policy.witnesses)
    text += "witness " + witness.name + " " + witness.key.to_string() + url(witness.url) + "\n";
  for (const auto& group : policy.groups) {
    text += "group " + group.name + " " + std::to_string(group.threshold);
    for (const std::string& member : group.members) text += " " + member;
    text += "\n";
  }
  return text + "quorum " + policy.quorum + "\n";
}

bool WitnessPolicy::satisfied_by(std::span<const VerifierKey> cosigners) const {
  if (quorum == "none") return true;
  std::map<std::string_view, bool> holds;
  for (const Witness& witness : witnesses)
    holds[witness.name] = std::ranges::any_of(cosigners, [&](const VerifierKey& key) {
      return key.to_string() == witness.key.to_string();
    });
  // A group's members stand above it in the file, so one pass in order settles all of them.
  for (const Group& group : groups) {
    const auto met = std::ranges::count_if(
        group.members, [&](const std::string& member) { return holds[member]; });
    holds[group.name] = static_cast<std::size_t>(met) >= group.threshold;
  }
  return holds[quorum];
}

WitnessPolicy policy_of(const LogVerifiers& verifiers) {
  WitnessPolicy policy;
  policy.quorum = "none";
  for (const VerifierKey& key : verifiers.log_keys) policy.logs.push_back({key, ""});
  WitnessPolicy::Group group{"witnesses", verifiers.quorum, {}};
  for (const VerifierKey& key : verifiers.witnesses) {
    group.members.push_back("w" + std::to_string(group.members.size() + 1));
    policy.witnesses.push_back({group.members.back(), key, ""});
  }
  if (verifiers.quorum > 0) {
    policy.quorum = group.name;
    policy.groups.push_back(std::move(group));
  }
  return policy;
}

Result<VerifiedCheckpoint> verify_checkpoint_by_policy(ByteView note, const WitnessPolicy& policy) {
  TRY(const UntrustedNote untrusted, parse_note(note));
  TRY(const Checkpoint checkpoint, parse_checkpoint(untrusted.text));
  LogVerifiers verifiers{checkpoint.origin, {}, {}, 0};
  for (const WitnessPolicy::Log& log : policy.logs)
    if (log.key.name() == checkpoint.origin) verifiers.log_keys.push_back(log.key);
  if (verifiers.log_keys.empty())
    return fail(refused(rules::policy_unknown_log, "the policy does not name the checkpoint's log")
                    .found(printable(checkpoint.origin)));
  for (const WitnessPolicy::Witness& witness : policy.witnesses)
    verifiers.witnesses.push_back(witness.key);
  TRY(VerifiedCheckpoint verified, verify_checkpoint(note, verifiers));
  std::vector<VerifierKey> cosigners;
  for (const auto& cosignature : verified.cosignatures()) cosigners.push_back(cosignature.witness);
  if (!policy.satisfied_by(cosigners))
    return fail(refused(rules::policy_quorum, "the policy's quorum did not cosign the checkpoint")
                    .expected(policy.quorum)
                    .found(std::to_string(cosigners.size()) + " cosignatures of its witnesses"));
  return verified;
}

}  // namespace attest::transparency
