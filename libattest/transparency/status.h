// Status proofs: these are all entries that speak of a subject, and no others, as of a checkpoint
// (docs/formats.md, "Where the map stands in the log").
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "libattest/transparency/map_root.h"
#include "libattest/transparency/subject_map.h"

namespace attest::transparency {

struct UntrustedStatus {
  std::string subject;
  std::vector<std::uint64_t> indexes;  // every entry that speaks of the subject, ascending
  SubjectProof proof;
};

// VerifiedStatus says which entries speak of a subject. Only verify_status makes one.
class VerifiedStatus {
 public:
  const std::string& subject() const { return subject_; }
  const std::vector<std::uint64_t>& indexes() const { return indexes_; }

 private:
  friend Result<VerifiedStatus> verify_status(
      const VerifiedMapRoot&, const UntrustedStatus&,
      const std::function<std::optional<Hash>(std::uint64_t)>&);
  VerifiedStatus(std::string subject, std::vector<std::uint64_t> indexes)
      : subject_(std::move(subject)), indexes_(std::move(indexes)) {}
  std::string subject_;
  std::vector<std::uint64_t> indexes_;
};

// EntryLeaf gives the leaf hash of an entry whose inclusion was verified, or nothing.
using EntryLeaf = std::function<std::optional<Hash>(std::uint64_t index)>;

// verify_status checks, in this order:
//   - indexes ascend strictly (rules::status_order) and are covered by the map root
//     (rules::status_beyond_map);
//   - each listed entry is there (rules::status_entry_missing, incomplete);
//   - the chain over them stands in the map under the subject's key with their number
//     (verify_present), or, where none is listed, the key is absent (verify_absent).
// Not checked: that the listed entries do speak of the subject; the caller has read them.
Result<VerifiedStatus> verify_status(const VerifiedMapRoot& map_root, const UntrustedStatus& status,
                                     const EntryLeaf& entry_leaf);

}  // namespace attest::transparency

namespace attest::rules {
inline constexpr Rule status_order{"transparency.status.order"};
inline constexpr Rule status_beyond_map{"transparency.status.beyond-map"};
inline constexpr Rule status_entry_missing{"transparency.status.entry-missing"};
}  // namespace attest::rules
