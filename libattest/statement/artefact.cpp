#include "libattest/statement/artefact.h"

#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/statement/payload_fields.h"

namespace attest::statement {

namespace {

std::unexpected<Error> bad_release(std::string what) {
  return fail(refused(rules::release_form, std::move(what)));
}

Result<DataFile> decode_data_file(const cbor::Value& value, std::string what) {
  TRY(cbor::Fields fields, cbor::Fields::of(value, std::move(what)));
  DataFile file;
  TRY(file.name, fields.text("name"));
  TRY(file.size, fields.unsigned_integer("size"));
  TRY(file.digest, digest_field(fields, "digest"));
  TRY_VOID(fields.finish());
  return file;
}

Result<ModelFile> decode_model_file(const cbor::Value& value, std::string what) {
  TRY(cbor::Fields fields, cbor::Fields::of(value, std::move(what)));
  ModelFile file;
  TRY(file.name, fields.text("name"));
  TRY(file.size, fields.unsigned_integer("size"));
  TRY(file.sha256, digest_field(fields, "sha256"));
  TRY(file.fsverity, digest_field(fields, "fsverity"));
  TRY_VOID(fields.finish());
  return file;
}

template <typename FileOf>
auto decode_files(cbor::Fields& fields, FileOf decode_file)
    -> Result<std::vector<typename decltype(decode_file(cbor::Value(), ""))::value_type>> {
  TRY(const cbor::Array* const array, fields.array("files"));
  std::vector<typename decltype(decode_file(cbor::Value(), ""))::value_type> files;
  for (const cbor::Value& each : *array) {
    TRY(auto file, decode_file(each, at("files", files.size())));
    // One order, no name twice: so that one set of files has one manifest.
    if (!files.empty() && !(files.back().name < file.name))
      return bad_release("files are not in the order of their names, or one stands twice");
    files.push_back(std::move(file));
  }
  if (files.empty()) return bad_release("no files are named");
  return files;
}

Result<std::optional<Operation>> decode_operation(cbor::Fields& release) {
  TRY(const cbor::Value* const value, release.required("operation"));
  if (value->is_null()) return std::nullopt;
  TRY(cbor::Fields fields, cbor::Fields::of(*value, "operation"));
  Operation operation;
  TRY(operation.name, fields.text("name"));
  TRY(const cbor::Map* const parameters, fields.map("parameters"));
  operation.parameters = *parameters;
  TRY_VOID(fields.finish());
  if (std::ranges::find(operation_names(), operation.name) == operation_names().end())
    return fail(refused(rules::release_form, "unknown operation")
                    .expected("train, fine-tune, adapter, merge, quantize, convert, prune, distil")
                    .found("\"" + printable(operation.name, 60) + "\""));
  return operation;
}

Result<Parent> decode_parent(const cbor::Value& value, std::string what) {
  TRY(cbor::Fields fields, cbor::Fields::of(value, std::move(what)));
  TRY(std::string role, fields.text("role"));
  TRY(const std::string text, fields.text("subject"));
  TRY_VOID(fields.finish());
  TRY(Subject subject, Subject::parse(text));
  if (subject.kind() != SubjectKind::artefact) return bad_release("a parent is no artefact");
  if (std::ranges::find(parent_roles(), role) == parent_roles().end())
    return fail(refused(rules::release_form, "unknown role of a parent")
                    .expected("base, dataset, adapter or teacher")
                    .found("\"" + printable(role, 60) + "\""));
  return Parent{std::move(role), std::move(subject)};
}

Status check_parents(const ModelRelease& release) {
  if (release.operation.has_value() == release.parents.empty())
    return bad_release("a release has an operation exactly when it has parents");
  for (std::size_t i = 0; i < release.parents.size(); ++i)
    if (std::ranges::count(release.parents, release.parents[i]) > 1)
      return bad_release("a parent stands twice in the same role");
  const Subject itself = subject_of(release);
  if (std::ranges::find(release.parents, itself, &Parent::subject) != release.parents.end())
    return bad_release("a release is its own parent");
  return {};
}

// Jurisdictions are short names in order, each once, so that one content has one encoding.
Result<std::vector<std::string>> decode_jurisdictions(cbor::Fields& fields) {
  TRY(std::vector<std::string> names, texts_field(fields, "jurisdictions"));
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool plain =
        !names[i].empty() && names[i].size() <= 40 &&
        names[i].find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == std::string::npos;
    if (!plain)
      return fail(refused(rules::release_form, "this is no name of a jurisdiction")
                      .expected("capital letters, digits and '-', such as EU or US-CA")
                      .found("\"" + printable(names[i], 60) + "\""));
    if (i > 0 && !(names[i - 1] < names[i]))
      return bad_release("jurisdictions are out of order, or one stands twice");
  }
  return names;
}

std::unexpected<Error> says_nothing_new() {
  return bad_release("version 2 says nothing that version 1 does not; it is written as version 1");
}

// What version 2 of a release adds.
Status decode_terms(cbor::Fields& fields, ModelRelease& release) {
  TRY(release.jurisdictions, decode_jurisdictions(fields));
  TRY(const std::string consent, fields.text("consent"));
  if (consent != "free" && consent != "required")
    return fail(refused(rules::release_form, "unknown demand for consent")
                    .expected("\"free\" or \"required\"")
                    .found("\"" + printable(consent, 60) + "\""));
  release.consent_required = consent == "required";
  if (release.jurisdictions.empty() && !release.consent_required) return says_nothing_new();
  return {};
}

cbor::Array texts_of(const std::vector<std::string>& texts) {
  return {texts.begin(), texts.end()};
}

cbor::Value encode_operation(const std::optional<Operation>& operation) {
  if (!operation) return nullptr;
  return cbor::Map{{"name", operation->name}, {"parameters", operation->parameters}};
}

template <typename File, typename DigestOf>
Subject subject_of_files(const std::vector<File>& files, DigestOf digest_of) {
  if (files.size() == 1) return Subject::artefact(digest_of(files.front()));
  cbor::Array manifest;
  for (const File& file : files)
    manifest.push_back(cbor::Array{file.name, file.size, digest_of(file)});
  return Subject::artefact(sha256(cbor::encode(manifest)));
}

}  // namespace

const std::vector<std::string_view>& operation_names() {
  static const std::vector<std::string_view> names = {"train",    "fine-tune", "adapter", "merge",
                                                      "quantize", "convert",   "prune",   "distil"};
  return names;
}

const std::vector<std::string_view>& parent_roles() {
  static const std::vector<std::string_view> roles = {"base", "dataset", "adapter", "teacher"};
  return roles;
}

Bytes encode(const DataSet& data_set) {
  cbor::Array files;
  for (const DataFile& file : data_set.files)
    files.push_back(cbor::Map{{"name", file.name}, {"size", file.size}, {"digest", file.digest}});
  cbor::Map payload{{"version", 1},
                    {"name", data_set.name},
                    {"files", std::move(files)},
                    {"licence", data_set.licence}};
  if (!data_set.jurisdictions.empty()) {
    payload.front().second = 2;
    payload.emplace_back("jurisdictions", texts_of(data_set.jurisdictions));
  }
  return cbor::encode(payload);
}

Result<DataSet> decode_data_set(ByteView payload) {
  TRY(const cbor::Value value, decode_payload(payload));
  TRY(VersionedFields versioned, versioned_fields_of(value, "data set", 2));
  cbor::Fields& fields = versioned.fields;
  DataSet data_set;
  TRY(data_set.name, fields.text("name"));
  TRY(data_set.files, decode_files(fields, decode_data_file));
  TRY(data_set.licence, fields.text("licence"));
  if (versioned.version > 1) {
    TRY(data_set.jurisdictions, decode_jurisdictions(fields));
    if (data_set.jurisdictions.empty()) return says_nothing_new();
  }
  TRY_VOID(fields.finish());
  return data_set;
}

Bytes encode(const ModelRelease& release) {
  cbor::Array files;
  for (const ModelFile& file : release.files)
    files.push_back(cbor::Map{{"name", file.name},
                              {"size", file.size},
                              {"sha256", file.sha256},
                              {"fsverity", file.fsverity}});
  cbor::Array parents;
  for (const Parent& parent : release.parents)
    parents.push_back(cbor::Map{{"role", parent.role}, {"subject", parent.subject.text()}});
  cbor::Map payload{{"version", 1},
                    {"name", release.name},
                    {"files", std::move(files)},
                    {"operation", encode_operation(release.operation)},
                    {"parents", std::move(parents)},
                    {"licence", release.licence}};
  if (!release.jurisdictions.empty() || release.consent_required) {
    payload.front().second = 2;
    payload.emplace_back("jurisdictions", texts_of(release.jurisdictions));
    payload.emplace_back("consent", release.consent_required ? "required" : "free");
  }
  return cbor::encode(payload);
}

Result<ModelRelease> decode_model_release(ByteView payload) {
  TRY(const cbor::Value value, decode_payload(payload));
  TRY(VersionedFields versioned, versioned_fields_of(value, "model release", 2));
  cbor::Fields& fields = versioned.fields;
  ModelRelease release;
  TRY(release.name, fields.text("name"));
  TRY(release.files, decode_files(fields, decode_model_file));
  TRY(release.operation, decode_operation(fields));
  TRY(const cbor::Array* const parents, fields.array("parents"));
  for (const cbor::Value& each : *parents) {
    TRY(Parent parent, decode_parent(each, at("parents", release.parents.size())));
    release.parents.push_back(std::move(parent));
  }
  TRY(release.licence, fields.text("licence"));
  if (versioned.version > 1) TRY_VOID(decode_terms(fields, release));
  TRY_VOID(fields.finish());
  TRY_VOID(check_parents(release));
  return release;
}

Subject subject_of(const DataSet& data_set) {
  return subject_of_files(data_set.files, [](const DataFile& file) { return file.digest; });
}

Subject subject_of(const ModelRelease& release) {
  return subject_of_files(release.files, [](const ModelFile& file) { return file.sha256; });
}

}  // namespace attest::statement
