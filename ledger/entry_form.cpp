#include "ledger/entry_form.h"

#include <algorithm>

#include "libattest/statement/dsse.h"
#include "libattest/statement/entry_subjects.h"
#include "libattest/statement/statement.h"
#include "libattest/transparency/subject_map.h"

namespace attest::ledger {

namespace {

bool is_json(ByteView entry) {
  return !entry.empty() && entry.front() == std::byte{'{'};
}

void name_subjects(EntryForm& form, const std::vector<statement::Subject>& subjects) {
  for (const statement::Subject& subject : subjects) form.subjects.push_back(subject.text());
}

Result<EntryForm> statement_form(ByteView entry) {
  TRY(const auto statement, statement::parse_statement(entry));
  EntryForm form;
  form.subject = statement.subject().text();
  form.issuer = statement.issuer();
  form.kind = std::string(statement::content_type(statement.kind()));
  form.signer = statement.signer();
  form.is_map_root = statement.kind() == statement::Kind::map_root;
  if (const auto* release = statement.as<statement::ModelRelease>())
    for (const statement::Parent& parent : release->parents)
      form.parents.push_back(parent.subject.text());
  name_subjects(form, statement::subjects_of(statement));
  return form;
}

Result<EntryForm> envelope_form(ByteView entry) {
  TRY(const auto envelope, statement::parse_dsse(as_text(entry)));
  EntryForm form;
  form.kind = envelope.payload_type;
  TRY(const auto subjects, statement::subjects_of(entry));
  name_subjects(form, subjects);
  return form;
}

}  // namespace

Result<EntryForm> form_of(ByteView entry) {
  return is_json(entry) ? envelope_form(entry) : statement_form(entry);
}

Lookup lookup_for(Field field, std::string_view text) {
  return {field, transparency::subject_key(text)};
}

std::vector<Lookup> lookups_of(const EntryForm& form) {
  std::vector<Lookup> lookups;
  for (const std::string& subject : form.subjects)
    lookups.push_back(lookup_for(Field::subject, subject));
  for (const std::string& parent : form.parents)
    lookups.push_back(lookup_for(Field::parent, parent));
  if (!form.issuer.empty()) lookups.push_back(lookup_for(Field::issuer, form.issuer));
  lookups.push_back(lookup_for(Field::kind, form.kind));
  std::ranges::sort(lookups);
  const auto twice = std::ranges::unique(lookups);
  lookups.erase(twice.begin(), twice.end());
  return lookups;
}

}  // namespace attest::ledger
