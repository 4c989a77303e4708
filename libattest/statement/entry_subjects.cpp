#include "libattest/statement/entry_subjects.h"

#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/statement/dsse.h"
#include "libattest/statement/in_toto.h"
#include "libattest/statement/statement.h"

namespace attest::statement {

namespace {

Result<std::vector<Subject>> subjects_of_envelope(ByteView entry) {
  TRY(const UntrustedEnvelope envelope, parse_dsse(as_text(entry)));
  if (envelope.payload_type != in_toto_payload_type)
    return fail(refused(rules::entry_unknown, "an envelope with a payload this log cannot index")
                    .expected(std::string(in_toto_payload_type))
                    .found("\"" + printable(envelope.payload_type, 80) + "\""));
  TRY(const InTotoStatement statement, parse_in_toto(envelope.payload));
  std::vector<Subject> subjects;
  for (const InTotoSubject& subject : statement.subjects) {
    const auto digest = subject.digests.find("sha256");
    if (digest == subject.digests.end()) continue;
    TRY(Subject parsed, Subject::parse("sha256:" + digest->second));
    subjects.push_back(std::move(parsed));
  }
  return subjects;
}

std::vector<Subject> subjects_of_statement(const UntrustedStatement& statement) {
  if (statement.kind() == Kind::map_root) return {};
  // Not "key:" and not the parent itself: a status proof lists all entries of its subject, and
  // would then carry all that a key ever signed and every descendant of a popular base.
  std::vector<Subject> subjects{statement.subject(), Subject::signer(statement.signer())};
  if (const auto* release = statement.as<ModelRelease>())
    for (const Parent& parent : release->parents)
      if (const auto digest = parent.subject.digest()) subjects.push_back(Subject::parent(*digest));
  return subjects;
}

std::vector<Subject> each_once(std::vector<Subject> subjects) {
  std::ranges::sort(subjects);
  const auto repeated = std::ranges::unique(subjects);
  subjects.erase(repeated.begin(), repeated.end());
  return subjects;
}

}  // namespace

Result<std::vector<Subject>> subjects_of(ByteView entry) {
  std::vector<Subject> subjects;
  if (!entry.empty() && entry.front() == std::byte{'{'}) {
    TRY(subjects, subjects_of_envelope(entry));
  } else {
    TRY(const UntrustedStatement statement, parse_statement(entry));
    subjects = subjects_of_statement(statement);
  }
  return each_once(std::move(subjects));
}

std::vector<Subject> subjects_of(const UntrustedStatement& statement) {
  return each_once(subjects_of_statement(statement));
}

}  // namespace attest::statement
