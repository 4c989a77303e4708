// fsck: the audit, on the database itself, published or not: every entry against its leaf hash,
// every tile, the head's root, the index by digest, every lookup row and the subject map.
#pragma once

#include "ledger/audit.h"
#include "ledger/store.h"

namespace attest::ledger {

// fsck reads the whole store and reports as audit does; `file` of a finding is the C2SP path under
// which entries and tiles would be published, or the database's table. It checks no checkpoint
// signature: there is none in the store.
Result<AuditReport> fsck(Store& store, std::size_t max_findings = 100);

}  // namespace attest::ledger
