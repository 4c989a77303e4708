// The proof bundle of a subject (docs/formats.md, "Proof bundle"): everything a reader needs to
// judge it without a server.
#pragma once

#include <string>

#include "ledger/store.h"
#include "libattest/transparency/checkpoint.h"

namespace attest::ledger {

// write_bundle gives the bytes of a bundle under `note`, whose text is `checkpoint` and which must
// cover the store's subject map (rules::bundle_not_covered). A subject that no entry speaks of is
// incomplete (rules::bundle_no_statement).
Result<Bytes> write_bundle(Store& store, const std::string& note,
                           const transparency::Checkpoint& checkpoint, const std::string& subject);

}  // namespace attest::ledger

namespace attest::rules {
inline constexpr Rule bundle_not_covered{"ledger.bundle.not-covered"};
inline constexpr Rule bundle_no_statement{"ledger.bundle.no-statement"};
}  // namespace attest::rules
