// Data sets and model releases: the two kinds of statements about files, and what lineage is made
// of. Files are in the order of their names, each name once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libattest/base/cbor.h"
#include "libattest/statement/subject.h"

namespace attest::statement {

struct DataFile {
  std::string name;
  std::uint64_t size = 0;
  Sha256 digest{};
  friend bool operator==(const DataFile&, const DataFile&) = default;
};

// `jurisdictions` are those under whose law an artefact was made, such as "EU" or "US-CA", in
// order, each once; none where nothing is said.
struct DataSet {
  std::string name;
  std::vector<DataFile> files;
  std::string licence;
  std::vector<std::string> jurisdictions{};
  friend bool operator==(const DataSet&, const DataSet&) = default;
};

struct ModelFile {
  std::string name;
  std::uint64_t size = 0;
  Sha256 sha256{};
  Sha256 fsverity{};
  friend bool operator==(const ModelFile&, const ModelFile&) = default;
};

struct Operation {
  std::string name;  // one of operation_names()
  cbor::Map parameters;
  friend bool operator==(const Operation&, const Operation&) = default;
};

struct Parent {
  std::string role;  // one of parent_roles()
  Subject subject;   // an artefact
  friend bool operator==(const Parent&, const Parent&) = default;
};

struct ModelRelease {
  std::string name;
  std::vector<ModelFile> files;
  std::optional<Operation> operation;  // there exactly when there are parents
  std::vector<Parent> parents;
  std::string licence;
  std::vector<std::string> jurisdictions{};
  // Whatever others make of it needs their statement of consent (consent.h).
  bool consent_required = false;
  friend bool operator==(const ModelRelease&, const ModelRelease&) = default;
};

// train, fine-tune, adapter, merge, quantize, convert, prune, distil
const std::vector<std::string_view>& operation_names();
// base, dataset, adapter, teacher
const std::vector<std::string_view>& parent_roles();

// encode writes version 1 where nothing is said of jurisdictions and consent, and version 2 where
// something is: one content has one encoding, and older readers read what says nothing new.
Bytes encode(const DataSet& data_set);
Result<DataSet> decode_data_set(ByteView payload);
Bytes encode(const ModelRelease& release);
Result<ModelRelease> decode_model_release(ByteView payload);

// subject_of gives the subject a statement about these files has: the SHA-256 of the single file,
// or, for several, that of the manifest, deterministic CBOR [[name, size, SHA-256]…] in the order
// of the names.
Subject subject_of(const DataSet& data_set);
Subject subject_of(const ModelRelease& release);

}  // namespace attest::statement

namespace attest::rules {
inline constexpr Rule release_form{"statement.release.form"};
}
