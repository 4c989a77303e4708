// PostgresStore: a log in a PostgreSQL database, for several processes on several machines.
//
// One transaction a commit, at isolation level serializable: the head is compared and moved, then
// entries, tiles and map rows follow; a serialization failure is tried again from the start. Who
// leads holds an advisory lock and a lease in the log's row, by the server's clock; each new leader
// raises the row's epoch, and what only a leader may do compares it. So the lock and the lease
// decide who works, and never whether there is one history: a leader that slept finds another
// epoch.
//
// A session that is lost is begun anew at the next call. A database that comes back without what
// this process was told is kept is refused (rules::store_behind): a failover lost a commit.
//
// The schema is in ledger/README.md. The index by digest and lookup is each process's own, in files
// beside its signing floor. For one thread at a time.
#pragma once

#include <memory>
#include <string>

#include "ledger/entry_index.h"
#include "ledger/store.h"
#include "libattest/base/file.h"

namespace attest::ledger {

struct PostgresOptions {
  FileSystem* files = &system_files();  // for the index
  Path index;                           // its directory
  bool writer = true;                   // of index files
  IndexLimits limits;
  unsigned lease_seconds = 10;
};

class PostgresStore final : public Store {
 public:
  // create makes the tables where they are missing, and the log; a log of this origin that is there
  // already is refused (rules::store_exists).
  static Result<std::unique_ptr<PostgresStore>> create(const std::string& url,
                                                       const LogIdentity& identity,
                                                       const PostgresOptions& options);
  // open opens the log of this origin; with an empty origin the only one that is there.
  static Result<std::unique_ptr<PostgresStore>> open(const std::string& url,
                                                     const std::string& origin,
                                                     const PostgresOptions& options);

  ~PostgresStore() override;
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
  Result<bool> lead() override;
  Status hold() override;
  void release() override;
  Status announce(const std::string& note, std::uint64_t size) override;
  Result<std::optional<std::string>> announced() override;
  // copy_to reads every entry and makes the rest anew from them.
  Status copy_to(const Path& file) override;

  // serialization_failures counts the transactions that were tried again.
  std::uint64_t serialization_failures() const;

 private:
  struct Implementation;
  explicit PostgresStore(std::unique_ptr<Implementation> implementation);
  Status ready();
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace attest::ledger

namespace attest::rules {
inline constexpr Rule store_behind{"ledger.store.behind"};
}
