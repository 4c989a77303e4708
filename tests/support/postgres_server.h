// PostgresServer: a real PostgreSQL in a directory that goes, reached by a socket in it, run by an
// unprivileged user (the server refuses to be root). Where the programs are not installed,
// postgres_installed() says so and tests skip.
#pragma once

#include <memory>
#include <string>

#include <sys/types.h>

#include "tests/support/temporary_directory.h"

namespace attest {

bool postgres_installed();

class PostgresServer {
 public:
  // `settings` are lines of postgresql.conf.
  explicit PostgresServer(const std::string& settings = {});
  // A standby that streams from `primary`, under this application name.
  PostgresServer(const PostgresServer& primary, const std::string& name);
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;
  ~PostgresServer();

  std::string url(const std::string& database = "postgres") const;
  // url_with names this server and another: libpq goes to the one that takes writes.
  std::string url_with(const PostgresServer& other, const std::string& database) const;
  // new_database makes one and gives its URL.
  std::string new_database();
  // sql runs statements by psql and gives what they print; it throws when they fail.
  std::string sql(const std::string& statements, const std::string& database = "postgres") const;

  void start();
  void kill();  // SIGKILL to the server and all its processes
  void promote();

 private:
  std::string run(const std::string& command) const;
  std::string socket() const { return directory_.path().string(); }
  std::string data() const { return directory_.path() / "data"; }
  void prepare();

  TemporaryDirectory directory_;
  pid_t process_ = 0;
  int databases_ = 0;
};

}  // namespace attest
