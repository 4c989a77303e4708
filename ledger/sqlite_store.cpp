#include "ledger/sqlite_store.h"

#include <algorithm>

#include <sqlite3.h>

#include "ledger/store_index.h"

namespace attest::ledger {

namespace {

constexpr int application_id = 0x61747374;  // "atst"
constexpr int schema_version = 2;

constexpr const char* schema = R"(
CREATE TABLE log(
  id INTEGER PRIMARY KEY CHECK(id = 1), origin TEXT NOT NULL, verifier_key TEXT NOT NULL,
  size INTEGER NOT NULL, root BLOB NOT NULL,
  map_size INTEGER NOT NULL, map_subjects INTEGER NOT NULL) STRICT;
CREATE TABLE entries(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
CREATE TABLE open_leaves(id INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;
CREATE TABLE tiles(id INTEGER PRIMARY KEY, hashes BLOB NOT NULL) STRICT;
CREATE TABLE map_nodes(path BLOB PRIMARY KEY, content BLOB NOT NULL) STRICT, WITHOUT ROWID;
)";

// Version 1 kept the index in tables, and the last leaf tile in a row that was written whole for
// each entry.
constexpr const char* from_version_1 = R"(
CREATE TABLE open_leaves(id INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;
WITH RECURSIVE leaf(id, hashes, at) AS (
  SELECT id * 256, hashes, 0 FROM tiles WHERE id < 1 << 56 AND length(hashes) < 8192
  UNION ALL SELECT id, hashes, at + 1 FROM leaf WHERE (at + 2) * 32 <= length(hashes))
INSERT INTO open_leaves SELECT id + at, substr(hashes, at * 32 + 1, 32) FROM leaf;
DELETE FROM tiles WHERE id < 1 << 56 AND length(hashes) < 8192;
DROP TABLE digests;
DROP TABLE lookups;
PRAGMA user_version = 2;
COMMIT)";

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct FinishStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

Error database_error(sqlite3* database, std::string what) {
  const int code = sqlite3_errcode(database) & 0xff;
  const std::string said = sqlite3_errmsg(database);
  if (code == SQLITE_FULL)
    return fault(rules::store_full, std::move(what))
        .found(said)
        .next("free some disk space; what was acknowledged is safe");
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
    return fault(rules::store_damaged, std::move(what)).found(said);
  return fault(rules::store_io, std::move(what)).found(said);
}

// A tile's row is named by one integer, so that tiles of a level lie in order.
std::int64_t tile_row(unsigned level, std::uint64_t number) {
  return (static_cast<std::int64_t>(level) << 56) | static_cast<std::int64_t>(number);
}

// Statement is a prepared statement that is reset whenever it is begun again.
class Statement {
 public:
  Status prepare(sqlite3* database, const char* sql) {
    sqlite3_stmt* made = nullptr;
    if (sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr) !=
        SQLITE_OK)
      return fail(database_error(database, "a statement cannot be prepared"));
    statement_.reset(made);
    return {};
  }

  Statement& begin() {
    sqlite3_reset(statement_.get());
    next_ = 1;
    return *this;
  }
  Statement& bind(std::uint64_t value) {
    sqlite3_bind_int64(statement_.get(), next_++, static_cast<sqlite3_int64>(value));
    return *this;
  }
  // What is bound must outlive the step: nothing is copied. An empty run is a blob, not NULL.
  Statement& bind(ByteView value) {
    if (value.empty())
      sqlite3_bind_zeroblob(statement_.get(), next_++, 0);
    else
      sqlite3_bind_blob64(statement_.get(), next_++, value.data(), value.size(), SQLITE_STATIC);
    return *this;
  }
  Statement& bind_text(const std::string& value) {
    sqlite3_bind_text64(statement_.get(), next_++, value.data(), value.size(), SQLITE_STATIC,
                        SQLITE_UTF8);
    return *this;
  }

  // row steps to the next row; false when there is none.
  Result<bool> row() {
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) {
      sqlite3_reset(statement_.get());
      return false;
    }
    const Error error = database_error(sqlite3_db_handle(statement_.get()), "the database failed");
    sqlite3_reset(statement_.get());
    return fail(error);
  }
  Status run() {
    TRY_VOID(row());
    return {};
  }

  std::uint64_t integer(int column) const {
    return static_cast<std::uint64_t>(sqlite3_column_int64(statement_.get(), column));
  }
  Bytes blob(int column) const {
    const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(statement_.get(), column));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
    return data == nullptr ? Bytes{} : Bytes(data, data + size);
  }

 private:
  std::unique_ptr<sqlite3_stmt, FinishStatement> statement_;
  int next_ = 1;
};

Status execute(sqlite3* database, const char* sql, const char* what) {
  if (sqlite3_exec(database, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
    return fail(database_error(database, what));
  return {};
}

Result<std::uint64_t> one_integer(sqlite3* database, const char* sql) {
  Statement statement;
  TRY_VOID(statement.prepare(database, sql));
  TRY(const bool there, statement.begin().row());
  return there ? statement.integer(0) : 0;
}

Result<Database> connect(const Path& file, bool make, const std::string& vfs) {
  sqlite3* opened = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (make ? SQLITE_OPEN_CREATE : 0);
  const int code =
      sqlite3_open_v2(file.c_str(), &opened, flags, vfs.empty() ? nullptr : vfs.c_str());
  Database database(opened);
  if (code != SQLITE_OK || database == nullptr)
    return fail(database_error(opened, "the database cannot be opened").within(file.string()));
  sqlite3_busy_timeout(database.get(), 10'000);
  return database;
}

// Another process may have brought it up meanwhile: the version is read again under the lock.
Status bring_up(sqlite3* database) {
  TRY_VOID(execute(database, "BEGIN IMMEDIATE", "the database is busy"));
  TRY(const std::uint64_t version, one_integer(database, "PRAGMA user_version"));
  if (version != 1) return execute(database, "ROLLBACK", "the database is busy");
  return execute(database, from_version_1, "the database cannot be brought to this version");
}

// With synchronous=FULL in WAL mode each commit is synced before it is acknowledged.
Status set_durability(sqlite3* database) {
  return execute(database,
                 "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=OFF;"
                 "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"
                 "PRAGMA wal_autocheckpoint=4000;",
                 "the database cannot be made durable");
}

}  // namespace

struct SqliteStore::Implementation {
  Database database;
  LogIdentity identity;
  std::optional<StoreIndex> found_by;
  Head last_head;  // as read or committed last
  Statement begin_write, end_write, abandon;
  Statement read_head, move_head;
  Statement replace_entry, drop_leaves;
  Statement add_entry, add_open_leaf, close_leaves, put_tile, put_map_node;
  Statement get_entries, get_open_leaves, get_tile, get_map_node;

  Status prepare();
  Status write(const Commit& commit);
  Status write_tile(const StoredTile& tile, std::uint64_t from_size);
  Status mend(const Mending& mending);
  Status compare_and_move(const Head& from, const Head& to);
  Result<std::optional<Bytes>> one_blob(Statement& statement);
};

Status SqliteStore::Implementation::prepare() {
  sqlite3* db = database.get();
  TRY_VOID(begin_write.prepare(db, "BEGIN IMMEDIATE"));
  TRY_VOID(end_write.prepare(db, "COMMIT"));
  TRY_VOID(abandon.prepare(db, "ROLLBACK"));
  TRY_VOID(
      read_head.prepare(db, "SELECT size, root, map_size, map_subjects FROM log WHERE id = 1"));
  TRY_VOID(move_head.prepare(db,
                             "UPDATE log SET size = ?1, root = ?2, map_size = ?3, map_subjects = ?4"
                             " WHERE id = 1 AND size = ?5 AND root = ?6 AND map_size = ?7"));
  TRY_VOID(add_entry.prepare(db, "INSERT INTO entries(id, bytes) VALUES(?1, ?2)"));
  TRY_VOID(replace_entry.prepare(db, "INSERT OR REPLACE INTO entries(id, bytes) VALUES(?1, ?2)"));
  TRY_VOID(drop_leaves.prepare(db, "DELETE FROM open_leaves WHERE id >= ?1 AND id < ?1 + 256"));
  TRY_VOID(add_open_leaf.prepare(db, "INSERT INTO open_leaves(id, hash) VALUES(?1, ?2)"));
  TRY_VOID(close_leaves.prepare(db, "DELETE FROM open_leaves WHERE id < ?1"));
  TRY_VOID(put_tile.prepare(db, "INSERT OR REPLACE INTO tiles(id, hashes) VALUES(?1, ?2)"));
  TRY_VOID(
      put_map_node.prepare(db, "INSERT OR REPLACE INTO map_nodes(path, content) VALUES(?1, ?2)"));
  TRY_VOID(
      get_entries.prepare(db, "SELECT id, bytes FROM entries WHERE id >= ?1 ORDER BY id LIMIT ?2"));
  TRY_VOID(get_open_leaves.prepare(
      db, "SELECT id, hash FROM open_leaves WHERE id >= ?1 AND id < ?1 + 256 ORDER BY id"));
  TRY_VOID(get_tile.prepare(db, "SELECT hashes FROM tiles WHERE id = ?1"));
  TRY_VOID(get_map_node.prepare(db, "SELECT content FROM map_nodes WHERE path = ?1"));
  return {};
}

// The head moves only from where the writer saw it: a second writer's row does not match.
Status SqliteStore::Implementation::compare_and_move(const Head& from, const Head& to) {
  TRY_VOID(move_head.begin()
               .bind(to.size)
               .bind(ByteView(to.root))
               .bind(to.map_size)
               .bind(to.map_subjects)
               .bind(from.size)
               .bind(ByteView(from.root))
               .bind(from.map_size)
               .run());
  if (sqlite3_changes(database.get()) == 1) return {};
  return fail(incomplete(rules::store_head_moved, "another writer has moved the log on")
                  .expected("size " + std::to_string(from.size))
                  .next("read the head again and retry"));
}

Status SqliteStore::Implementation::write(const Commit& commit) {
  TRY_VOID(compare_and_move(commit.from, commit.to));
  std::uint64_t index = commit.from.size;
  for (const NewEntry& entry : commit.entries) {
    TRY_VOID(add_entry.begin().bind(index).bind(ByteView(entry.bytes)).run());
    ++index;
  }
  for (const StoredTile& tile : commit.tiles) TRY_VOID(write_tile(tile, commit.from.size));
  for (const MapNode& node : commit.map_nodes)
    TRY_VOID(put_map_node.begin().bind(ByteView(node.path)).bind(ByteView(node.content)).run());
  return {};
}

// Leaves of the last, open tile are rows of their own: an entry adds one, where the tile's row
// would be written whole, three pages of it, each time.
Status SqliteStore::Implementation::write_tile(const StoredTile& tile, std::uint64_t from_size) {
  const std::uint64_t first = tile.number * tile_width;
  const std::uint64_t count = tile.hashes.size() / sizeof(Sha256);
  if (tile.level == 0 && count < tile_width) {
    for (std::uint64_t leaf = std::max(first, from_size); leaf < first + count; ++leaf)
      TRY_VOID(
          add_open_leaf.begin()
              .bind(leaf)
              .bind(ByteView(tile.hashes).subspan((leaf - first) * sizeof(Sha256), sizeof(Sha256)))
              .run());
    return {};
  }
  if (tile.level == 0 && first < from_size)
    TRY_VOID(close_leaves.begin().bind(first + tile_width).run());
  return put_tile.begin()
      .bind(static_cast<std::uint64_t>(tile_row(tile.level, tile.number)))
      .bind(ByteView(tile.hashes))
      .run();
}

Result<std::optional<Bytes>> SqliteStore::Implementation::one_blob(Statement& statement) {
  TRY(const bool there, statement.row());
  if (!there) return std::optional<Bytes>{};
  std::optional<Bytes> content = statement.blob(0);
  statement.begin();
  return content;
}

SqliteStore::SqliteStore(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
SqliteStore::~SqliteStore() = default;

Result<std::unique_ptr<SqliteStore>> SqliteStore::create(const Path& file,
                                                         const LogIdentity& identity,
                                                         const SqliteOptions& options) {
  TRY(const Database database, connect(file, true, options.vfs));
  TRY_VOID(set_durability(database.get()));
  TRY_VOID(execute(database.get(), "BEGIN IMMEDIATE", "the database is busy"));
  // An interrupted creation left nothing: the schema, its version and the head are one transaction.
  TRY(const std::uint64_t version, one_integer(database.get(), "PRAGMA user_version"));
  TRY(const std::uint64_t tables,
      one_integer(database.get(), "SELECT count(*) FROM sqlite_schema"));
  if (version != 0 || tables != 0)
    return fail(refused(rules::store_exists, "a database is there already")
                    .within(file.string())
                    .next("open the log that is there, or choose another directory"));
  TRY_VOID(execute(database.get(), schema, "the schema cannot be made"));
  const std::string stamp = "PRAGMA application_id=" + std::to_string(application_id) +
                            "; PRAGMA user_version=" + std::to_string(schema_version);
  TRY_VOID(execute(database.get(), stamp.c_str(), "the schema cannot be stamped"));
  Statement first;
  TRY_VOID(first.prepare(database.get(), "INSERT INTO log VALUES(1, ?1, ?2, 0, ?3, 0, 0)"));
  const Sha256 empty = transparency::empty_root();
  TRY_VOID(first.begin()
               .bind_text(identity.origin)
               .bind_text(identity.verifier_key)
               .bind(ByteView(empty))
               .run());
  TRY_VOID(execute(database.get(), "COMMIT", "the database cannot be made"));
  return open(file, options);
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const Path& file,
                                                       const SqliteOptions& options) {
  if (!std::filesystem::exists(file))
    return fail(incomplete(rules::store_missing, "there is no ledger database")
                    .within(file.string())
                    .next("make a log with: attestctl ledger init"));
  auto made = std::make_unique<Implementation>();
  TRY(made->database, connect(file, false, options.vfs));
  sqlite3* db = made->database.get();
  TRY_WITHIN(file.string(), const std::uint64_t application,
             one_integer(db, "PRAGMA application_id"));
  TRY_WITHIN(file.string(), const std::uint64_t version, one_integer(db, "PRAGMA user_version"));
  if (application != application_id || version < 1 || version > schema_version)
    return fail(refused(rules::store_schema, "is not a ledger database this program can read")
                    .expected("schema version " + std::to_string(schema_version))
                    .found(application == application_id ? "version " + std::to_string(version)
                                                         : "another program's file")
                    .within(file.string()));
  TRY_VOID(set_durability(db));
  if (version == 1) TRY_VOID(bring_up(db));
  TRY_VOID(made->prepare());
  Statement identity;
  TRY_VOID(identity.prepare(db, "SELECT origin, verifier_key FROM log WHERE id = 1"));
  TRY(const bool there, identity.begin().row());
  if (!there)
    return fail(fault(rules::store_damaged, "the log's row is gone").within(file.string()));
  made->identity = {to_string(identity.blob(0)), to_string(identity.blob(1))};
  std::unique_ptr<SqliteStore> store(new SqliteStore(std::move(made)));
  TRY(auto index, StoreIndex::open(*store, *options.files, file.parent_path() / "index",
                                   options.writer, options.index));
  store->implementation_->found_by = std::move(index);
  return store;
}

const LogIdentity& SqliteStore::identity() const {
  return implementation_->identity;
}

Result<Head> SqliteStore::head() {
  Statement& read = implementation_->read_head;
  TRY(const bool there, read.begin().row());
  const Bytes root = there ? read.blob(1) : Bytes{};
  if (root.size() != sizeof(Sha256))
    return fail(fault(rules::store_damaged, "the head in the database is damaged"));
  Head head{read.integer(0), {}, read.integer(2), read.integer(3)};
  std::ranges::copy(root, head.root.begin());
  read.begin();
  implementation_->last_head = head;
  return head;
}

Status SqliteStore::commit(const Commit& commit) {
  Implementation& store = *implementation_;
  TRY_VOID(store.begin_write.begin().run());
  Status written = store.write(commit);
  if (written) written = store.end_write.begin().run();
  if (!written) {
    if (sqlite3_get_autocommit(store.database.get()) == 0) (void)store.abandon.begin().run();
    return written;
  }
  // The entries are durable whatever becomes of the index: it is made again from them.
  store.last_head = commit.to;
  (void)store.found_by->took(commit);
  return {};
}

Result<std::vector<Bytes>> SqliteStore::entries(std::uint64_t first, std::uint64_t count) {
  std::vector<Bytes> found;
  Statement& get = implementation_->get_entries;
  get.begin().bind(first).bind(count);
  while (true) {
    TRY(const bool there, get.row());
    if (!there) break;
    if (get.integer(0) != first + found.size()) break;
    found.push_back(get.blob(1));
  }
  get.begin();
  if (found.size() != count)
    return fail(fault(rules::store_damaged, "an entry is gone from the database")
                    .within("entry " + std::to_string(first + found.size())));
  return found;
}

Result<std::optional<std::uint64_t>> SqliteStore::index_of(const Sha256& entry_digest) {
  return implementation_->found_by->index_of(entry_digest, implementation_->last_head);
}

Result<std::vector<std::uint64_t>> SqliteStore::find(const Lookup& lookup, std::uint64_t below) {
  return implementation_->found_by->find(lookup, below, implementation_->last_head);
}

Result<std::uint64_t> SqliteStore::lookups() {
  return implementation_->found_by->lookups(implementation_->last_head);
}

Result<std::optional<Bytes>> SqliteStore::tile(unsigned level, std::uint64_t number) {
  Statement& get = implementation_->get_tile;
  get.begin().bind(static_cast<std::uint64_t>(tile_row(level, number)));
  TRY(auto stored, implementation_->one_blob(get));
  if (stored || level != 0) return stored;
  Statement& leaves = implementation_->get_open_leaves;
  const std::uint64_t first = number * tile_width;
  leaves.begin().bind(first);
  Bytes hashes;
  while (true) {
    TRY(const bool there, leaves.row());
    if (!there) break;
    if (leaves.integer(0) != first + hashes.size() / sizeof(Sha256)) break;
    append(hashes, leaves.blob(1));
  }
  leaves.begin();
  if (hashes.empty()) return std::optional<Bytes>{};
  return std::optional<Bytes>(std::move(hashes));
}

Result<std::optional<Bytes>> SqliteStore::map_node(ByteView path) {
  Statement& get = implementation_->get_map_node;
  get.begin().bind(path);
  return implementation_->one_blob(get);
}

Status SqliteStore::Implementation::mend(const Mending& mending) {
  std::uint64_t index = mending.first;
  for (const Bytes& entry : mending.entries)
    TRY_VOID(replace_entry.begin().bind(index++).bind(ByteView(entry)).run());
  for (const StoredTile& tile : mending.tiles) {
    const std::uint64_t first = tile.number * tile_width;
    const bool open_leaf = tile.level == 0 && tile.hashes.size() < tile_width * sizeof(Sha256);
    if (open_leaf) TRY_VOID(drop_leaves.begin().bind(first).run());
    TRY_VOID(write_tile(tile, open_leaf ? first : tile_width * (tile.number + 1)));
  }
  return {};
}

Status SqliteStore::mend(const Mending& mending) {
  Implementation& store = *implementation_;
  TRY_VOID(store.begin_write.begin().run());
  Status written = store.mend(mending);
  if (written) written = store.end_write.begin().run();
  if (!written && sqlite3_get_autocommit(store.database.get()) == 0)
    (void)store.abandon.begin().run();
  return written;
}

Result<bool> SqliteStore::heal_index() {
  return implementation_->found_by->heal(implementation_->last_head);
}

Status SqliteStore::copy_to(const Path& file) {
  TRY(const Database copy, connect(file, true, {}));
  TRY_VOID(execute(copy.get(), "PRAGMA synchronous=FULL", "the copy cannot be made durable"));
  sqlite3_backup* backup =
      sqlite3_backup_init(copy.get(), "main", implementation_->database.get(), "main");
  if (backup == nullptr) return fail(database_error(copy.get(), "the copy cannot be begun"));
  sqlite3_backup_step(backup, -1);
  if (sqlite3_backup_finish(backup) != SQLITE_OK)
    return fail(database_error(copy.get(), "the copy cannot be finished").within(file.string()));
  // A copy in one file: a write-ahead log beside it could be forgotten when it is moved.
  return execute(copy.get(), "PRAGMA journal_mode=DELETE", "the copy cannot be closed");
}

Status SqliteStore::integrity_check() {
  Statement check;
  TRY_VOID(check.prepare(implementation_->database.get(), "PRAGMA integrity_check(1)"));
  TRY(const bool there, check.begin().row());
  const std::string said = there ? to_string(check.blob(0)) : "nothing";
  if (said != "ok")
    return fail(fault(rules::store_damaged, "the database file is damaged").found(said));
  return implementation_->found_by->check();
}

}  // namespace attest::ledger
