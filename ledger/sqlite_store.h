// SqliteStore: a log in one SQLite file (write-ahead log, synchronous=FULL: a commit that returned
// survives a power cut). The schema is in ledger/README.md; `application_id` and `user_version`
// tell whose file it is and of which version.
#pragma once

#include <memory>
#include <string>

#include "ledger/store.h"
#include "libattest/base/file.h"

namespace attest::ledger {

class SqliteStore final : public Store {
 public:
  // create makes a new log; a database that is there already is refused (rules::store_exists).
  // `vfs` names a registered SQLite file layer; empty is the system's.
  static Result<std::unique_ptr<SqliteStore>> create(const Path& file, const LogIdentity& identity,
                                                     const std::string& vfs = {});
  // open refuses files of another program or of a newer schema (rules::store_schema).
  static Result<std::unique_ptr<SqliteStore>> open(const Path& file, const std::string& vfs = {});

  ~SqliteStore() override;
  const LogIdentity& identity() const override;
  Result<Head> head() override;
  Status commit(const Commit& commit) override;
  Result<std::vector<Bytes>> entries(std::uint64_t first, std::uint64_t count) override;
  Result<std::optional<std::uint64_t>> index_of(const Sha256& entry_digest) override;
  Result<std::vector<std::uint64_t>> find(const Lookup& lookup, std::uint64_t below) override;
  Result<std::uint64_t> lookups() override;
  Result<std::optional<Bytes>> tile(unsigned level, std::uint64_t number) override;
  Result<std::optional<Bytes>> map_node(ByteView path) override;

  // integrity_check runs SQLite's own check of the file's structure.
  Status integrity_check();

 private:
  struct Implementation;
  explicit SqliteStore(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace attest::ledger
