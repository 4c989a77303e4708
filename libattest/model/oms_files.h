// The files of a model against a verified statement: each that differs, is missing or is extra.
//
// Files are opened beneath one directory, once, and hashed from that descriptor (directory.h). A
// file that changes while it is read, and a directory that changes while it is checked, are
// refused: what was listed at the end is what was hashed.
#pragma once

#include <string>
#include <vector>

#include "libattest/model/digest.h"
#include "libattest/model/digest_cache.h"
#include "libattest/model/directory.h"
#include "libattest/model/executor.h"
#include "libattest/model/oms_signature.h"

namespace attest::model {

struct OmsFileOptions {
  std::vector<std::string> ignore =
      {};                           // exact relative paths, as ignore_paths; chosen by the verifier
  bool ignore_unsigned = false;     // files that no resource names are not differences
  std::string signature_file = {};  // the bundle's path relative to the directory, or empty
  Executor executor = serially;
  Progress progress = {};  // called from any thread of the executor, one call at a time
  // As for signing: files that the cache knows are not read.
  DigestCache* cache = nullptr;
  std::int64_t now_ns = 0;
};

enum class DifferenceKind { differs, missing, extra, unsafe };
std::string_view to_string(DifferenceKind kind);

struct OmsDifference {
  DifferenceKind kind;
  std::string name;
  std::string expected;  // digests in hex, with the range of a shard
  std::string found;
};

struct OmsCheckedFile {
  std::string name;
  FileIdentity identity;
};

// OmsComparison is what a model's directory has of a statement. It matches when there is no
// difference.
struct OmsComparison {
  std::vector<OmsDifference> differences;  // in the order of their names
  std::vector<OmsCheckedFile> files;       // signed and as they were signed
  std::vector<std::string> not_covered;    // there, but outside of the signature, as options allow
  std::uint64_t bytes = 0;                 // read and hashed
  bool matches() const { return differences.empty(); }
};

// compare_model_files checks, in this order:
//   - `path` is a directory, or the one file of a model of one file;
//   - options.ignore holds canonical relative paths (rules::oms_ignore);
//   - no link among the files that are not left out, unless the statement allows links, and then
//     none that leads out or in a circle (rules of directory.h);
//   - every resource is a regular file with exactly the signed content; a file longer than its
//     shards differs;
//   - every other file is left out: at the top level .git, .gitignore, .gitattributes, .github and
//     the signature, and the paths that the statement or the options ignore;
//   - no weights among what the statement ignores: such a file is unsafe. A signer must not hide
//     from a loader what it would load;
//   - nothing changed meanwhile (rules::file_changed).
// A difference is no error: it is in what is returned.
Result<OmsComparison> compare_model_files(const VerifiedOmsStatement& statement, const Path& path,
                                          const OmsFileOptions& options = {});

// left_out_by_default are the names that are no part of a model at the top level.
const std::set<std::string>& left_out_by_default();

// looks_like_weights says whether a loader would take a file of that name for a model's weights.
bool looks_like_weights(std::string_view name);

}  // namespace attest::model
