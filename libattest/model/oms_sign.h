// Signs a model as OpenSSF Model Signing 1.0 has it: describe_model makes the statement,
// sign_oms_statement signs it. What is written is what the specification says: resources in the
// order of their names' bytes, plain algorithm names, whole numbers.
#pragma once

#include <string>
#include <vector>

#include "libattest/crypto/signing_key.h"
#include "libattest/model/digest_cache.h"
#include "libattest/model/oms_files.h"

namespace attest::model {

struct OmsDescribeOptions {
  OmsMethod method = OmsMethod::files;
  OmsHash hash = OmsHash::sha256;
  std::uint64_t shard_size = oms_default_shard_size;
  bool allow_symlinks = false;
  std::vector<std::string> ignore = {};  // recorded in the statement
  std::string signature_file =
      {};  // where the bundle will lie, relative to the directory, or empty
  Executor executor = serially;
  Progress progress = {};
  // Files of method files that the cache knows are not read; what is read, it learns. now_ns is the
  // wall clock's time, in nanoseconds since 1970.
  DigestCache* cache = nullptr;
  std::int64_t now_ns = 0;
};

struct OmsDescription {
  Bytes payload;             // the statement, as it is to be signed
  OmsStatement statement;    // the same, parsed
  std::uint64_t bytes = 0;   // of all files
  std::uint64_t hashed = 0;  // of those that had to be read
};

// describe_model hashes a directory, or a single file, and gives its statement. Refused: what
// compare_model_files refuses; names no manifest may hold; a model without files
// (rules::oms_statement); a file that changes meanwhile (rules::file_changed).
Result<OmsDescription> describe_model(const Path& path, const OmsDescribeOptions& options);

// sign_oms_statement gives the bundle as JSON. `chain` is empty, or certificates, leaf first; the
// leaf must be that of `key` (rules::oms_key). A key that is not on P-256, P-384 or P-521 is
// refused (rules::oms_key). The bundle is verified before it is given out.
Result<std::string> sign_oms_statement(const OmsDescription& description, const SigningKey& key,
                                       const std::vector<Certificate>& chain = {});

}  // namespace attest::model
