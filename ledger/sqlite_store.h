// SqliteStore: a log in one SQLite file (write-ahead log, synchronous=FULL: a commit that returned
// survives a power cut). The schema is in ledger/README.md; `application_id` and `user_version`
// tell whose file it is and of which version.
#pragma once

#include <memory>
#include <string>

#include "ledger/entry_index.h"
#include "ledger/store.h"
#include "libattest/base/file.h"

namespace attest::ledger {

// SqliteOptions says how a database and the index beside it are reached. One process may open with
// `writer`: it alone writes index files, though any may commit.
struct SqliteOptions {
  std::string vfs;                      // a registered SQLite file layer; empty is the system's
  FileSystem* files = &system_files();  // for the index
  bool writer = true;
  IndexLimits index;
};

class SqliteStore final : public Store {
 public:
  // create makes a new log; a database that is there already is refused (rules::store_exists).
  static Result<std::unique_ptr<SqliteStore>> create(const Path& file, const LogIdentity& identity,
                                                     const SqliteOptions& options = {});
  // open refuses files of another program or of a newer schema (rules::store_schema); one of
  // version 1 is brought to version 2 in one transaction. Entries that the index does not cover are
  // read when it is first asked.
  static Result<std::unique_ptr<SqliteStore>> open(const Path& file,
                                                   const SqliteOptions& options = {});

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
  Status mend(const Mending& mending) override;
  Result<bool> heal_index() override;
  // One process writes a file, whoever holds Log's lock: it leads, and has nobody to tell.
  Result<bool> lead() override { return true; }
  Status hold() override { return {}; }
  void release() override {}
  Status announce(const std::string&, std::uint64_t) override { return {}; }
  Result<std::optional<std::string>> announced() override { return std::nullopt; }
  Status copy_to(const Path& file) override;

  // integrity_check runs SQLite's own check of the file's structure, and reads the index files.
  Status integrity_check();

 private:
  struct Implementation;
  explicit SqliteStore(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace attest::ledger
