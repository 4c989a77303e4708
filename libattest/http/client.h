// Client: HTTPS requests by libcurl, with limits and careful retries.
//
// HTTPS only, unless `plain` allows http:// (for loopback services and witnesses on a private
// network). Certificates are checked against `ca_file`, or the system's store without one; there is
// no way to turn that off. Redirects are followed only within the same scheme, host and port.
//
// A Client may be used from several threads; each call uses a connection of its own pool.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libattest/crypto/random.h"
#include "libattest/http/message.h"

namespace attest::http {

// RetryPolicy: exponential backoff with full jitter. Only what certainly did nothing is tried
// again: a connection that could not be made, and a 503 that carries Retry-After.
struct RetryPolicy {
  unsigned attempts = 4;                       // in all; 1 means no retry
  std::chrono::milliseconds first_delay{200};  // upper bound of the first wait; then doubled
  std::chrono::milliseconds longest_delay{10000};
};

// A Sleep waits, or returns false at once when the program is to stop: no more retries then.
using Sleep = std::function<bool(std::chrono::milliseconds)>;
// thread_sleep is std::this_thread::sleep_for.
Sleep thread_sleep();

// backoff_delay is the n-th wait (from 0): uniformly random between nothing and
// min(longest, first · 2^n), and at least what the server asked for, up to longest.
std::chrono::milliseconds backoff_delay(const RetryPolicy& policy, unsigned n, Random& random,
                                        std::chrono::seconds asked);

struct ClientOptions {
  std::optional<Path> ca_file;             // PEM; trust exactly these roots
  std::optional<Path> client_certificate;  // PEM chain, for mTLS; with client_key
  std::optional<Path> client_key;          // PEM; refused when others may read it
  std::optional<Path> unix_socket;         // connect here instead of resolving the host
  bool plain = false;                      // allow http://
  std::chrono::milliseconds connect_timeout{10000};
  std::chrono::milliseconds timeout{60000};  // for one attempt as a whole
  std::uint64_t response_limit = 16U << 20;  // bytes of body
  RetryPolicy retry;
  std::string user_agent = "attest";
};

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string content_type;  // without parameters, lower case
  Bytes body;

  bool ok() const { return status >= 200 && status < 300; }
};

struct ClientRequest {
  Method method = Method::get;
  std::string url;
  Headers headers;
  std::string content_type;  // of the body
  Bytes body;
  // Where set, pieces of a 2xx body go here as they come and `body` stays empty; returning false
  // ends the transfer (rules::http_stream_closed). A streamed request has no overall timeout but
  // fails when nothing comes for `timeout`.
  std::function<bool(ByteView)> on_piece;
};

class Client {
 public:
  static Result<Client> make(ClientOptions options, Random& random, Sleep sleep = thread_sleep());
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  ~Client();

  // send gives the response whatever its status. An address that cannot be reached, a time-out, a
  // certificate that cannot be verified or a name that does not resolve is incomplete
  // (rules::http_unreachable, rules::http_peer); a response that is too large or malformed, and a
  // redirect to elsewhere, is refused.
  Result<ClientResponse> send(const ClientRequest& request) const;
  Result<ClientResponse> get(const std::string& url) const;
  Result<ClientResponse> post(const std::string& url, std::string content_type, Bytes body) const;

  // fetch and exchange are get and post where any status but 2xx is an error (error_from).
  Result<Bytes> fetch(const std::string& url) const;
  Result<Bytes> exchange(const std::string& url, std::string content_type, Bytes body) const;

 private:
  struct State;
  explicit Client(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// url_encode percent-encodes all but unreserved characters (RFC 3986 section 2.3).
std::string url_encode(std::string_view text);

}  // namespace attest::http

namespace attest::rules {
inline constexpr Rule http_url{"http.url"};
inline constexpr Rule http_unreachable{"http.unreachable"};
inline constexpr Rule http_peer{"http.peer-certificate"};
inline constexpr Rule http_redirect{"http.redirect"};
inline constexpr Rule http_response_size{"http.response-size"};
inline constexpr Rule http_response{"http.response"};
}  // namespace attest::rules
