// What a path on the command line is, as statements speak of it: a file, or a directory that is one
// model.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/terminal.h"
#include "libattest/base/file.h"
#include "libattest/model/model_files.h"
#include "libattest/statement/artefact.h"

namespace attest::cli {

// files_of digests a file, or every file of a directory in the order of their names; links in a
// directory are refused.
Result<std::vector<statement::ModelFile>> files_of(const Path& path, Terminal* terminal = nullptr);

// subject_of_path gives the subject a release of these bytes has.
Result<statement::Subject> subject_of_path(const Path& path);

// OwnedModel is a model in memory: a file, or every file of a directory, as files_of finds them.
class OwnedModel {
 public:
  static Result<OwnedModel> read(const Path& path);
  // files borrows from this OwnedModel.
  model::ModelFiles files() const { return {contents_.begin(), contents_.end()}; }

 private:
  std::map<std::string, Bytes> contents_;
};

// write_beside writes PATH.attest/bundle.cbor, and PATH.attest/tree where PATH is a file.
Status write_beside(const Path& path, ByteView bundle);

}  // namespace attest::cli
