#include "ledger/postgres_connection.h"

#include <array>

#include <libpq-fe.h>

#include "ledger/store.h"
#include "libattest/base/text.h"

namespace attest::ledger {

namespace {

// The server's numbers for element types, which its protocol fixes.
constexpr std::uint32_t bigint_type = 20;
constexpr std::uint32_t bytea_type = 17;

Bytes array_header(std::uint32_t type, std::size_t count) {
  Bytes array;
  append_u32_be(array, count == 0 ? 0 : 1);  // dimensions
  append_u32_be(array, 0);                   // no NULL in it
  append_u32_be(array, type);
  if (count == 0) return array;
  append_u32_be(array, static_cast<std::uint32_t>(count));
  append_u32_be(array, 1);  // index of the first
  return array;
}

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using Answer = std::unique_ptr<PGresult, ClearResult>;

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

// Servers' messages have a second line for those who debug.
std::string first_line(std::string_view text) {
  return printable(text.substr(0, text.find('\n')));
}

Status check_url(const std::string& url) {
  char* said = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(PQconninfoParse(url.c_str(), &said));
  const std::string why = said == nullptr ? "" : said;
  PQfreemem(said);
  if (options == nullptr)
    return fail(refused(rules::store_url, "the store's URL cannot be read").found(first_line(why)));
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option)
    if (std::string_view(option->keyword) == "password" && option->val != nullptr &&
        url.find(option->val) != std::string::npos)
      return fail(refused(rules::store_url, "the store's URL holds a password")
                      .next("put it into a file that PGPASSFILE names, and leave it out here"));
  return {};
}

// A server that stops waiting for its standby says so in a warning, and then that it committed.
void note_warning(void* warned, const PGresult* notice) {
  const char* severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity != nullptr && std::string_view(severity) == "WARNING")
    *static_cast<bool*>(warned) = true;
}

Rule rule_of(std::string_view state) {
  if (state == "40001" || state == "40P01") return rules::store_conflict;
  if (state.starts_with("53")) return rules::store_full;
  if (state == "42P01") return rules::store_missing;  // no such table
  if (state.starts_with("08") || state.starts_with("57P") || state == "25006" || state.empty())
    return rules::store_unreachable;
  if (state.starts_with("XX")) return rules::store_damaged;
  return rules::store_io;
}

}  // namespace

Parameter Parameter::integer(std::uint64_t value) {
  Bytes binary;
  append_u64_be(binary, value);
  return Parameter(std::move(binary));
}

Parameter Parameter::boolean(bool value) {
  return Parameter(Bytes{value ? std::byte{1} : std::byte{0}});
}

Parameter Parameter::integers(std::span<const std::uint64_t> values) {
  Bytes array = array_header(bigint_type, values.size());
  for (const std::uint64_t value : values) {
    append_u32_be(array, sizeof value);
    append_u64_be(array, value);
  }
  return Parameter(std::move(array));
}

Parameter Parameter::runs(std::span<const ByteView> values) {
  Bytes array = array_header(bytea_type, values.size());
  for (const ByteView value : values) {
    append_u32_be(array, static_cast<std::uint32_t>(value.size()));
    append(array, value);
  }
  return Parameter(std::move(array));
}

void Rows::Clear::operator()(pg_result* result) const {
  PQclear(result);
}
int Rows::count() const {
  return PQntuples(result_.get());
}
std::uint64_t Rows::changed() const {
  return std::strtoull(PQcmdTuples(result_.get()), nullptr, 10);
}
ByteView Rows::bytes(int row, int column) const {
  const char* data = PQgetvalue(result_.get(), row, column);
  return as_bytes({data, static_cast<std::size_t>(PQgetlength(result_.get(), row, column))});
}
std::uint64_t Rows::integer(int row, int column) const {
  const ByteView binary = bytes(row, column);
  std::uint64_t value = 0;
  if (binary.size() != 4 && binary.size() != 8) return 0;
  for (const std::byte byte : binary) value = value << 8 | static_cast<std::uint64_t>(byte);
  return value;
}
bool Rows::boolean(int row, int column) const {
  const ByteView binary = bytes(row, column);
  return binary.size() == 1 && binary.front() != std::byte{0};
}

void PostgresConnection::Close::operator()(pg_conn* connection) const {
  PQfinish(connection);
}

Result<PostgresConnection> PostgresConnection::connect(const std::string& url) {
  TRY_VOID(check_url(url));
  PostgresConnection made;
  made.url_ = url;
  TRY_VOID(made.reopen());
  return made;
}

bool PostgresConnection::alive() const {
  return connection_ != nullptr && PQstatus(connection_.get()) == CONNECTION_OK;
}

void PostgresConnection::close() {
  connection_.reset();
}

Status PostgresConnection::reopen() {
  prepared_.clear();
  connection_.reset();
  // What the URL says comes after what is said here, and so counts more.
  const std::array<const char*, 8> keys = {"connect_timeout",
                                           "tcp_user_timeout",
                                           "target_session_attrs",
                                           "application_name",
                                           "keepalives_idle",
                                           "client_encoding",
                                           "dbname",
                                           nullptr};
  const std::array<const char*, 8> values = {"5", "10000", "read-write", "attest-ledger",
                                             "5", "UTF8",  url_.c_str(), nullptr};
  connection_.reset(PQconnectdbParams(keys.data(), values.data(), 1));
  if (!alive())
    return fail(incomplete(rules::store_unreachable, "the database cannot be reached")
                    .found(first_line(PQerrorMessage(connection_.get())))
                    .next("is the server up, and one of the servers named the primary?"));
  PQsetNoticeReceiver(connection_.get(), note_warning, warned_.get());
  return prepare_session();
}

Status PostgresConnection::prepare_session() {
  TRY_VOID(run("SET synchronous_commit = on"));
  TRY(const Rows durable, run("SELECT coalesce(current_setting('fsync', true), 'on')"));
  if (durable.count() == 1 && durable.text(0, 0) == "on") return {};
  connection_.reset();
  return fail(refused(rules::store_not_durable, "the database does not sync what it confirms")
                  .expected("fsync = on")
                  .next("a ledger may not rest on it: change postgresql.conf"));
}

Error PostgresConnection::error_of(const pg_result* result) const {
  const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const bool lost = !alive();
  const Rule rule = lost ? rules::store_unreachable : rule_of(state == nullptr ? "" : state);
  const bool passes = rule == rules::store_unreachable || rule == rules::store_conflict ||
                      rule == rules::store_missing;
  Error error =
      passes ? incomplete(rule, "the database did not do it") : fault(rule, "the database failed");
  error.found(first_line(PQerrorMessage(connection_.get())));
  if (rule == rules::store_full) error.next("free some space: what was acknowledged is safe");
  return error;
}

Status PostgresConnection::prepare(const char* sql) {
  if (prepared_.contains(sql)) return {};
  const std::string name = "s" + std::to_string(reinterpret_cast<std::uintptr_t>(sql));
  const Answer answer(PQprepare(connection_.get(), name.c_str(), sql, 0, nullptr));
  if (PQresultStatus(answer.get()) != PGRES_COMMAND_OK) return fail(error_of(answer.get()));
  prepared_.insert(sql);
  return {};
}

Result<Rows> PostgresConnection::run(const char* sql, std::span<const Parameter> parameters) {
  if (!alive())
    return fail(incomplete(rules::store_unreachable, "the connection to the database was lost"));
  TRY_VOID(prepare(sql));
  std::vector<const char*> values;
  std::vector<int> lengths;
  const std::vector<int> binary(parameters.size(), 1);
  for (const Parameter& parameter : parameters) {
    // A null pointer would be NULL, and an empty run is none.
    values.push_back(parameter.binary().empty() ? "" : as_text(parameter.binary()).data());
    lengths.push_back(static_cast<int>(parameter.binary().size()));
  }
  const std::string name = "s" + std::to_string(reinterpret_cast<std::uintptr_t>(sql));
  PGresult* result =
      PQexecPrepared(connection_.get(), name.c_str(), static_cast<int>(parameters.size()),
                     values.data(), lengths.data(), binary.data(), 1);
  Rows rows(result);
  const ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return fail(error_of(result));
  return rows;
}

Status PostgresConnection::copy(const char* sql, ByteView rows) {
  if (!alive())
    return fail(incomplete(rules::store_unreachable, "the connection to the database was lost"));
  constexpr std::string_view header("PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
  constexpr std::string_view trailer("\377\377", 2);
  constexpr std::size_t at_once = 1U << 20;
  const Answer begun(PQexec(connection_.get(), sql));
  if (PQresultStatus(begun.get()) != PGRES_COPY_IN) return fail(error_of(begun.get()));
  const auto put = [this](std::string_view part) {
    return PQputCopyData(connection_.get(), part.data(), static_cast<int>(part.size())) == 1;
  };
  bool sent = put(header);
  for (ByteView rest = rows; sent && !rest.empty();) {
    const ByteView part = rest.first(std::min(at_once, rest.size()));
    sent = put(as_text(part));
    rest = rest.subspan(part.size());
  }
  sent = sent && put(trailer) && PQputCopyEnd(connection_.get(), nullptr) == 1;
  Status done;
  if (!sent) done = fail(error_of(nullptr));
  while (const Answer answer{PQgetResult(connection_.get())})
    if (done && PQresultStatus(answer.get()) != PGRES_COMMAND_OK)
      done = fail(error_of(answer.get()));
  return done;
}

Status PostgresConnection::commit() {
  *warned_ = false;
  const Answer answer(alive() ? PQexec(connection_.get(), "COMMIT") : nullptr);
  // A transaction that had failed answers a COMMIT with ROLLBACK.
  const bool done = PQresultStatus(answer.get()) == PGRES_COMMAND_OK &&
                    std::string_view(PQcmdStatus(answer.get())) == "COMMIT";
  if (done && !*warned_) return {};
  if (!done && alive()) {
    Error said = error_of(answer.get());
    if (said.rule == rules::store_conflict) return fail(std::move(said));
  }
  const std::string said = done ? "the primary stopped waiting for its standby"
                                : first_line(PQerrorMessage(connection_.get()));
  connection_.reset();
  return fail(incomplete(rules::store_outcome, "whether a commit was kept is not known")
                  .found(said)
                  .next("try again: what was entered keeps its index"));
}

void PostgresConnection::roll_back() {
  if (alive()) PQclear(PQexec(connection_.get(), "ROLLBACK"));
}

}  // namespace attest::ledger
