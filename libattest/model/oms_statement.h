// The statement of an OpenSSF Model Signing signature (specification 1.0): which files a model is
// made of, and the digest of each.
//
// An in-toto statement of type "https://model_signing/signature/v1.0" with one subject, whose
// SHA-256 is that of all resources' raw digests joined in the order they are listed. Read are also
// what published programs wrote besides: algorithm names "sha256-sharded-N", a shard size written
// as a floating-point number, the name "." for a model that is one file, any order of resources,
// and the statements of version 0.2 ("https://model_signing/Digests/v0.1", a subject a file).
//
// There is no canonical JSON: what was signed are the bytes as received.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "libattest/crypto/digest.h"
#include "libattest/model/oms_hash.h"

namespace attest::model {

inline constexpr std::string_view oms_predicate_type = "https://model_signing/signature/v1.0";
inline constexpr std::string_view oms_old_predicate_type = "https://model_signing/Digests/v0.1";
inline constexpr std::uint64_t oms_default_shard_size = 1'000'000'000;

// OmsPiece is one signed digest: of a whole file (method files), or of the bytes begin … end - 1.
struct OmsPiece {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  Bytes digest;
};

enum class OmsMethod { files, shards };

struct OmsStatement {
  std::string model_name;  // informational
  OmsMethod method = OmsMethod::files;
  OmsHash hash = OmsHash::sha256;
  std::uint64_t shard_size = 0;  // of method shards
  bool allow_symlinks = false;
  std::vector<std::string> ignore_paths;
  std::map<std::string, std::vector<OmsPiece>> files;  // pieces from front to back
  Sha256 root{};                                       // the subject's digest
  bool version_0_2 = false;
};

// parse_oms_statement checks, in this order:
//   - strict JSON, a statement of version 1, the predicate type (rules::oms_statement);
//   - exactly one subject with a SHA-256 digest, at least one resource (rules::oms_statement);
//   - method, hash function, shard size (rules::oms_serialization);
//   - ignored paths: canonical relative paths without '*' (rules::oms_ignore);
//   - names: canonical relative paths (rules::oms_name), none twice (rules::oms_twice), no two that
//     differ in case or in their Unicode form alone (rules::oms_look_alike);
//   - algorithms as the serialization says, digests of their full length (rules::oms_digest);
//   - shards of each file: from 0, without gap or overlap, all but the last of the shard size, none
//     longer (rules::oms_shards);
//   - the subject's digest is that of the resources (rules::oms_root).
// Not checked: any signature; see oms_verify.h.
Result<OmsStatement> parse_oms_statement(ByteView payload);

// is_canonical_name accepts relative paths as a manifest has them: parts of UTF-8 joined by '/',
// none empty, "." or "..", without backslash or control characters, at most 4,096 bytes in all.
bool is_canonical_name(std::string_view name);

// look_alike_key gives one text for all names that differ only in case or Unicode form.
std::string look_alike_key(std::string_view name);

}  // namespace attest::model

namespace attest::rules {
inline constexpr Rule oms_statement{"model.oms.statement"};
inline constexpr Rule oms_serialization{"model.oms.serialization"};
inline constexpr Rule oms_ignore{"model.oms.ignore-path"};
inline constexpr Rule oms_name{"model.oms.name"};
inline constexpr Rule oms_twice{"model.oms.twice"};
inline constexpr Rule oms_look_alike{"model.oms.look-alike"};
inline constexpr Rule oms_digest{"model.oms.digest"};
inline constexpr Rule oms_shards{"model.oms.shards"};
inline constexpr Rule oms_root{"model.oms.root"};
}  // namespace attest::rules
