// tamper changes a database behind the log's back, as an intruder or rotten bits would.
#pragma once

#include <string>

#include <sqlite3.h>

#include "libattest/base/file.h"
#include "tests/support/catch.h"

namespace attest {

inline void tamper(const Path& database, const std::string& sql) {
  sqlite3* opened = nullptr;
  REQUIRE(sqlite3_open(database.c_str(), &opened) == SQLITE_OK);
  char* message = nullptr;
  const int code = sqlite3_exec(opened, sql.c_str(), nullptr, nullptr, &message);
  INFO((message == nullptr ? "" : message));
  sqlite3_free(message);
  CHECK(code == SQLITE_OK);
  sqlite3_close(opened);
}

}  // namespace attest
