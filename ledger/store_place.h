// Where a log's entries are: in a SQLite file of its directory, or in the PostgreSQL database that
// the directory's file `store` names: its first line is the URL, its second the log's origin.
#pragma once

#include <memory>

#include "ledger/log.h"
#include "ledger/store.h"

namespace attest::ledger {

struct StoreName {
  std::string url;     // empty: SQLite
  std::string origin;  // empty: the only log that is there
};

// store_of reads the directory's file; what `place` says of the store counts more.
Result<StoreName> store_of(const LogPlace& place);
// name_store writes the directory's file, for a store in PostgreSQL.
Status name_store(const LogPlace& place, const std::string& origin);
// store_exists says whether a log of this origin was made there.
Result<bool> store_exists(const LogPlace& place, const std::string& origin);
Result<std::unique_ptr<Store>> open_store(const LogPlace& place, bool writer);
Result<std::unique_ptr<Store>> create_store(const LogPlace& place, const LogIdentity& identity);

}  // namespace attest::ledger
