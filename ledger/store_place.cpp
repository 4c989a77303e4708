#include "ledger/store_place.h"

#include "ledger/postgres_connection.h"
#include "ledger/postgres_store.h"
#include "ledger/sqlite_store.h"

namespace attest::ledger {

namespace {

constexpr std::size_t longest_file = 8192;

Path database_of(const LogPlace& place) {
  return place.directory / "ledger.db";
}

SqliteOptions sqlite_options(const LogPlace& place, bool writer) {
  return {place.sqlite_vfs, place.files, writer, place.index};
}

PostgresOptions postgres_options(const LogPlace& place, bool writer) {
  PostgresOptions options;
  options.files = place.files;
  options.index = place.directory / "index";
  options.writer = writer;
  options.limits = place.index;
  options.lease_seconds = place.lease_seconds;
  return options;
}

template <typename Made>
Result<std::unique_ptr<Store>> as_store(Result<std::unique_ptr<Made>> made) {
  if (!made) return std::unexpected(std::move(made).error());
  return std::unique_ptr<Store>(*std::move(made));
}

}  // namespace

Result<StoreName> store_of(const LogPlace& place) {
  const Path file = place.directory / "store";
  TRY(const bool said, place.files->exists(file));
  StoreName name{place.store, {}};
  if (!said) return name;
  TRY(const std::string text, read_text_file(file, longest_file));
  const std::size_t end = text.find('\n');
  if (end == std::string::npos || !text.ends_with('\n'))
    return fail(refused(rules::store_url, "is not a store's name: a URL and an origin, a line each")
                    .within(file.string()));
  if (name.url.empty()) name.url = text.substr(0, end);
  name.origin = text.substr(end + 1, text.size() - end - 2);
  return name;
}

Status name_store(const LogPlace& place, const std::string& origin) {
  if (place.store.empty()) return {};
  return write_file_atomically(*place.files, place.directory / "store",
                               as_bytes(place.store + "\n" + origin + "\n"));
}

Result<bool> store_exists(const LogPlace& place, const std::string& origin) {
  TRY(const StoreName name, store_of(place));
  if (name.url.empty()) return place.files->exists(database_of(place));
  auto store = PostgresStore::open(name.url, origin, postgres_options(place, false));
  if (store) return true;
  if (store.error().rule == rules::store_missing) return false;
  return std::unexpected(std::move(store).error());
}

Result<std::unique_ptr<Store>> open_store(const LogPlace& place, bool writer) {
  TRY(const StoreName name, store_of(place));
  if (name.url.empty())
    return as_store(SqliteStore::open(database_of(place), sqlite_options(place, writer)));
  return as_store(PostgresStore::open(name.url, name.origin, postgres_options(place, writer)));
}

Result<std::unique_ptr<Store>> create_store(const LogPlace& place, const LogIdentity& identity) {
  TRY(const StoreName name, store_of(place));
  if (name.url.empty())
    return as_store(SqliteStore::create(database_of(place), identity, sqlite_options(place, true)));
  return as_store(PostgresStore::create(name.url, identity, postgres_options(place, true)));
}

}  // namespace attest::ledger
