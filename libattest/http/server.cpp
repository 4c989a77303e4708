#include "libattest/http/server.h"

#include <condition_variable>
#include <cstring>
#include <list>
#include <mutex>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "libattest/http/session.h"

namespace attest::http {

namespace {

namespace asio = boost::asio;
using asio::awaitable;
using asio::redirect_error;
using asio::use_awaitable;
using boost::system::error_code;
using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;
using TlsContext = asio::ssl::context;

// Mozilla's intermediate list for TLS 1.2: forward secrecy and AEAD only. TLS 1.3 has its own.
constexpr const char* tls12_suites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

Status ask_for_certificates(SSL_CTX* context, const ClientCertificates& clients) {
  if (clients.wanted == ClientCertificates::Wanted::no) return {};
  const bool required = clients.wanted == ClientCertificates::Wanted::required;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                     nullptr);
  for (const Certificate& root : clients.roots) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root.openssl()) != 1 ||
        SSL_CTX_add_client_CA(context, root.openssl()) != 1)
      return fail(fault(rules::tls_certificate, "a client CA certificate cannot be used"));
  }
  return {};
}

Result<std::shared_ptr<TlsContext>> make_tls(const TlsIdentity& identity,
                                             const ClientCertificates& clients) {
  auto context = std::make_shared<TlsContext>(TlsContext::tls_server);
  SSL_CTX* raw = context->native_handle();
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  // Without tickets and cache every connection shows its certificate anew.
  SSL_CTX_set_options(raw, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                               SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(raw, 0);
  error_code error;
  if (SSL_CTX_set_cipher_list(raw, tls12_suites) != 1)
    return fail(fault(rules::tls_certificate, "OpenSSL has none of the cipher suites wanted"));
  context->use_certificate_chain(asio::buffer(identity.chain_pem()), error);
  if (error)
    return fail(refused(rules::tls_certificate, "TLS cannot use this certificate chain")
                    .found(error.message()));
  context->use_private_key(asio::buffer(identity.key_pem()), TlsContext::pem, error);
  if (error) return fail(refused(rules::tls_key, "TLS cannot use this key").found(error.message()));
  TRY_VOID(ask_for_certificates(raw, clients));
  return context;
}

class RunningServer final : public Server {
 public:
  RunningServer(ServerOptions options, Router router)
      : clients_(std::move(options.clients)),
        endpoint_(std::move(options.listen)),
        shared_(std::move(router), options.limits, std::move(options.name),
                std::move(options.access_log)),
        acceptor_(io_),
        pause_(io_),
        work_(asio::make_work_guard(io_)) {}

  ~RunningServer() override { stop(std::chrono::milliseconds(0)); }

  Status begin(const std::optional<TlsIdentity>& identity) {
    if (identity) {
      TRY(tls_, make_tls(*identity, clients_));
    }
    TRY_VOID(listen());
    asio::co_spawn(io_, accept_all(), asio::detached);
    thread_ = std::thread([this] { io_.run(); });
    return {};
  }

  Endpoint endpoint() const override { return endpoint_; }

  std::string url() const override {
    return (secure_ ? "https://" : "http://") +
           (endpoint_.is_unix() ? std::string("localhost") : endpoint_.to_string());
  }

  Status replace_tls(const TlsIdentity& identity) override {
    TRY(auto context, make_tls(identity, clients_));
    asio::post(io_, [this, context = std::move(context)] { tls_ = context; });
    return {};
  }

  void stop(std::chrono::milliseconds grace) override {
    const std::lock_guard one_at_a_time(stop_mutex_);
    if (!thread_.joinable()) return;
    asio::post(io_, [this] { close_listening(); });
    wait_until_empty(grace);
    asio::post(io_, [this] {
      for (Connection& connection : connections_)
        if (connection.close) connection.close();
    });
    wait_until_empty(std::chrono::hours(24));
    work_.reset();
    thread_.join();
    shared_.pool.join();
    if (endpoint_.is_unix()) ::unlink(endpoint_.socket.c_str());
  }

  void mark_secure(bool secure) { secure_ = secure; }

 private:
  std::unexpected<Error> cannot_listen(const error_code& error) const {
    return fail(incomplete(rules::http_listen, "cannot listen")
                    .found(error.message())
                    .within(endpoint_.to_string()));
  }

  asio::generic::stream_protocol::endpoint address(error_code& error) const {
    if (endpoint_.is_unix())
      return asio::local::stream_protocol::endpoint(endpoint_.socket.string());
    return asio::ip::tcp::endpoint(asio::ip::make_address(endpoint_.address, error),
                                   endpoint_.port);
  }

  // A socket file that a killed server left behind would keep the next one from starting; one that
  // somebody answers on is left alone.
  void remove_stale_socket() {
    struct stat about{};
    if (::lstat(endpoint_.socket.c_str(), &about) != 0 || !S_ISSOCK(about.st_mode)) return;
    error_code error;
    asio::local::stream_protocol::socket probe(io_);
    probe.connect(asio::local::stream_protocol::endpoint(endpoint_.socket.string()), error);
    if (error == asio::error::connection_refused) ::unlink(endpoint_.socket.c_str());
  }

  Status listen() {
    if (endpoint_.is_unix()) remove_stale_socket();
    error_code error;
    const auto at = address(error);
    if (!error) acceptor_.open(at.protocol(), error);
    if (!error && !endpoint_.is_unix())
      acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(at, error);
    if (error) return cannot_listen(error);
    // Between bind and listen nobody can connect yet, so nobody slips in before this.
    if (endpoint_.is_unix() &&
        ::chmod(endpoint_.socket.c_str(), shared_.limits.socket_permissions) != 0)
      return cannot_listen(error_code(errno, boost::system::system_category()));
    acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return cannot_listen(error);
    if (!endpoint_.is_unix() && endpoint_.port == 0) {
      asio::ip::tcp::endpoint bound;
      const auto local = acceptor_.local_endpoint(error);
      if (error) return cannot_listen(error);
      bound.resize(local.size());
      std::memcpy(bound.data(), local.data(), local.size());
      endpoint_.port = bound.port();
    }
    return {};
  }

  awaitable<void> accept_all() {
    while (acceptor_.is_open()) {
      error_code error;
      asio::generic::stream_protocol::endpoint from;
      Socket socket(io_);
      co_await acceptor_.async_accept(socket, from, redirect_error(use_awaitable, error));
      if (shared_.stopping) co_return;
      if (error) {
        // Out of descriptors, most likely: some will come back; do not spin meanwhile.
        pause_.expires_after(std::chrono::milliseconds(100));
        error_code ignored;
        co_await pause_.async_wait(redirect_error(use_awaitable, ignored));
        continue;
      }
      if (connections_.size() >= shared_.limits.connections) continue;
      admit(std::move(socket), from);
    }
  }

  void admit(Socket socket, const asio::generic::stream_protocol::endpoint& from) {
    {
      const std::lock_guard lock(mutex_);
      connections_.emplace_front();
    }
    const auto place = connections_.begin();
    std::string remote = remote_name(from);
    auto session = tls_ ? serve_tls(std::move(socket), std::move(remote), shared_, *place, tls_)
                        : serve_plain(std::move(socket), std::move(remote), shared_, *place);
    asio::co_spawn(io_, std::move(session), [this, place](const std::exception_ptr&) {
      const std::lock_guard lock(mutex_);
      connections_.erase(place);
      emptied_.notify_all();
    });
  }

  std::string remote_name(const asio::generic::stream_protocol::endpoint& from) const {
    if (endpoint_.is_unix()) return "unix";
    asio::ip::tcp::endpoint address;
    if (from.size() > address.capacity()) return "unknown";
    address.resize(from.size());
    std::memcpy(address.data(), from.data(), from.size());
    return Endpoint{address.address().to_string(), address.port(), {}}.to_string();
  }

  void close_listening() {
    shared_.stopping = true;
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    for (Connection& connection : connections_)
      if (!connection.busy && connection.close) connection.close();
  }

  void wait_until_empty(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    emptied_.wait_for(lock, limit, [this] { return connections_.empty(); });
  }

  ClientCertificates clients_;
  Endpoint endpoint_;
  bool secure_ = false;
  asio::io_context io_{1};
  Shared shared_;
  std::shared_ptr<TlsContext> tls_;
  Acceptor acceptor_;
  asio::steady_timer pause_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
  std::mutex stop_mutex_;
  // Guards the list's shape: it changes on the I/O thread, and stop() waits for it to be empty.
  std::mutex mutex_;
  std::condition_variable emptied_;
  std::list<Connection> connections_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(ServerOptions options, Router router) {
  const std::string place = options.listen.to_string();
  if (!options.tls && !options.plain)
    return fail(usage_error("a server needs a certificate and key, or must be told to serve plain "
                            "HTTP on loopback")
                    .within(place));
  if (!options.tls && !options.listen.is_unix() && !options.listen.is_loopback())
    return fail(refused(rules::http_plain, "plain HTTP is served on loopback only")
                    .expected("a loopback address or a UNIX socket, or TLS")
                    .found(place));
  const std::optional<TlsIdentity> identity = options.tls;
  auto server = std::make_unique<RunningServer>(std::move(options), std::move(router));
  server->mark_secure(identity.has_value());
  TRY_VOID(server->begin(identity));
  return std::unique_ptr<Server>(std::move(server));
}

}  // namespace attest::http
