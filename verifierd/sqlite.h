// The little of SQLite that verifierd's state needs: a database, and statements that bind and read
// by type. Errors are faults with SQLite's own words. For one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <sqlite3.h>

#include "libattest/base/file.h"
#include "libattest/crypto/digest.h"

namespace attest::verifierd {

inline constexpr Rule sqlite_failed{"verifierd.sqlite.failed"};

class Database {
 public:
  // open makes or opens a file in write-ahead mode; what a commit returned for survives a power
  // cut.
  static Result<Database> open(const Path& file) {
    sqlite3* raw = nullptr;
    const int code =
        sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
    Database database(raw);
    if (code != SQLITE_OK) return fail(database.error("cannot open " + file.string()));
    TRY_VOID(
        database.run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                     "PRAGMA trusted_schema=OFF; PRAGMA busy_timeout=5000"));
    return database;
  }

  Status run(const char* sql) {
    if (sqlite3_exec(raw_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK)
      return fail(error("a statement failed"));
    return {};
  }
  int changes() const { return sqlite3_changes(raw_.get()); }
  std::int64_t last_row() const { return sqlite3_last_insert_rowid(raw_.get()); }
  sqlite3* raw() const { return raw_.get(); }
  Error error(std::string what) const {
    return fault(sqlite_failed, std::move(what)).found(sqlite3_errmsg(raw_.get()));
  }

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  explicit Database(sqlite3* raw) : raw_(raw) {}
  std::unique_ptr<sqlite3, Close> raw_;
};

// Query is one prepared statement in use: bind in order, then step, then read columns.
class Query {
 public:
  static Result<Query> make(Database& database, const char* sql) {
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v2(database.raw(), sql, -1, &raw, nullptr) != SQLITE_OK)
      return fail(database.error("a statement cannot be prepared"));
    return Query(database, raw);
  }

  Query& bind(std::int64_t value) {
    sqlite3_bind_int64(raw_.get(), ++bound_, value);
    return *this;
  }
  Query& bind(std::string_view text) {
    sqlite3_bind_text(raw_.get(), ++bound_, text.data(), static_cast<int>(text.size()),
                      SQLITE_TRANSIENT);
    return *this;
  }
  Query& bind(ByteView bytes) {
    sqlite3_bind_blob64(raw_.get(), ++bound_, bytes.empty() ? "" : as_text(bytes).data(),
                        bytes.size(), SQLITE_TRANSIENT);
    return *this;
  }
  Query& bind_null() {
    sqlite3_bind_null(raw_.get(), ++bound_);
    return *this;
  }

  // step gives true for a row and false at the end.
  Result<bool> step() {
    const int code = sqlite3_step(raw_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return fail(database_->error("a statement failed"));
  }
  Status finish() {
    TRY_VOID(step());
    return {};
  }

  std::int64_t integer(int column) const { return sqlite3_column_int64(raw_.get(), column); }
  bool null(int column) const { return sqlite3_column_type(raw_.get(), column) == SQLITE_NULL; }
  Bytes bytes(int column) const {
    const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(raw_.get(), column));
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(raw_.get(), column));
    return size == 0 ? Bytes() : Bytes(data, data + size);
  }
  std::string text(int column) const { return to_string(bytes(column)); }
  Sha256 digest(int column) const {
    const Bytes content = bytes(column);
    Sha256 value{};
    std::copy_n(content.begin(), std::min(content.size(), value.size()), value.begin());
    return value;
  }

 private:
  struct Finish {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  Query(Database& database, sqlite3_stmt* raw) : database_(&database), raw_(raw) {}
  Database* database_;
  std::unique_ptr<sqlite3_stmt, Finish> raw_;
  int bound_ = 0;
};

// Transaction rolls back unless it was committed.
class Transaction {
 public:
  static Result<Transaction> begin(Database& database) {
    TRY_VOID(database.run("BEGIN IMMEDIATE"));
    return Transaction(database);
  }
  Transaction(Transaction&& other) noexcept : database_(std::exchange(other.database_, nullptr)) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction() {
    if (database_ != nullptr) (void)database_->run("ROLLBACK");
  }
  Status commit() {
    TRY_VOID(database_->run("COMMIT"));
    database_ = nullptr;
    return {};
  }

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;
};

}  // namespace attest::verifierd
