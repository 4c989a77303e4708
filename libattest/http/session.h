// One connection's life, from the handshake to the last answer. Internal to this room: include
// server.h instead.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "libattest/http/server.h"

namespace attest::http {

// Shared is what all sessions of a server use. The router, limits and name do not change; the rest
// is touched on the I/O thread only, but for the atomic.
struct Shared {
  Router router;
  ServerLimits limits;
  std::string name;
  std::function<void(const AccessRecord&)> access_log;
  boost::asio::thread_pool pool;
  std::atomic<std::size_t> waiting{0};  // requests handed to the pool that no thread took yet
  bool stopping = false;

  Shared(Router r, ServerLimits l, std::string n, std::function<void(const AccessRecord&)> log)
      : router(std::move(r)),
        limits(l),
        name(std::move(n)),
        access_log(std::move(log)),
        pool(l.threads) {}
};

// Connection is the server's handle on a running session, used on the I/O thread only.
struct Connection {
  std::function<void()> close;  // makes every operation of the session fail
  bool busy = false;            // between the first byte of a request and the end of its answer
};

using Socket = boost::asio::generic::stream_protocol::socket;

// serve_plain and serve_tls answer requests until the client goes, a limit is reached, or the
// server stops. They do not throw. `connection` must live until they return.
boost::asio::awaitable<void> serve_plain(Socket socket, std::string remote, Shared& shared,
                                         Connection& connection);
boost::asio::awaitable<void> serve_tls(Socket socket, std::string remote, Shared& shared,
                                       Connection& connection,
                                       std::shared_ptr<boost::asio::ssl::context> tls);

}  // namespace attest::http
