// What files claim of their own descent, in one form: model cards and the lineage keys of GGUF
// (general.base_model.*, general.dataset.*). Claims name parents by name and address, never by
// digest, and nobody signed them: nothing here is ever taken for lineage.
#pragma once

#include <string>
#include <vector>

#include "libattest/lineage/model_card.h"
#include "libattest/model/gguf.h"

namespace attest::lineage {

struct ClaimedParent {
  std::string role;  // "base" or "dataset"
  std::string name;
  std::string organization;
  std::string version;
  std::string url;  // its repository, or another address
};

struct DescentClaims {
  std::string source;  // "model card" or "GGUF"
  std::string relation;
  std::string licence;
  std::string quantized_by;
  std::vector<ClaimedParent> parents;
};

DescentClaims claims_of(const ModelCardClaims& card);
// claims_of refuses a count that the keys do not bear out (rules::gguf_claims_count): a file that
// says it has two base models names two. At most 1,024 of a kind are read.
Result<DescentClaims> claims_of(const model::Gguf& gguf);

}  // namespace attest::lineage

namespace attest::rules {
inline constexpr Rule gguf_claims_count{"lineage.gguf-claims.count"};
}
