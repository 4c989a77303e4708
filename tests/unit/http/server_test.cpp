#include "libattest/http/server.h"

#include <atomic>
#include <future>
#include <mutex>
#include <thread>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "libattest/base/descriptor.h"
#include "libattest/http/client.h"
#include "tests/support/catch.h"
#include "tests/unit/http/tls_certificates.h"

using namespace attest;
using namespace attest::http;
using namespace std::chrono_literals;

namespace {

Client client_of(ClientOptions options) {
  options.retry.attempts = 1;
  return must(Client::make(std::move(options), system_random()));
}

Client trusting_client() {
  ClientOptions options;
  options.ca_file = TlsCertificates::instance().ca();
  return client_of(options);
}

Client plain_client() {
  ClientOptions options;
  options.plain = true;
  return client_of(options);
}

ServerOptions tls_options() {
  const auto& files = TlsCertificates::instance();
  ServerOptions options;
  options.listen = {"127.0.0.1", 0, {}};
  options.tls = must(load_tls_identity(files.server(), files.server_key()));
  return options;
}

ServerOptions plain_options() {
  ServerOptions options;
  options.listen = {"127.0.0.1", 0, {}};
  options.plain = true;
  return options;
}

Router echo() {
  Router router;
  router.add(Method::get, "/hello/{name}", [](const Request& request) {
    return text_response(200, "hello " + request.parameters.at("name") + request.query.at("mark"));
  });
  router.add(Method::post, "/echo",
             [](const Request& request) {
               return bytes_response(200, request.content_type, request.body);
             },
             {.body = 1000});
  return router;
}

// A bare connection, for what a proper client does not do.
class RawConnection {
 public:
  explicit RawConnection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    REQUIRE(::connect(socket_.get(), generic, sizeof address) == 0);
  }
  void send(std::string_view text) {
    REQUIRE(::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(text.size()));
  }
  // Reads until the server closes.
  std::string read_all() {
    std::string all;
    std::array<char, 4096> piece{};
    for (ssize_t n = 1; n > 0;) {
      n = ::recv(socket_.get(), piece.data(), piece.size(), 0);
      if (n > 0) all.append(piece.data(), static_cast<std::size_t>(n));
    }
    return all;
  }

 private:
  Descriptor socket_;
};

}  // namespace

TEST_CASE("requests are answered over TLS, several on one connection") {
  const auto server = must(Server::start(tls_options(), echo()));
  const Client client = trusting_client();
  for (int i = 0; i < 3; ++i) {
    REQUIRE(to_string(must(client.fetch(server->url() + "/hello/you?mark=%21"))) == "hello you!");
    const auto echoed = must(client.post(server->url() + "/echo", "text/x; a=b", to_bytes("body")));
    REQUIRE(as_text(echoed.body) == "body");
    REQUIRE(echoed.content_type == "text/x");
    REQUIRE(echoed.headers.find("Cache-Control") == std::string_view("no-store"));
  }
}

TEST_CASE("what is not served is said to be so") {
  const auto server = must(Server::start(tls_options(), echo()));
  const Client client = trusting_client();
  REQUIRE(must(client.get(server->url() + "/nothing")).status == 404);
  REQUIRE(must(client.get(server->url() + "/echo")).status == 405);
  REQUIRE(must(client.get(server->url() + "/hello/a%2fb")).status == 400);
}

TEST_CASE("a server whose certificate chains to another CA is not spoken to") {
  const auto server = must(Server::start(tls_options(), echo()));
  ClientOptions options;
  options.ca_file = TlsCertificates::instance().other_ca();
  const auto answer = client_of(options).get(server->url() + "/hello/you?mark=x");
  REQUIRE_RULE(answer, rules::http_peer);
  REQUIRE(answer.error().kind == ErrorKind::incomplete);
}

TEST_CASE(
    "a client without a certificate, or with one of another CA, is refused when one is needed") {
  const auto& files = TlsCertificates::instance();
  Router router;
  router.add(Method::get, "/who", [](const Request& request) {
    return text_response(200, request.client_key ? to_hex(*request.client_key) : "nobody");
  });
  ServerOptions options = tls_options();
  options.clients = must(load_client_roots(files.ca(), ClientCertificates::Wanted::required));
  const auto server = must(Server::start(options, router));

  REQUIRE_FALSE(trusting_client().get(server->url() + "/who").has_value());

  ClientOptions stranger;
  stranger.ca_file = files.ca();
  stranger.client_certificate = files.stranger();
  stranger.client_key = files.stranger_key();
  REQUIRE_FALSE(client_of(stranger).get(server->url() + "/who").has_value());

  ClientOptions known = stranger;
  known.client_certificate = files.client();
  known.client_key = files.client_key();
  const auto certificate = must(Certificate::from_pem(must(read_text_file(files.client()))));
  REQUIRE(to_string(must(client_of(known).fetch(server->url() + "/who"))) ==
          to_hex(must(certificate.public_key()).thumbprint()));
}

TEST_CASE("where a client certificate is optional, both kinds of client are told apart") {
  const auto& files = TlsCertificates::instance();
  Router router;
  router.add(Method::get, "/who", [](const Request& request) {
    return text_response(200, request.client_certificate ? "known" : "nobody");
  });
  ServerOptions options = tls_options();
  options.clients = must(load_client_roots(files.ca(), ClientCertificates::Wanted::optional));
  const auto server = must(Server::start(options, router));
  REQUIRE(to_string(must(trusting_client().fetch(server->url() + "/who"))) == "nobody");
  ClientOptions known;
  known.ca_file = files.ca();
  known.client_certificate = files.client();
  known.client_key = files.client_key();
  REQUIRE(to_string(must(client_of(known).fetch(server->url() + "/who"))) == "known");
}

TEST_CASE("a body larger than its route allows is answered 413, announced or not") {
  const auto server = must(Server::start(plain_options(), echo()));
  const auto at_limit = plain_client().post(server->url() + "/echo", "a/b", Bytes(1000));
  REQUIRE(must(at_limit).status == 200);
  const auto above = plain_client().post(server->url() + "/echo", "a/b", Bytes(1001));
  REQUIRE(must(above).status == 413);

  RawConnection chunked(server->endpoint().port);
  chunked.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" +
               std::string(1001, 'x') + "\r\n0\r\n\r\n");
  REQUIRE(chunked.read_all().starts_with("HTTP/1.1 413"));
}

TEST_CASE("a header larger than the limit is answered 431") {
  const auto server = must(Server::start(plain_options(), echo()));
  RawConnection raw(server->endpoint().port);
  raw.send("GET /echo HTTP/1.1\r\nX: " + std::string(20000, 'x') + "\r\n\r\n");
  REQUIRE(raw.read_all().starts_with("HTTP/1.1 431"));
}

TEST_CASE("what is no HTTP, or smuggles a second length, is answered 400") {
  const auto server = must(Server::start(plain_options(), echo()));
  for (const char* request :
       {"nonsense\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
        "POST /echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        "POST /echo HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx"}) {
    INFO(request);
    RawConnection raw(server->endpoint().port);
    raw.send(request);
    REQUIRE(raw.read_all().starts_with("HTTP/1.1 400"));
  }
}

TEST_CASE("a client that sends slowly is cut off when its time is over") {
  ServerOptions options = plain_options();
  options.limits.request = 150ms;
  const auto server = must(Server::start(options, echo()));
  RawConnection raw(server->endpoint().port);
  raw.send("POST /echo HTTP/1.1\r\nContent-Length: 100\r\n\r\nx");
  const auto started = std::chrono::steady_clock::now();
  REQUIRE(raw.read_all().empty());
  REQUIRE(std::chrono::steady_clock::now() - started < 5s);
}

TEST_CASE("an idle connection is closed when its time is over") {
  ServerOptions options = plain_options();
  options.limits.idle = 100ms;
  const auto server = must(Server::start(options, echo()));
  RawConnection raw(server->endpoint().port);
  REQUIRE(raw.read_all().empty());
}

TEST_CASE("a slow handler does not keep others from being answered") {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  Router router;
  router.add(Method::get, "/slow", [released](const Request&) {
    released.wait();
    return text_response(200, "slow");
  });
  router.add(Method::get, "/fast", [](const Request&) { return text_response(200, "fast"); });
  const auto server = must(Server::start(plain_options(), router));
  auto slow =
      std::async(std::launch::async, [&] { return plain_client().get(server->url() + "/slow"); });
  REQUIRE(to_string(must(plain_client().fetch(server->url() + "/fast"))) == "fast");
  release.set_value();
  REQUIRE(must(slow.get()).status == 200);
}

TEST_CASE("when too many requests wait the answer is 503 with Retry-After") {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::atomic<int> running = 0;
  Router router;
  router.add(Method::get, "/slow", [&running, released](const Request&) {
    ++running;
    released.wait();
    return text_response(200, "slow");
  });
  ServerOptions options = plain_options();
  options.limits.threads = 1;
  options.limits.queue = 0;
  const auto refusing = must(Server::start(options, router));
  const auto busy = must(plain_client().get(refusing->url() + "/slow"));
  REQUIRE(busy.status == 503);
  REQUIRE(busy.headers.find("Retry-After").has_value());
  REQUIRE(running == 0);
  release.set_value();
}

TEST_CASE("stopping lets a running request finish and refuses new connections") {
  std::promise<void> entered;
  Router router;
  router.add(Method::get, "/slow", [&entered](const Request&) {
    entered.set_value();
    std::this_thread::sleep_for(200ms);
    return text_response(200, "finished");
  });
  auto server = must(Server::start(tls_options(), router));
  const std::string url = server->url() + "/slow";
  auto slow = std::async(std::launch::async, [&] { return trusting_client().fetch(url); });
  entered.get_future().wait();
  server->stop(10s);
  REQUIRE(to_string(must(slow.get())) == "finished");
  REQUIRE_RULE(trusting_client().get(url), rules::http_unreachable);
}

TEST_CASE("stopping does not wait for idle connections") {
  auto server = must(Server::start(plain_options(), echo()));
  RawConnection idle(server->endpoint().port);
  idle.send("GET /hello/a?mark=x HTTP/1.1\r\nHost: x\r\n\r\n");
  std::this_thread::sleep_for(50ms);
  const auto started = std::chrono::steady_clock::now();
  server->stop(20s);
  REQUIRE(std::chrono::steady_clock::now() - started < 5s);
}

TEST_CASE("an exception of a handler is a 500 whose words stay in the log") {
  std::mutex mutex;
  std::vector<AccessRecord> records;
  Router router;
  router.add(Method::get, "/bad/{x}",
             [](const Request&) -> Response { throw std::runtime_error("secret detail"); });
  ServerOptions options = plain_options();
  options.access_log = [&](const AccessRecord& record) {
    const std::lock_guard lock(mutex);
    records.push_back(record);
  };
  auto server = must(Server::start(options, router));
  const auto answer = must(plain_client().get(server->url() + "/bad/1?token=hidden"));
  REQUIRE(answer.status == 500);
  REQUIRE(as_text(answer.body).find("secret") == std::string_view::npos);
  server->stop(1s);
  REQUIRE(records.size() == 1);
  REQUIRE(records[0].error == "secret detail");
  REQUIRE(records[0].path == "/bad/1");
  REQUIRE(records[0].route == "/bad/{x}");
  REQUIRE(records[0].status == 500);
}

TEST_CASE("a stream arrives piece by piece, and its producer learns that the reader went") {
  std::promise<bool> failed;
  Router router;
  router.add(Method::get, "/count", [](const Request&) {
    return stream_response("text/event-stream", [](StreamWriter& writer) {
      for (int i = 0; i < 3; ++i)
        if (!writer.event(std::to_string(i))) return;
    });
  });
  router.add(Method::get, "/endless", [&failed](const Request&) {
    return stream_response("text/event-stream", [&failed](StreamWriter& writer) {
      Status last;
      for (int i = 0; i < 100000 && last; ++i) last = writer.write(Bytes(4096));
      failed.set_value(!last);
    });
  });
  const auto server = must(Server::start(tls_options(), router));
  std::string text;
  ClientRequest request;
  request.url = server->url() + "/count";
  request.on_piece = [&text](ByteView piece) {
    text += as_text(piece);
    return true;
  };
  must(trusting_client().send(request));
  REQUIRE(text == "data: 0\n\ndata: 1\n\ndata: 2\n\n");

  request.url = server->url() + "/endless";
  request.on_piece = [](ByteView) { return false; };
  REQUIRE_RULE(trusting_client().send(request), rules::http_stream_closed);
  REQUIRE(failed.get_future().get());
}

TEST_CASE("a file is sent whole, and HEAD tells its size") {
  const TemporaryDirectory directory;
  const Path file = directory.path() / "tile";
  must(write_file_atomically(file, Bytes(100000, std::byte{7})));
  Router router;
  router.add(Method::get, "/tile",
             [file](const Request&) { return file_response(file, "application/octet-stream"); });
  const auto server = must(Server::start(tls_options(), router));
  REQUIRE(must(trusting_client().fetch(server->url() + "/tile")) == Bytes(100000, std::byte{7}));

  const auto plain = must(Server::start(plain_options(), router));
  RawConnection raw(plain->endpoint().port);
  raw.send("HEAD /tile HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string head = raw.read_all();
  REQUIRE(head.find("Content-Length: 100000") != std::string::npos);
  REQUIRE(head.ends_with("\r\n\r\n"));
}

TEST_CASE("plain HTTP is served only where it was asked for, and only near") {
  ServerOptions options = plain_options();
  options.plain = false;
  REQUIRE(Server::start(options, echo()).error().kind == ErrorKind::usage);
  options.plain = true;
  options.listen = {"0.0.0.0", 0, {}};
  REQUIRE_RULE(Server::start(options, echo()), rules::http_plain);
}

TEST_CASE("a UNIX socket is for its owner, and one left behind is replaced") {
  const TemporaryDirectory directory;
  const Path path = directory.path() / "s";
  {
    const Descriptor stale(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    const auto* generic = reinterpret_cast<const sockaddr*>(&address);
    REQUIRE(::bind(stale.get(), generic, sizeof address) == 0);
  }
  ServerOptions options;
  options.listen = must(parse_endpoint("unix:" + path.string()));
  options.plain = true;
  auto server = must(Server::start(options, echo()));
  REQUIRE(std::filesystem::status(path).permissions() == std::filesystem::perms(0600));
  ClientOptions local;
  local.plain = true;
  local.unix_socket = path;
  REQUIRE(to_string(must(client_of(local).fetch(server->url() + "/hello/a?mark=b"))) == "hello ab");
  // A socket that somebody answers on is not taken away.
  REQUIRE_RULE(Server::start(options, echo()), rules::http_listen);
  server->stop(1s);
  REQUIRE_FALSE(std::filesystem::exists(path));
}

TEST_CASE("an address that is taken is incomplete, and says so") {
  const auto server = must(Server::start(plain_options(), echo()));
  ServerOptions options = plain_options();
  options.listen = server->endpoint();
  const auto second = Server::start(options, echo());
  REQUIRE_RULE(second, rules::http_listen);
}

TEST_CASE("another certificate is used from the next connection on") {
  const auto& files = TlsCertificates::instance();
  const auto server = must(Server::start(tls_options(), echo()));
  must(server->replace_tls(must(load_tls_identity(files.stranger(), files.stranger_key()))));
  REQUIRE_RULE(trusting_client().get(server->url() + "/hello/a?mark=b"), rules::http_peer);
}

TEST_CASE("endpoints are numeric addresses with ports, or absolute socket paths") {
  REQUIRE(must(parse_endpoint("127.0.0.1:80")).to_string() == "127.0.0.1:80");
  REQUIRE(must(parse_endpoint("[::1]:443")).to_string() == "[::1]:443");
  REQUIRE(must(parse_endpoint("[::1]:443")).is_loopback());
  REQUIRE_FALSE(must(parse_endpoint("10.0.0.1:443")).is_loopback());
  REQUIRE(must(parse_endpoint("unix:/run/x")).is_unix());
  for (const char* text : {"", "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                           "127.0.0.1:8x", "::1:80", "unix:relative", "[127.0.0.1]:80"})
    REQUIRE_RULE(parse_endpoint(text), rules::http_endpoint);
}
