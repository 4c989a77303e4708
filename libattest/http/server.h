// Server: a small HTTPS server for the programs and the ledger.
//
// HTTP/1.1 over TLS 1.2 or later (Mozilla's "intermediate" suites), with limits on everything a
// client can hold: header and body size, time for each request, idle time, connections, waiting
// requests. One thread moves bytes; handlers run on a pool, so that a slow one blocks nobody.
// When more requests wait than `queue` allows, the answer is 503 with Retry-After.
//
// Plain HTTP is served only where `plain` says so, and then only on a loopback address or a UNIX
// socket. All members may be called from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "libattest/base/time.h"
#include "libattest/http/router.h"
#include "libattest/http/tls_files.h"

namespace attest::http {

// Endpoint is where a server listens: "127.0.0.1:8443", "[::1]:8443", or "unix:/run/x.sock". Port 0
// asks for any free port. Names are not resolved.
struct Endpoint {
  std::string address;  // numeric IP address; empty for a UNIX socket
  std::uint16_t port = 0;
  Path socket;

  bool is_unix() const { return !socket.empty(); }
  bool is_loopback() const;
  std::string to_string() const;
};
Result<Endpoint> parse_endpoint(std::string_view text);

struct ServerLimits {
  std::size_t header = 16U << 10;            // bytes of request line and headers
  std::chrono::milliseconds request{30000};  // to receive one whole request, and to send the answer
  std::chrono::milliseconds idle{60000};     // between requests of one connection
  std::chrono::milliseconds handshake{10000};
  std::size_t connections = 512;       // further ones are closed at once
  std::size_t queue = 256;             // requests waiting for a handler thread
  unsigned threads = 4;                // handler threads
  unsigned socket_permissions = 0600;  // of a UNIX socket
};

// AccessRecord is one answered request, for a structured log.
struct AccessRecord {
  std::string remote;
  std::string method;
  std::string path;   // decoded and made printable; without the query
  std::string route;  // the pattern that answered; empty for none
  int status = 0;
  std::uint64_t received = 0;  // bytes of body
  std::uint64_t sent = 0;
  std::chrono::microseconds duration{0};
  std::optional<Sha256> client_key;
  std::string error;  // what went wrong inside, in words; empty when nothing did
};

struct ServerOptions {
  Endpoint listen{"127.0.0.1", 8443, {}};
  std::optional<TlsIdentity> tls;  // nothing is allowed only together with `plain`
  ClientCertificates clients;      // none asked for by default
  bool plain = false;              // serve without TLS, on loopback or a UNIX socket only
  ServerLimits limits;
  std::string name = "attest";                          // the Server header
  std::function<void(const AccessRecord&)> access_log;  // called from the I/O thread; must be quick
};

class Server {
 public:
  // start listens and returns; requests are answered from then on. Fails when the address is taken
  // or may not be used, when neither TLS nor `plain` is given (usage), or when `plain` is asked for
  // on an address that is not loopback (refused, rules::http_plain).
  static Result<std::unique_ptr<Server>> start(ServerOptions options, Router router);

  // The destructor stops without grace.
  virtual ~Server() = default;

  // endpoint says where it listens, with the port that was chosen.
  virtual Endpoint endpoint() const = 0;
  // url gives "https://127.0.0.1:8443" ("http://" when plain).
  virtual std::string url() const = 0;
  // replace_tls uses another certificate for connections that come from now on.
  virtual Status replace_tls(const TlsIdentity& identity) = 0;
  // stop closes the listening socket and idle connections, lets requests that were received run
  // to their end for at most `grace`, then closes what is left. Returns when all is done.
  virtual void stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace attest::http

namespace attest::rules {
inline constexpr Rule http_endpoint{"http.endpoint"};
inline constexpr Rule http_listen{"http.listen"};
inline constexpr Rule http_plain{"http.plain"};
}  // namespace attest::rules
