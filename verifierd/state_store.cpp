#include "verifierd/state_store.h"

#include <mutex>

#include <fcntl.h>
#include <sys/stat.h>

#include "libattest/base/descriptor.h"
#include "verifierd/sqlite.h"

namespace attest::verifierd {

namespace {

constexpr std::int64_t schema_version = 3;
constexpr std::int64_t application = 0x61767374;  // "avst"

constexpr const char* schema = R"(
BEGIN;
CREATE TABLE nodes(
  node TEXT PRIMARY KEY, ek BLOB NOT NULL UNIQUE, ak_name BLOB NOT NULL, ak_public BLOB NOT NULL,
  software_tpm INTEGER NOT NULL, state TEXT NOT NULL, since INTEGER NOT NULL, result BLOB,
  memory_ak BLOB, clock INTEGER, resets INTEGER, restarts INTEGER, safe INTEGER, firmware BLOB
) STRICT;
CREATE TABLE events(node TEXT NOT NULL, time INTEGER NOT NULL, what TEXT NOT NULL) STRICT;
CREATE INDEX events_of_node ON events(node);
CREATE TABLE challenges(
  digest BLOB PRIMARY KEY, node TEXT NOT NULL, bytes BLOB NOT NULL, expires INTEGER NOT NULL,
  used INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX challenges_by_expiry ON challenges(expires);
CREATE TABLE results(
  digest BLOB PRIMARY KEY, evidence BLOB NOT NULL, node TEXT NOT NULL, text BLOB NOT NULL,
  jwt INTEGER NOT NULL, made INTEGER NOT NULL) STRICT;
CREATE INDEX results_of_evidence ON results(evidence);
CREATE TABLE batches(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, statement BLOB NOT NULL) STRICT;
CREATE TABLE members(
  id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, digest BLOB NOT NULL,
  batch INTEGER REFERENCES batches(id), position INTEGER, UNIQUE(kind, digest)) STRICT;
CREATE INDEX members_of_batch ON members(batch, position);
CREATE TABLE outbox(id INTEGER PRIMARY KEY, statement BLOB NOT NULL) STRICT;
PRAGMA application_id = 1635152756;
PRAGMA user_version = 1;
COMMIT)";

// What version 2 keeps more: the PCRs of a node's boot, how far its IMA list was judged, and the
// newest revision of each policy that nodes were judged by.
constexpr const char* second_version = R"(
BEGIN;
ALTER TABLE nodes ADD COLUMN pcrs BLOB;
ALTER TABLE nodes ADD COLUMN ima BLOB;
CREATE TABLE policies(name TEXT PRIMARY KEY, revision INTEGER NOT NULL, digest BLOB NOT NULL) STRICT;
PRAGMA user_version = 2;
COMMIT)";

// What version 3 keeps more: EK certificates, and when the ledger first had an entry whose time
// matters.
constexpr const char* third_version = R"(
BEGIN;
ALTER TABLE nodes ADD COLUMN ek_certificate BLOB;
CREATE TABLE entry_times(entry BLOB PRIMARY KEY, time INTEGER NOT NULL) STRICT;
PRAGMA user_version = 3;
COMMIT)";

constexpr const char* node_columns =
    "node, ek, ak_name, ak_public, software_tpm, state, since, result, memory_ak, clock, resets, "
    "restarts, safe, firmware, pcrs, ima, ek_certificate";

std::int64_t number_of(StateStore::BatchOf of) {
  return of == StateStore::BatchOf::results ? 0 : 1;
}

// Whole 64-bit counters of a TPM do not fit SQLite's signed integers by value, but they do by bits.
std::int64_t as_bits(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

Result<NodeRecord> read_node(const Query& row) {
  NodeRecord record;
  record.node = row.text(0);
  record.ek = row.digest(1);
  record.ak_name = row.bytes(2);
  record.ak_public = row.bytes(3);
  record.software_tpm = row.integer(4) != 0;
  TRY(record.state, statement::parse_node_state(row.text(5)));
  record.since = from_unix(row.integer(6));
  if (!row.null(7)) record.result = row.digest(7);
  if (!row.null(8)) {
    appraisal::NodeMemory memory;
    memory.ak_name = row.bytes(8);
    memory.clock.clock = static_cast<std::uint64_t>(row.integer(9));
    memory.clock.reset_count = static_cast<std::uint32_t>(row.integer(10));
    memory.clock.restart_count = static_cast<std::uint32_t>(row.integer(11));
    memory.clock.safe = row.integer(12) != 0;
    const Bytes firmware = row.bytes(13);
    ByteReader reader(firmware);
    TRY(memory.firmware_version, reader.u64_be("firmware version"));
    if (!row.null(14)) {
      TRY(memory.pcrs, tpm::parse_pcrs(row.bytes(14)));
    }
    if (!row.null(15)) {
      TRY(const cbor::Value ima, cbor::decode(row.bytes(15), cbor::Form::deterministic));
      TRY(memory.ima, evidence::parse_ima_state(ima));
    }
    record.memory = std::move(memory);
  }
  if (!row.null(16)) record.ek_certificate = row.bytes(16);
  return record;
}

Status write_node(Database& database, const NodeRecord& record) {
  TRY(Query query,
      Query::make(database,
                  "INSERT INTO nodes(node, ek, ak_name, ak_public, software_tpm, state, since, "
                  "result, ek_certificate, memory_ak, clock, resets, restarts, safe, firmware, "
                  "pcrs, ima) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) "
                  "ON CONFLICT(node) DO UPDATE SET "
                  "ek = excluded.ek, ak_name = excluded.ak_name, ak_public = excluded.ak_public, "
                  "software_tpm = excluded.software_tpm, state = excluded.state, "
                  "since = excluded.since, result = excluded.result, "
                  "ek_certificate = excluded.ek_certificate, "
                  "memory_ak = excluded.memory_ak, clock = excluded.clock, "
                  "resets = excluded.resets, restarts = excluded.restarts, safe = excluded.safe, "
                  "firmware = excluded.firmware, pcrs = excluded.pcrs, ima = excluded.ima"));
  query.bind(record.node).bind(ByteView(record.ek)).bind(record.ak_name).bind(record.ak_public);
  query.bind(record.software_tpm ? 1 : 0).bind(to_string(record.state));
  query.bind(unix_seconds(record.since));
  if (record.result) {
    query.bind(ByteView(*record.result));
  } else {
    query.bind_null();
  }
  if (record.ek_certificate) {
    query.bind(*record.ek_certificate);
  } else {
    query.bind_null();
  }
  if (!record.memory) {
    for (int i = 0; i < 8; ++i) query.bind_null();
    return query.finish();
  }
  const auto& memory = *record.memory;
  Bytes firmware;
  append_u64_be(firmware, memory.firmware_version);
  query.bind(memory.ak_name).bind(as_bits(memory.clock.clock));
  query.bind(static_cast<std::int64_t>(memory.clock.reset_count));
  query.bind(static_cast<std::int64_t>(memory.clock.restart_count));
  query.bind(memory.clock.safe ? 1 : 0).bind(firmware).bind(tpm::encode_pcrs(memory.pcrs));
  if (memory.ima) {
    query.bind(cbor::encode(evidence::to_cbor(*memory.ima)));
  } else {
    query.bind_null();
  }
  return query.finish();
}

Status write_event(Database& database, std::string_view node, Time now, std::string_view what) {
  if (what.empty()) return {};
  TRY(Query query, Query::make(database, "INSERT INTO events(node, time, what) VALUES(?,?,?)"));
  query.bind(node).bind(unix_seconds(now)).bind(what);
  return query.finish();
}

Status write_outbox(Database& database, const std::optional<Bytes>& statement) {
  if (!statement) return {};
  TRY(Query query, Query::make(database, "INSERT INTO outbox(statement) VALUES(?)"));
  query.bind(*statement);
  return query.finish();
}

Result<bool> add_member(Database& database, StateStore::BatchOf of, const Sha256& digest) {
  TRY(Query query,
      Query::make(database, "INSERT OR IGNORE INTO members(kind, digest) VALUES(?,?)"));
  query.bind(number_of(of)).bind(ByteView(digest));
  TRY_VOID(query.finish());
  return database.changes() == 1;
}

// SQLite gives the file and its journals the mode of the database, so it is made private first.
Status make_private(const Path& file) {
  const Descriptor made(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  struct stat about{};
  if (!made.valid() || ::fstat(made.get(), &about) != 0)
    return fail(
        system_fault(rules::state_io, "cannot open the state", errno).within(file.string()));
  if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return fail(refused(rules::state_file, "others than its owner may use this file")
                    .expected("mode 0600")
                    .next("chmod 600 " + file.string())
                    .within(file.string()));
  return {};
}

Result<std::int64_t> pragma(Database& database, const char* sql) {
  TRY(Query query, Query::make(database, sql));
  TRY_VOID(query.step());
  return query.integer(0);
}

}  // namespace

struct StateStore::Implementation {
  explicit Implementation(Database opened) : database(std::move(opened)) {}
  Database database;
  std::mutex mutex;
};

StateStore::StateStore(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}
StateStore::~StateStore() = default;

Result<std::unique_ptr<StateStore>> StateStore::open(const Path& file) {
  TRY_VOID(make_private(file));
  TRY(Database database, Database::open(file));
  TRY(std::int64_t version, pragma(database, "PRAGMA user_version"));
  TRY(const std::int64_t owner, pragma(database, "PRAGMA application_id"));
  if (version == 0 && owner == 0) {
    TRY_VOID(database.run(schema));
    version = 1;
  } else if (version < 1 || version > schema_version || owner != application) {
    return fail(refused(rules::state_file, "this is not verifierd's state, or of a newer version")
                    .expected("version " + std::to_string(schema_version))
                    .found("version " + std::to_string(version))
                    .within(file.string()));
  }
  // Each step is one transaction: where a crash stops between two, the next start goes on.
  if (version < 2) TRY_VOID(database.run(second_version));
  if (version < 3) TRY_VOID(database.run(third_version));
  return std::unique_ptr<StateStore>(
      new StateStore(std::make_unique<Implementation>(std::move(database))));
}

Result<std::optional<NodeRecord>> StateStore::node(std::string_view node) {
  const std::lock_guard lock(implementation_->mutex);
  const std::string sql = std::string("SELECT ") + node_columns + " FROM nodes WHERE node = ?";
  TRY(Query query, Query::make(implementation_->database, sql.c_str()));
  query.bind(node);
  TRY(const bool found, query.step());
  if (!found) return std::nullopt;
  return read_node(query);
}

Result<std::optional<NodeRecord>> StateStore::node_of_ek(const Sha256& ek) {
  const std::lock_guard lock(implementation_->mutex);
  const std::string sql = std::string("SELECT ") + node_columns + " FROM nodes WHERE ek = ?";
  TRY(Query query, Query::make(implementation_->database, sql.c_str()));
  query.bind(ByteView(ek));
  TRY(const bool found, query.step());
  if (!found) return std::nullopt;
  return read_node(query);
}

Result<std::vector<NodeRecord>> StateStore::nodes() {
  const std::lock_guard lock(implementation_->mutex);
  const std::string sql = std::string("SELECT ") + node_columns + " FROM nodes ORDER BY node";
  TRY(Query query, Query::make(implementation_->database, sql.c_str()));
  std::vector<NodeRecord> records;
  for (;;) {
    TRY(const bool more, query.step());
    if (!more) return records;
    TRY(NodeRecord record, read_node(query));
    records.push_back(std::move(record));
  }
}

Result<std::vector<NodeEvent>> StateStore::events(std::string_view node) {
  const std::lock_guard lock(implementation_->mutex);
  TRY(Query query, Query::make(implementation_->database,
                               "SELECT time, what FROM events WHERE node = ? "
                               "ORDER BY rowid DESC LIMIT 100"));
  query.bind(node);
  std::vector<NodeEvent> events;
  for (;;) {
    TRY(const bool more, query.step());
    if (!more) return events;
    events.push_back({from_unix(query.integer(0)), query.text(1)});
  }
}

Status StateStore::put_node(const NodeRecord& record, Time now, std::string_view what,
                            const std::optional<Bytes>& statement) {
  const std::lock_guard lock(implementation_->mutex);
  Database& database = implementation_->database;
  TRY(Transaction transaction, Transaction::begin(database));
  TRY_VOID(write_node(database, record));
  TRY_VOID(write_event(database, record.node, now, what));
  TRY_VOID(write_outbox(database, statement));
  return transaction.commit();
}

Status StateStore::keep_policy(std::string_view name, std::int64_t revision, const Sha256& digest) {
  const std::lock_guard lock(implementation_->mutex);
  Database& database = implementation_->database;
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(Query read, Query::make(database, "SELECT revision, digest FROM policies WHERE name = ?"));
  read.bind(name);
  TRY(const bool known, read.step());
  if (known && revision < read.integer(0))
    return fail(
        refused(rules::policy_older, "the policy is older than one that was in force here")
            .expected("revision " + std::to_string(read.integer(0)) + " or a later one")
            .found("revision " + std::to_string(revision))
            .next("to go back to its rules, give them a later revision and have it signed"));
  if (known && revision > 0 && revision == read.integer(0) && read.digest(1) != digest)
    return fail(refused(rules::policy_same_revision,
                        "another policy of this revision was in force here before")
                    .expected(digest_uri(read.digest(1)))
                    .found(digest_uri(digest))
                    .next("raise its revision"));
  TRY(Query write, Query::make(database,
                               "INSERT INTO policies(name, revision, digest) VALUES(?,?,?) "
                               "ON CONFLICT(name) DO UPDATE SET revision = excluded.revision, "
                               "digest = excluded.digest"));
  write.bind(name).bind(revision).bind(ByteView(digest));
  TRY_VOID(write.finish());
  return transaction.commit();
}

Status StateStore::keep_challenge(const Sha256& digest, std::string_view node, ByteView bytes,
                                  Time expires) {
  const std::lock_guard lock(implementation_->mutex);
  TRY(Query query,
      Query::make(implementation_->database,
                  "INSERT INTO challenges(digest, node, bytes, expires) VALUES(?,?,?,?)"));
  query.bind(ByteView(digest)).bind(node).bind(bytes).bind(unix_seconds(expires));
  return query.finish();
}

Result<Bytes> StateStore::use_challenge(const Sha256& digest) {
  const std::lock_guard lock(implementation_->mutex);
  Database& database = implementation_->database;
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(Query mark,
      Query::make(database, "UPDATE challenges SET used = 1 WHERE digest = ? AND used = 0"));
  mark.bind(ByteView(digest));
  TRY_VOID(mark.finish());
  const bool first_use = database.changes() == 1;
  TRY(Query read, Query::make(database, "SELECT bytes FROM challenges WHERE digest = ?"));
  read.bind(ByteView(digest));
  TRY(const bool known, read.step());
  if (!known)
    return fail(refused(rules::challenge_unknown, "this verifier issued no such challenge")
                    .expected("an answer to a challenge of this verifier that is still kept")
                    .next("ask for a new challenge"));
  if (!first_use)
    return fail(refused(rules::challenge_used, "this challenge was answered before")
                    .expected("one answer to each challenge")
                    .next("ask for a new challenge"));
  Bytes bytes = read.bytes(0);
  TRY_VOID(transaction.commit());
  return bytes;
}

Status StateStore::forget_challenges(Time time) {
  const std::lock_guard lock(implementation_->mutex);
  TRY(Query query,
      Query::make(implementation_->database, "DELETE FROM challenges WHERE expires < ?"));
  query.bind(unix_seconds(time));
  return query.finish();
}

Status StateStore::put_result(const ResultRecord& result, const NodeRecord& record,
                              std::string_view what, const std::optional<Bytes>& statement) {
  const std::lock_guard lock(implementation_->mutex);
  Database& database = implementation_->database;
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(Query query, Query::make(database,
                               "INSERT OR IGNORE INTO results(digest, evidence, node, text, jwt, "
                               "made) VALUES(?,?,?,?,?,?)"));
  query.bind(ByteView(result.digest)).bind(ByteView(result.evidence)).bind(result.node);
  query.bind(result.text).bind(result.is_jwt ? 1 : 0).bind(unix_seconds(result.made));
  TRY_VOID(query.finish());
  TRY_VOID(add_member(database, BatchOf::results, result.digest));
  TRY_VOID(write_node(database, record));
  TRY_VOID(write_event(database, record.node, result.made, what));
  TRY_VOID(write_outbox(database, statement));
  return transaction.commit();
}

Result<std::optional<ResultRecord>> StateStore::result(const Sha256& digest) {
  const std::lock_guard lock(implementation_->mutex);
  TRY(Query query, Query::make(implementation_->database,
                               "SELECT digest, evidence, node, text, jwt, made FROM results "
                               "WHERE digest = ?1 OR evidence = ?1 ORDER BY rowid DESC LIMIT 1"));
  query.bind(ByteView(digest));
  TRY(const bool found, query.step());
  if (!found) return std::nullopt;
  return ResultRecord{query.digest(0), query.digest(1),       query.text(2),
                      query.bytes(3),  query.integer(4) != 0, from_unix(query.integer(5))};
}

Result<bool> StateStore::put_receipt(const Sha256& digest) {
  const std::lock_guard lock(implementation_->mutex);
  return add_member(implementation_->database, BatchOf::receipts, digest);
}

Result<bool> StateStore::has_receipt(const Sha256& digest) {
  const std::lock_guard lock(implementation_->mutex);
  TRY(Query query, Query::make(implementation_->database,
                               "SELECT 1 FROM members WHERE kind = ? AND digest = ?"));
  query.bind(number_of(BatchOf::receipts)).bind(ByteView(digest));
  return query.step();
}

Result<std::vector<Sha256>> StateStore::unbatched(BatchOf of, std::size_t limit) {
  const std::lock_guard lock(implementation_->mutex);
  TRY(Query query, Query::make(implementation_->database,
                               "SELECT digest FROM members WHERE kind = ? AND batch IS NULL "
                               "ORDER BY id LIMIT ?"));
  query.bind(number_of(of)).bind(static_cast<std::int64_t>(limit));
  std::vector<Sha256> digests;
  for (;;) {
    TRY(const bool more, query.step());
    if (!more) return digests;
    digests.push_back(query.digest(0));
  }
}

Status StateStore::put_batch(BatchOf of, const std::vector<Sha256>& digests,
                             const Bytes& statement) {
  const std::lock_guard lock(implementation_->mutex);
  Database& database = implementation_->database;
  TRY(Transaction transaction, Transaction::begin(database));
  TRY(Query batch, Query::make(database, "INSERT INTO batches(kind, statement) VALUES(?,?)"));
  batch.bind(number_of(of)).bind(statement);
  TRY_VOID(batch.finish());
  const std::int64_t id = database.last_row();
  for (std::size_t position = 0; position < digests.size(); ++position) {
    TRY(Query member, Query::make(database,
                                  "UPDATE members SET batch = ?, position = ? "
                                  "WHERE kind = ? AND digest = ?"));
    member.bind(id).bind(static_cast<std::int64_t>(position));
    member.bind(number_of(of)).bind(ByteView(digests[position]));
    TRY_VOID(member.finish());
  }
  TRY_VOID(write_outbox(database, statement));
  return transaction.commit();
}

Result<std::optional<BatchPlace>> StateStore::batch_place(BatchOf of, const Sha256& digest) {
  const std::lock_guard lock(implementation_->mutex);
  Database& database = implementation_->database;
  TRY(Query query,
      Query::make(database,
                  "SELECT b.id, b.statement, m.position FROM members m "
                  "JOIN batches b ON b.id = m.batch WHERE m.kind = ? AND m.digest = ?"));
  query.bind(number_of(of)).bind(ByteView(digest));
  TRY(const bool found, query.step());
  if (!found) return std::nullopt;
  BatchPlace place{query.bytes(1), static_cast<std::uint64_t>(query.integer(2)), {}};
  TRY(Query members,
      Query::make(database, "SELECT digest FROM members WHERE batch = ? ORDER BY position"));
  members.bind(query.integer(0));
  for (;;) {
    TRY(const bool more, members.step());
    if (!more) return place;
    place.digests.push_back(members.digest(0));
  }
}

Result<std::optional<Time>> StateStore::first_time(const Sha256& entry,
                                                   std::optional<Time> now_seen) {
  const std::lock_guard lock(implementation_->mutex);
  Database& database = implementation_->database;
  if (now_seen) {
    TRY(Query keep,
        Query::make(database, "INSERT OR IGNORE INTO entry_times(entry, time) VALUES(?,?)"));
    keep.bind(ByteView(entry)).bind(unix_seconds(*now_seen));
    TRY_VOID(keep.finish());
  }
  TRY(Query query, Query::make(database, "SELECT time FROM entry_times WHERE entry = ?"));
  query.bind(ByteView(entry));
  TRY(const bool found, query.step());
  return found ? std::optional<Time>(from_unix(query.integer(0))) : std::nullopt;
}

Result<std::vector<Waiting>> StateStore::waiting(std::size_t limit) {
  const std::lock_guard lock(implementation_->mutex);
  TRY(Query query, Query::make(implementation_->database,
                               "SELECT id, statement FROM outbox ORDER BY id LIMIT ?"));
  query.bind(static_cast<std::int64_t>(limit));
  std::vector<Waiting> statements;
  for (;;) {
    TRY(const bool more, query.step());
    if (!more) return statements;
    statements.push_back({query.integer(0), query.bytes(1)});
  }
}

Status StateStore::entered(const std::vector<Waiting>& statements) {
  const std::lock_guard lock(implementation_->mutex);
  Database& database = implementation_->database;
  TRY(Transaction transaction, Transaction::begin(database));
  for (const Waiting& statement : statements) {
    TRY(Query query, Query::make(database, "DELETE FROM outbox WHERE id = ?"));
    query.bind(statement.id);
    TRY_VOID(query.finish());
  }
  return transaction.commit();
}

}  // namespace attest::verifierd
