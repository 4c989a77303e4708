#include "tests/support/postgres_server.h"

#include <array>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <vector>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace attest {

namespace {

const std::string programs = "/usr/lib/postgresql/15/bin/";

std::string as_server() {
  return ::geteuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --clear-groups " : "";
}

std::vector<pid_t> children_of(pid_t process) {
  const std::string id = std::to_string(process);
  std::ifstream list("/proc/" + id + "/task/" + id + "/children");
  std::vector<pid_t> children;
  for (pid_t child = 0; list >> child;) children.push_back(child);
  return children;
}

}  // namespace

bool postgres_installed() {
  return std::filesystem::exists(programs + "postgres");
}

std::string PostgresServer::run(const std::string& command) const {
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run: " + command);
  std::string said;
  std::array<char, 4096> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    said.append(buffer.data(), got);
  if (::pclose(pipe) != 0) throw std::runtime_error(command + ": " + said);
  return said;
}

void PostgresServer::prepare() {
  std::filesystem::permissions(directory_.path(), std::filesystem::perms(0755));
  if (::geteuid() == 0) run("chown postgres: " + socket());
}

PostgresServer::PostgresServer(const std::string& settings) {
  prepare();
  run(as_server() + programs + "initdb --no-sync -A trust -U postgres -D " + data());
  std::ofstream(data() + "/postgresql.conf", std::ios::app)
      << "listen_addresses = ''\nunix_socket_directories = '" << socket() << "'\n"
      << "max_connections = 40\nshared_buffers = 64MB\nwal_keep_size = 256MB\n"
      << settings << "\n";
  start();
}

PostgresServer::PostgresServer(const PostgresServer& primary, const std::string& name) {
  prepare();
  run(as_server() + programs + "pg_basebackup --no-sync -R -c fast -U postgres -h " +
      primary.socket() + " -D " + data());
  std::ofstream(data() + "/postgresql.conf", std::ios::app)
      << "unix_socket_directories = '" << socket() << "'\n";
  std::ofstream(data() + "/postgresql.auto.conf", std::ios::app)
      << "primary_conninfo = 'user=postgres host=" << primary.socket()
      << " application_name=" << name << "'\n";
  start();
}

PostgresServer::~PostgresServer() {
  kill();
}

void PostgresServer::start() {
  process_ = ::fork();
  if (process_ == 0) {
    const int log = ::open((socket() + "/server.log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    ::dup2(log, 1);
    ::dup2(log, 2);
    const std::string command = "exec " + as_server() + programs + "postgres -D " + data();
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
  run("for i in $(seq 200); do " + programs + "pg_isready -q -h " + socket() +
      " && exit 0; sleep 0.05; done; cat " + socket() + "/server.log; exit 1");
}

void PostgresServer::kill() {
  if (process_ == 0) return;
  const auto children = children_of(process_);
  ::kill(process_, SIGKILL);
  for (const pid_t child : children) ::kill(child, SIGKILL);
  ::waitpid(process_, nullptr, 0);
  process_ = 0;
}

void PostgresServer::promote() {
  run(as_server() + programs + "pg_ctl promote -w -D " + data());
}

std::string PostgresServer::url(const std::string& database) const {
  return "postgresql://postgres@/" + database + "?host=" + socket();
}

std::string PostgresServer::url_with(const PostgresServer& other,
                                     const std::string& database) const {
  return url(database) + "," + other.socket();
}

std::string PostgresServer::new_database() {
  const std::string name = "log" + std::to_string(++databases_);
  sql("CREATE DATABASE " + name);
  return url(name);
}

std::string PostgresServer::sql(const std::string& statements, const std::string& database) const {
  const std::string file = socket() + "/statements.sql";
  std::ofstream(file) << statements << ";\n";
  return run(programs + "psql -v ON_ERROR_STOP=1 -qAt -f " + file + " '" + url(database) + "'");
}

}  // namespace attest
