// PostgresConnection: one session with a PostgreSQL server, or with one that speaks its protocol.
//
// Values travel in binary form. A session ends with the server, a failover or the network; reopen()
// begins another, and whoever used the old one must assume nothing of what it left unfinished.
// For one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/result.h"

struct pg_conn;
struct pg_result;

namespace attest::ledger {

// Parameter is a value of a statement, in the server's binary form.
class Parameter {
 public:
  static Parameter integer(std::uint64_t value);
  static Parameter boolean(bool value);
  static Parameter text(std::string_view value) { return Parameter(to_bytes(value)); }
  static Parameter bytes(ByteView value) { return Parameter(to_bytes(value)); }
  // Arrays: BIGINT[] and BYTEA[], as unnest() takes them.
  static Parameter integers(std::span<const std::uint64_t> values);
  static Parameter runs(std::span<const ByteView> values);

  const Bytes& binary() const { return binary_; }

 private:
  explicit Parameter(Bytes binary) : binary_(std::move(binary)) {}
  Bytes binary_;
};

// Rows is what a statement gave.
class Rows {
 public:
  explicit Rows(pg_result* result) : result_(result) {}
  int count() const;
  std::uint64_t changed() const;
  ByteView bytes(int row, int column) const;
  std::uint64_t integer(int row, int column) const;  // BIGINT or INTEGER; 0 where it is neither
  bool boolean(int row, int column) const;
  std::string text(int row, int column) const { return attest::to_string(bytes(row, column)); }

 private:
  struct Clear {
    void operator()(pg_result* result) const;
  };
  std::unique_ptr<pg_result, Clear> result_;
};

class PostgresConnection {
 public:
  // connect takes a libpq URL, "postgresql://host1,host2/database"; of several servers the one that
  // takes writes is used. A URL that holds a password is refused (rules::store_url): passwords
  // belong in PGPASSFILE. A server that does not keep what it confirms (fsync off) is refused
  // (rules::store_not_durable); synchronous_commit is set to on for the session.
  static Result<PostgresConnection> connect(const std::string& url);

  bool alive() const;
  Status reopen();
  void close();

  // run sends one statement, whose text must outlive the connection: it is prepared once a session.
  Result<Rows> run(const char* sql, std::span<const Parameter> parameters = {});
  // copy sends rows in the binary form of COPY, without header and trailer.
  Status copy(const char* sql, ByteView rows);
  // commit ends a transaction. Where the server does not plainly say that it is done, on every
  // machine that it should be on, that is rules::store_outcome: the outcome is unknown.
  Status commit();
  void roll_back();

 private:
  struct Close {
    void operator()(pg_conn* connection) const;
  };
  PostgresConnection() = default;
  Status prepare_session();
  Error error_of(const pg_result* result) const;
  Status prepare(const char* sql);

  std::string url_;
  std::unique_ptr<pg_conn, Close> connection_;
  std::set<const char*> prepared_;
  std::unique_ptr<bool> warned_ = std::make_unique<bool>(false);
};

}  // namespace attest::ledger

namespace attest::rules {
inline constexpr Rule store_url{"ledger.store.url"};
inline constexpr Rule store_not_durable{"ledger.store.not-durable"};
inline constexpr Rule store_unreachable{"ledger.store.unreachable"};
inline constexpr Rule store_conflict{"ledger.store.conflict"};
inline constexpr Rule store_outcome{"ledger.store.outcome"};
}  // namespace attest::rules
