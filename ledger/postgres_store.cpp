#include "ledger/postgres_store.h"

#include <algorithm>
#include <array>

#include "ledger/backup.h"
#include "ledger/postgres_connection.h"
#include "ledger/sqlite_store.h"
#include "ledger/store_index.h"
#include "ledger/store_source.h"
#include "ledger/stored_tree.h"

namespace attest::ledger {

namespace {

constexpr std::uint64_t schema_version = 1;
constexpr int most_tries = 8;

// Plain tables and types: no sequences, triggers, extensions or functions of our own, so that other
// servers of the same protocol can take them.
constexpr std::array<const char*, 4> schema = {
    "CREATE TABLE IF NOT EXISTS attest_logs("
    " log BIGINT PRIMARY KEY, origin TEXT NOT NULL, verifier_key TEXT NOT NULL,"
    " format BIGINT NOT NULL, size BIGINT NOT NULL, root BYTEA NOT NULL,"
    " map_size BIGINT NOT NULL, map_subjects BIGINT NOT NULL,"
    " epoch BIGINT NOT NULL, lease_until TIMESTAMPTZ NOT NULL,"
    " note BYTEA NOT NULL, note_size BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS attest_entries("
    " log BIGINT NOT NULL, id BIGINT NOT NULL, bytes BYTEA NOT NULL, PRIMARY KEY(log, id))",
    "CREATE TABLE IF NOT EXISTS attest_tiles("
    " log BIGINT NOT NULL, level BIGINT NOT NULL, number BIGINT NOT NULL, hashes BYTEA NOT NULL,"
    " PRIMARY KEY(log, level, number))",
    "CREATE TABLE IF NOT EXISTS attest_map_nodes("
    " log BIGINT NOT NULL, path BYTEA NOT NULL, content BYTEA NOT NULL, PRIMARY KEY(log, path))",
};

constexpr const char* make_log =
    "INSERT INTO attest_logs(log, origin, verifier_key, format, size, root, map_size, map_subjects,"
    " epoch, lease_until, note, note_size)"
    " VALUES($1::BIGINT, $2::TEXT, $3::TEXT, $4::BIGINT, 0, $5::BYTEA, 0, 0, 0, now(), ''::BYTEA, "
    "0)"
    " ON CONFLICT (log) DO NOTHING";
constexpr const char* find_log =
    "SELECT log, origin, verifier_key, format FROM attest_logs WHERE origin = $1::TEXT OR"
    " $1::TEXT = ''";
constexpr const char* read_head =
    "SELECT size, root, map_size, map_subjects FROM attest_logs WHERE log = $1::BIGINT";
constexpr const char* move_head =
    "UPDATE attest_logs SET size = $2::BIGINT, root = $3::BYTEA, map_size = $4::BIGINT,"
    " map_subjects = $5::BIGINT WHERE log = $1::BIGINT AND size = $6::BIGINT AND root = $7::BYTEA"
    " AND map_size = $8::BIGINT AND (NOT $9::BOOLEAN OR epoch = $10::BIGINT)";
constexpr const char* copy_entries =
    "COPY attest_entries(log, id, bytes) FROM STDIN WITH (FORMAT binary)";
constexpr const char* drop_entries =
    "DELETE FROM attest_entries WHERE log = $1::BIGINT AND id >= $2::BIGINT AND id < $3::BIGINT";
constexpr const char* put_tiles =
    "INSERT INTO attest_tiles(log, level, number, hashes)"
    " SELECT $1::BIGINT, t.level, t.number, t.hashes FROM"
    " unnest($2::BIGINT[], $3::BIGINT[], $4::BYTEA[]) AS t(level, number, hashes)"
    " ON CONFLICT (log, level, number) DO UPDATE SET hashes = excluded.hashes";
constexpr const char* put_map_nodes =
    "INSERT INTO attest_map_nodes(log, path, content)"
    " SELECT $1::BIGINT, t.path, t.content FROM unnest($2::BYTEA[], $3::BYTEA[]) AS"
    " t(path, content) ON CONFLICT (log, path) DO UPDATE SET content = excluded.content";
constexpr const char* get_entries =
    "SELECT id, bytes FROM attest_entries WHERE log = $1::BIGINT AND id >= $2::BIGINT"
    " AND id < $3::BIGINT ORDER BY id";
constexpr const char* get_tile =
    "SELECT hashes FROM attest_tiles WHERE log = $1::BIGINT AND level = $2::BIGINT"
    " AND number = $3::BIGINT";
constexpr const char* get_map_node =
    "SELECT content FROM attest_map_nodes WHERE log = $1::BIGINT AND path = $2::BYTEA";
constexpr const char* keep_lease =
    "UPDATE attest_logs SET lease_until = now() + $3::BIGINT * INTERVAL '1 second'"
    " WHERE log = $1::BIGINT AND epoch = $2::BIGINT";
constexpr const char* take_lease =
    "UPDATE attest_logs SET epoch = epoch + 1,"
    " lease_until = now() + $3::BIGINT * INTERVAL '1 second'"
    " WHERE log = $1::BIGINT AND ($2::BOOLEAN OR lease_until < now()) RETURNING epoch";
constexpr const char* put_note =
    "UPDATE attest_logs SET note = $2::BYTEA, note_size = $3::BIGINT"
    " WHERE log = $1::BIGINT AND note_size <= $3::BIGINT";
constexpr const char* get_note =
    "SELECT note FROM attest_logs WHERE log = $1::BIGINT AND note_size > 0";

// A log is named by a number, as its advisory lock is: the first bits of its origin's digest.
std::uint64_t number_of(std::string_view origin) {
  const Sha256 digest = sha256(as_bytes(origin));
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof number; ++i)
    number = number << 8 | static_cast<std::uint64_t>(digest[i]);
  return number >> 1;
}

void append_field(Bytes& row, ByteView value) {
  append_u32_be(row, static_cast<std::uint32_t>(value.size()));
  append(row, value);
}

Bytes entry_rows(std::uint64_t log, std::uint64_t first, const std::vector<NewEntry>& entries) {
  constexpr std::size_t around = 2 + 3 * 4 + 2 * 8;
  std::size_t size = 0;
  for (const NewEntry& entry : entries) size += around + entry.bytes.size();
  Bytes rows;
  rows.reserve(size);
  for (const NewEntry& entry : entries) {
    append_u16_be(rows, 3);
    append_u32_be(rows, 8);
    append_u64_be(rows, log);
    append_u32_be(rows, 8);
    append_u64_be(rows, first++);
    append_field(rows, entry.bytes);
  }
  return rows;
}

Error head_moved(std::uint64_t expected) {
  return incomplete(rules::store_head_moved, "another writer has moved the log on")
      .expected("size " + std::to_string(expected))
      .next("read the head again and retry");
}

Result<Head> head_of(const Rows& rows) {
  if (rows.count() != 1 || rows.bytes(0, 1).size() != sizeof(Sha256))
    return fail(fault(rules::store_damaged, "the head in the database is damaged"));
  Head head{rows.integer(0, 0), {}, rows.integer(0, 2), rows.integer(0, 3)};
  std::ranges::copy(rows.bytes(0, 1), head.root.begin());
  return head;
}

}  // namespace

struct PostgresStore::Implementation {
  Implementation(PostgresConnection session, PostgresOptions how)
      : database(std::move(session)), options(std::move(how)) {}

  PostgresConnection database;
  PostgresOptions options;
  LogIdentity identity;
  std::uint64_t log = 0;
  std::optional<StoreIndex> found_by;
  Head last_head;           // as read or committed last
  Head acknowledged;        // the longest that this process was told is kept
  bool locks = true;        // whether the server's advisory locks mean anything
  bool held = false;        // a transaction is open that has the log's row
  bool locked = false;      // the log, by this connection
  std::uint64_t epoch = 0;  // that this process leads; 0: it does not
  std::uint64_t conflicts = 0;

  Parameter of_log() const { return Parameter::integer(log); }
  Status identify(const std::string& origin);
  Status write(const Commit& commit);
  Status try_commit(const Commit& commit);
  Status write_tiles(const std::vector<StoredTile>& tiles);
  Status write_map(const std::vector<MapNode>& nodes);
  Result<std::optional<Bytes>> one_blob(const char* sql, std::span<const Parameter> parameters);
  Result<bool> take_lock();
  Status mend(const Mending& mending);
};

PostgresStore::PostgresStore(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
PostgresStore::~PostgresStore() = default;

Status PostgresStore::Implementation::identify(const std::string& origin) {
  const std::array parameters = {Parameter::text(origin)};
  TRY(const Rows rows, database.run(find_log, parameters));
  if (rows.count() != 1)
    return fail(incomplete(rules::store_missing, rows.count() == 0
                                                     ? "the database holds no such log"
                                                     : "the database holds several logs")
                    .expected(origin)
                    .next("make a log with: attestctl ledger init"));
  if (rows.integer(0, 3) != schema_version)
    return fail(refused(rules::store_schema, "is not a ledger this program can read")
                    .expected("schema version " + std::to_string(schema_version))
                    .found(std::to_string(rows.integer(0, 3))));
  log = rows.integer(0, 0);
  identity = {rows.text(0, 1), rows.text(0, 2)};
  TRY(const Rows version, database.run("SELECT version()"));
  locks = !version.text(0, 0).starts_with("CockroachDB");
  return {};
}

Result<std::unique_ptr<PostgresStore>> PostgresStore::create(const std::string& url,
                                                             const LogIdentity& identity,
                                                             const PostgresOptions& options) {
  TRY(PostgresConnection database, PostgresConnection::connect(url));
  for (const char* table : schema) TRY_VOID(database.run(table));
  const Sha256 empty = transparency::empty_root();
  const std::array parameters = {Parameter::integer(number_of(identity.origin)),
                                 Parameter::text(identity.origin),
                                 Parameter::text(identity.verifier_key),
                                 Parameter::integer(schema_version), Parameter::bytes(empty)};
  TRY(const Rows made, database.run(make_log, parameters));
  if (made.changed() != 1)
    return fail(refused(rules::store_exists, "the database holds this log already")
                    .found(identity.origin)
                    .next("open the log that is there, or choose another origin"));
  return open(url, identity.origin, options);
}

Result<std::unique_ptr<PostgresStore>> PostgresStore::open(const std::string& url,
                                                           const std::string& origin,
                                                           const PostgresOptions& options) {
  TRY(PostgresConnection database, PostgresConnection::connect(url));
  auto made = std::make_unique<Implementation>(std::move(database), options);
  TRY_VOID(made->identify(origin));
  std::unique_ptr<PostgresStore> store(new PostgresStore(std::move(made)));
  TRY_VOID(store->head());
  TRY(auto index,
      StoreIndex::open(*store, *options.files, options.index, options.writer, options.limits));
  store->implementation_->found_by = std::move(index);
  return store;
}

// ready begins a new session where the last one was lost. The database must then still have all
// that this process was told is kept; what others added since is read again.
Status PostgresStore::ready() {
  Implementation& store = *implementation_;
  if (store.database.alive()) return {};
  store.epoch = 0;
  store.locked = store.held = false;
  TRY_VOID(store.database.reopen());
  TRY_VOID(store.identify(store.identity.origin));
  const std::array of_log = {store.of_log()};
  TRY(const Rows rows, store.database.run(read_head, of_log));
  TRY(const Head head, head_of(rows));
  store.last_head = head;
  const Head& kept = store.acknowledged;
  Sha256 root = head.root;
  if (kept.size < head.size) {
    TRY(root, transparency::root_from_nodes(kept.size, stored_nodes(*this, kept.size)));
  }
  if (head.size < kept.size || root != kept.root) {
    store.database.close();
    return fail(refused(rules::store_behind, "the database lost commits that it had confirmed")
                    .expected("at least " + std::to_string(kept.size) + " entries, root " +
                              to_hex(kept.root))
                    .found(std::to_string(head.size) + ", root " + to_hex(root))
                    .next("a failover to a standby that was behind: do not sign with it; bring "
                          "back the old primary, or recover entries from the published tiles"));
  }
  if (!store.found_by) return {};
  TRY(auto index, StoreIndex::open(*this, *store.options.files, store.options.index,
                                   store.options.writer, store.options.limits));
  store.found_by = std::move(index);
  return {};
}

const LogIdentity& PostgresStore::identity() const {
  return implementation_->identity;
}

Result<Head> PostgresStore::head() {
  TRY_VOID(ready());
  Implementation& store = *implementation_;
  const std::array of_log = {store.of_log()};
  TRY(const Rows rows, store.database.run(read_head, of_log));
  TRY(const Head head, head_of(rows));
  store.last_head = head;
  if (head.size > store.acknowledged.size) store.acknowledged = head;
  return head;
}

Status PostgresStore::Implementation::write_tiles(const std::vector<StoredTile>& tiles) {
  if (tiles.empty()) return {};
  std::vector<std::uint64_t> levels;
  std::vector<std::uint64_t> numbers;
  std::vector<ByteView> hashes;
  for (const StoredTile& tile : tiles) {
    levels.push_back(tile.level);
    numbers.push_back(tile.number);
    hashes.emplace_back(tile.hashes);
  }
  const std::array parameters = {of_log(), Parameter::integers(levels),
                                 Parameter::integers(numbers), Parameter::runs(hashes)};
  TRY_VOID(database.run(put_tiles, parameters));
  return {};
}

Status PostgresStore::Implementation::write_map(const std::vector<MapNode>& nodes) {
  constexpr std::size_t at_once = 4096;
  for (std::size_t from = 0; from < nodes.size(); from += at_once) {
    std::vector<ByteView> paths;
    std::vector<ByteView> contents;
    for (std::size_t i = from; i < std::min(nodes.size(), from + at_once); ++i) {
      paths.emplace_back(nodes[i].path);
      contents.emplace_back(nodes[i].content);
    }
    const std::array parameters = {of_log(), Parameter::runs(paths), Parameter::runs(contents)};
    TRY_VOID(database.run(put_map_nodes, parameters));
  }
  return {};
}

// The head comes first: of two writers one waits here, and then finds it moved.
Status PostgresStore::Implementation::write(const Commit& commit) {
  const bool leaders = commit.to.map_size != commit.from.map_size;
  const std::array parameters = {
      of_log(),
      Parameter::integer(commit.to.size),
      Parameter::bytes(commit.to.root),
      Parameter::integer(commit.to.map_size),
      Parameter::integer(commit.to.map_subjects),
      Parameter::integer(commit.from.size),
      Parameter::bytes(commit.from.root),
      Parameter::integer(commit.from.map_size),
      Parameter::boolean(leaders),
      Parameter::integer(epoch),
  };
  TRY(const Rows moved, database.run(move_head, parameters));
  if (moved.changed() != 1) return fail(head_moved(commit.from.size));
  if (!commit.entries.empty())
    TRY_VOID(database.copy(copy_entries, entry_rows(log, commit.from.size, commit.entries)));
  TRY_VOID(write_tiles(commit.tiles));
  return write_map(commit.map_nodes);
}

Status PostgresStore::Implementation::try_commit(const Commit& commit) {
  if (!std::exchange(held, false)) TRY_VOID(database.run("BEGIN ISOLATION LEVEL SERIALIZABLE"));
  Status done = write(commit);
  if (done) done = database.commit();
  if (!done) database.roll_back();
  return done;
}

Status PostgresStore::commit(const Commit& commit) {
  TRY_VOID(ready());
  Implementation& store = *implementation_;
  if (commit.to.map_size != commit.from.map_size && store.epoch == 0)
    return fail(incomplete(rules::store_not_leader, "another process leads this log"));
  const bool held = store.held;
  Status done = store.try_commit(commit);
  for (int tries = 1; tries < most_tries && !done && !held; ++tries) {
    if (done.error().rule != rules::store_conflict) break;
    ++store.conflicts;
    done = store.try_commit(commit);
  }
  if (!done) return done;
  store.last_head = store.acknowledged = commit.to;
  (void)store.found_by->took(commit);
  return {};
}

Result<std::vector<Bytes>> PostgresStore::entries(std::uint64_t first, std::uint64_t count) {
  TRY_VOID(ready());
  Implementation& store = *implementation_;
  const std::array parameters = {store.of_log(), Parameter::integer(first),
                                 Parameter::integer(first + count)};
  TRY(const Rows rows, store.database.run(get_entries, parameters));
  std::vector<Bytes> found;
  for (int row = 0; row < rows.count(); ++row) {
    if (rows.integer(row, 0) != first + found.size()) break;
    found.push_back(to_bytes(rows.bytes(row, 1)));
  }
  if (found.size() != count)
    return fail(fault(rules::store_damaged, "an entry is gone from the database")
                    .within("entry " + std::to_string(first + found.size())));
  return found;
}

Result<std::optional<std::uint64_t>> PostgresStore::index_of(const Sha256& entry_digest) {
  TRY_VOID(ready());
  return implementation_->found_by->index_of(entry_digest, implementation_->last_head);
}

Result<std::vector<std::uint64_t>> PostgresStore::find(const Lookup& lookup, std::uint64_t below) {
  TRY_VOID(ready());
  return implementation_->found_by->find(lookup, below, implementation_->last_head);
}

Result<std::uint64_t> PostgresStore::lookups() {
  TRY_VOID(ready());
  return implementation_->found_by->lookups(implementation_->last_head);
}

Result<std::optional<Bytes>> PostgresStore::Implementation::one_blob(
    const char* sql, std::span<const Parameter> parameters) {
  TRY(const Rows rows, database.run(sql, parameters));
  if (rows.count() == 0) return std::optional<Bytes>{};
  return std::optional<Bytes>(to_bytes(rows.bytes(0, 0)));
}

Result<std::optional<Bytes>> PostgresStore::tile(unsigned level, std::uint64_t number) {
  TRY_VOID(ready());
  const std::array parameters = {implementation_->of_log(), Parameter::integer(level),
                                 Parameter::integer(number)};
  return implementation_->one_blob(get_tile, parameters);
}

Result<std::optional<Bytes>> PostgresStore::map_node(ByteView path) {
  TRY_VOID(ready());
  const std::array parameters = {implementation_->of_log(), Parameter::bytes(path)};
  return implementation_->one_blob(get_map_node, parameters);
}

Status PostgresStore::Implementation::mend(const Mending& mending) {
  TRY_VOID(database.run("BEGIN ISOLATION LEVEL SERIALIZABLE"));
  std::vector<NewEntry> entries;
  for (const Bytes& entry : mending.entries) entries.push_back({entry, {}, {}});
  const std::array range = {of_log(), Parameter::integer(mending.first),
                            Parameter::integer(mending.first + entries.size())};
  TRY_VOID(database.run(drop_entries, range));
  TRY_VOID(database.copy(copy_entries, entry_rows(log, mending.first, entries)));
  TRY_VOID(write_tiles(mending.tiles));
  return database.commit();
}

Status PostgresStore::mend(const Mending& mending) {
  TRY_VOID(ready());
  Status done = implementation_->mend(mending);
  if (!done) implementation_->database.roll_back();
  return done;
}

Result<bool> PostgresStore::heal_index() {
  TRY_VOID(ready());
  return implementation_->found_by->heal(implementation_->last_head);
}

Result<bool> PostgresStore::Implementation::take_lock() {
  if (!locks || locked) return locked;
  const std::array of_log_only = {of_log()};
  TRY(const Rows rows, database.run("SELECT pg_try_advisory_lock($1::BIGINT)", of_log_only));
  locked = rows.boolean(0, 0);
  return locked;
}

// A leader that is gone has lost its lock with its session: the next one need not wait for the
// lease. A leader that sleeps keeps its lock, and loses the lease.
Result<bool> PostgresStore::lead() {
  TRY_VOID(ready());
  Implementation& store = *implementation_;
  const Parameter lease = Parameter::integer(store.options.lease_seconds);
  if (store.epoch != 0) {
    const std::array mine = {store.of_log(), Parameter::integer(store.epoch), lease};
    TRY(const Rows kept, store.database.run(keep_lease, mine));
    if (kept.changed() == 1) {
      TRY_VOID(store.take_lock());
      return true;
    }
    // Another process leads since; it shall have the lock.
    store.epoch = 0;
    if (store.locked) TRY_VOID(store.database.run("SELECT pg_advisory_unlock_all()"));
    store.locked = false;
    return false;
  }
  TRY(const bool locked, store.take_lock());
  const std::array asked = {store.of_log(), Parameter::boolean(locked), lease};
  TRY(const Rows taken, store.database.run(take_lease, asked));
  if (taken.count() != 1) return false;
  store.epoch = taken.integer(0, 0);
  return true;
}

// Renewing the lease takes the row: other writers' commits wait for it. Nothing else is changed
// before commit(), so that reading what is there now is enough.
Status PostgresStore::hold() {
  TRY_VOID(ready());
  Implementation& store = *implementation_;
  TRY_VOID(store.database.run("BEGIN ISOLATION LEVEL READ COMMITTED"));
  const std::array mine = {store.of_log(), Parameter::integer(store.epoch),
                           Parameter::integer(store.options.lease_seconds)};
  const auto kept = store.database.run(keep_lease, mine);
  if (kept && kept->changed() == 1 && store.epoch != 0) {
    store.held = true;
    return {};
  }
  store.database.roll_back();
  if (!kept) return std::unexpected(kept.error());
  store.epoch = 0;
  return fail(incomplete(rules::store_not_leader, "another process leads this log"));
}

void PostgresStore::release() {
  if (std::exchange(implementation_->held, false)) implementation_->database.roll_back();
}

Status PostgresStore::announce(const std::string& note, std::uint64_t size) {
  TRY_VOID(ready());
  const std::array parameters = {implementation_->of_log(), Parameter::text(note),
                                 Parameter::integer(size)};
  TRY_VOID(implementation_->database.run(put_note, parameters));
  return {};
}

Result<std::optional<std::string>> PostgresStore::announced() {
  TRY_VOID(ready());
  const std::array of_log = {implementation_->of_log()};
  TRY(const auto note, implementation_->one_blob(get_note, of_log));
  if (!note) return std::optional<std::string>{};
  return std::optional<std::string>(attest::to_string(ByteView(*note)));
}

Status PostgresStore::copy_to(const Path& file) {
  TRY(const Head head, this->head());
  const Path part = file.string() + ".part";
  SqliteOptions options;
  options.writer = false;
  TRY(const auto copy, SqliteStore::create(part, identity(), options));
  StoreSource source(*this);
  TRY_VOID(recover_entries(*copy, source, head.size));
  TRY_VOID(copy->copy_to(file));
  for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(part.string() + end);
  return {};
}

std::uint64_t PostgresStore::serialization_failures() const {
  return implementation_->conflicts;
}

}  // namespace attest::ledger
