#include "libattest/transparency/status.h"

#include "libattest/base/text.h"

namespace attest::transparency {

namespace {

Status check_order(const UntrustedStatus& status, std::uint64_t covered) {
  for (std::size_t i = 0; i < status.indexes.size(); ++i) {
    if (i > 0 && status.indexes[i] <= status.indexes[i - 1])
      return fail(refused(rules::status_order, "the indexes of a status proof do not ascend")
                      .found(std::to_string(status.indexes[i])));
    if (status.indexes[i] >= covered)
      return fail(refused(rules::status_beyond_map,
                          "a status proof lists an entry that the map "
                          "root does not cover")
                      .expected("an index below " + std::to_string(covered))
                      .found(std::to_string(status.indexes[i])));
  }
  return {};
}

}  // namespace

Result<VerifiedStatus> verify_status(const VerifiedMapRoot& map_root, const UntrustedStatus& status,
                                     const EntryLeaf& entry_leaf) {
  const std::string place = "status of " + printable(status.subject);
  const auto within = [&](Error error) { return fail(std::move(error.within(place))); };
  if (Status ordered = check_order(status, map_root.map_root().size); !ordered)
    return within(std::move(ordered).error());

  SubjectLeaf leaf{.key = subject_key(status.subject), .count = 0, .chain = {}};
  for (const std::uint64_t index : status.indexes) {
    const std::optional<Hash> hash = entry_leaf(index);
    if (!hash)
      return within(incomplete(rules::status_entry_missing,
                               "an entry that speaks of the subject is not in the bundle")
                        .expected("entry " + std::to_string(index))
                        .next("fetch the bundle again"));
    leaf.chain = chain_next(leaf.chain, index, *hash);
    ++leaf.count;
  }
  Status proven = leaf.count == 0 ? verify_absent(map_root.root(), leaf.key, status.proof)
                                  : verify_present(map_root.root(), leaf, status.proof);
  if (!proven) return within(std::move(proven).error());
  return VerifiedStatus(status.subject, status.indexes);
}

}  // namespace attest::transparency
