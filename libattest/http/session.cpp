#include "libattest/http/session.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>

#include "libattest/base/text.h"

namespace attest::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace wire = boost::beast::http;
using asio::awaitable;
using asio::redirect_error;
using asio::use_awaitable;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

using PlainStream = beast::basic_stream<asio::generic::stream_protocol>;
using TlsStream = beast::ssl_stream<PlainStream>;
using HeaderParser = wire::request_parser<wire::empty_body>;
using BodyParser = wire::request_parser<wire::vector_body<unsigned char>>;

// An answer may take longer than the request's limit when it is large, but the client must take at
// least this much of it a second.
constexpr std::uint64_t slowest_reader = 16U << 10;
// What is read and thrown away after a refusal, so that the client sees the answer rather than a
// reset connection.
constexpr std::size_t drained_at_most = 1U << 20;

std::optional<Method> method_of(wire::verb verb) {
  switch (verb) {
    case wire::verb::get:
    case wire::verb::head:
      return Method::get;
    case wire::verb::post:
      return Method::post;
    case wire::verb::put:
      return Method::put;
    case wire::verb::delete_:
      return Method::remove;
    default:
      return std::nullopt;
  }
}

std::string media_type(std::string_view field) {
  std::string type(field.substr(0, field.find(';')));
  while (type.ends_with(' ')) type.pop_back();
  for (char& c : type) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return type;
}

Response refusal(int status, Rule rule, std::string what) {
  return error_response(status, refused(rule, std::move(what)));
}

struct ClientIdentity {
  std::optional<Sha256> key;
  std::optional<Sha256> certificate;
};

template <int (*encode)(const X509*, unsigned char**)>
Sha256 digest_of(const X509* certificate) {
  unsigned char* der = nullptr;
  const int size = encode(certificate, &der);
  const Sha256 digest =
      sha256(ByteView(reinterpret_cast<const std::byte*>(der), static_cast<std::size_t>(size)));
  OPENSSL_free(der);
  return digest;
}

int encode_key(const X509* certificate, unsigned char** der) {
  return i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), der);
}

ClientIdentity identity_of(PlainStream&) {
  return {};
}

// A certificate that does not verify has ended the handshake, so one that is here is good.
ClientIdentity identity_of(TlsStream& stream) {
  const std::unique_ptr<X509, decltype(&X509_free)> certificate(
      SSL_get1_peer_certificate(stream.native_handle()), &X509_free);
  if (!certificate) return {};
  return {digest_of<encode_key>(certificate.get()), digest_of<i2d_X509>(certificate.get())};
}

// Whether the other side has closed its half of the connection; what it sent before may still wait.
bool has_left(int socket) {
  pollfd state{.fd = socket, .events = POLLRDHUP, .revents = 0};
  return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

// What is being answered, gathered for the access log.
struct Exchange {
  Request request;
  bool head_only = false;
  bool keep_alive = false;
  bool unread_body = false;
  AccessRecord record;
  Clock::time_point started = Clock::now();
};

template <typename Stream>
class Session {
 public:
  Session(Stream& stream, std::string remote, Shared& shared, Connection& connection)
      : stream_(stream),
        remote_(std::move(remote)),
        shared_(shared),
        connection_(connection),
        client_(identity_of(stream)) {}

  awaitable<void> run() {
    for (bool more = true; more && !shared_.stopping;) {
      more = co_await serve_one();
      connection_.busy = false;
    }
  }

 private:
  // Answers one request; false when the connection is at its end.
  awaitable<bool> serve_one() {
    if (!co_await wait_for_bytes()) co_return false;
    connection_.busy = true;
    deadline(shared_.limits.request);

    Exchange exchange;
    exchange.record.remote = remote_;
    exchange.record.client_key = client_.key;
    HeaderParser header;
    header.header_limit(static_cast<std::uint32_t>(shared_.limits.header));
    header.body_limit(boost::none);  // set once the route is known
    error_code error;
    co_await wire::async_read_header(stream_, buffer_, header,
                                     redirect_error(use_awaitable, error));
    if (error) {
      auto answer = malformed(error);
      if (!answer) co_return false;
      exchange.unread_body = true;
      co_return co_await respond(exchange, std::move(*answer));
    }

    const Router::Route* route = nullptr;
    auto early = begin(header, exchange, route);
    if (early) {
      exchange.unread_body = has_body(header);
      co_return co_await respond(exchange, std::move(*early));
    }
    auto stopped = co_await read_body(header, exchange, route->limits.body);
    if (stopped) co_return co_await respond(exchange, std::move(*stopped));
    if (gone_) co_return false;
    auto answer = co_await dispatch(exchange, *route);
    co_return co_await respond(exchange, std::move(answer));
  }

  awaitable<bool> wait_for_bytes() {
    if (buffer_.size() > 0) co_return true;
    deadline(shared_.limits.idle);
    error_code error;
    const auto space = buffer_.prepare(4096);
    const std::size_t count =
        co_await stream_.async_read_some(space, redirect_error(use_awaitable, error));
    buffer_.commit(count);
    co_return !error;
  }

  // The answer to a request whose header cannot be read; nothing when the client is simply gone.
  static std::optional<Response> malformed(const error_code& error) {
    if (error == wire::error::header_limit || error == wire::error::buffer_overflow)
      return refusal(431, rules::http_header_size, "the request's header is too large");
    if (error.category() == make_error_code(wire::error::bad_method).category() &&
        error != wire::error::end_of_stream && error != wire::error::partial_message)
      return refusal(400, rules::http_form, "this is no HTTP request: " + error.message());
    return std::nullopt;
  }

  static bool has_body(const HeaderParser& header) {
    return header.chunked() || header.content_length_remaining().value_or(0) > 0;
  }

  // Fills the exchange from the header and finds the route, or answers at once.
  std::optional<Response> begin(const HeaderParser& header, Exchange& exchange,
                                const Router::Route*& route) {
    const auto& message = header.get();
    AccessRecord& record = exchange.record;
    exchange.head_only = message.method() == wire::verb::head;
    exchange.keep_alive = message.keep_alive();
    record.method = printable(std::string_view(message.method_string()), 16);

    auto target = parse_target(std::string_view(message.target()));
    if (!target) return error_response(400, target.error());
    record.path = printable(target->path);
    const auto method = method_of(message.method());
    if (!method) return refusal(405, rules::http_method, "this method is not served here");
    Router::Match match = shared_.router.find(*method, target->path);
    if (match.route == nullptr)
      return match.other_method
                 ? refusal(405, rules::http_method, "this path is served under another method")
                 : refusal(404, rules::http_not_found, "there is nothing under this path");
    route = match.route;
    record.route = route->pattern;
    if (header.content_length_remaining().value_or(0) > route->limits.body)
      return too_large(route->limits.body);

    Request& request = exchange.request;
    request.method = *method;
    request.path = std::move(target->path);
    request.query = std::move(target->query);
    request.parameters = std::move(match.parameters);
    request.remote = remote_;
    request.client_key = client_.key;
    request.client_certificate = client_.certificate;
    for (const auto& field : message)
      request.headers.add(std::string(std::string_view(field.name_string())),
                          std::string(std::string_view(field.value())));
    request.content_type = media_type(std::string_view(message[wire::field::content_type]));
    return std::nullopt;
  }

  static Response too_large(std::uint64_t limit) {
    return error_response(413, refused(rules::http_body_size, "the request's body is too large")
                                   .expected("at most " + with_thousands(limit) + " bytes"));
  }

  awaitable<std::optional<Response>> read_body(HeaderParser& header, Exchange& exchange,
                                               std::uint64_t limit) {
    error_code error;
    if (beast::iequals(header.get()[wire::field::expect], "100-continue")) {
      const wire::response<wire::empty_body> go_on(wire::status::continue_, 11);
      co_await wire::async_write(stream_, go_on, redirect_error(use_awaitable, error));
    }
    BodyParser body(std::move(header));
    body.body_limit(limit);
    if (!error)
      co_await wire::async_read(stream_, buffer_, body, redirect_error(use_awaitable, error));
    if (error == wire::error::body_limit) {
      exchange.unread_body = true;
      co_return too_large(limit);
    }
    if (error) {
      auto answer = malformed(error);
      exchange.unread_body = true;
      gone_ = !answer;
      co_return answer;
    }
    const auto& content = body.get().body();
    exchange.request.body = to_bytes(std::as_bytes(std::span(content)));
    exchange.record.received = content.size();
    co_return std::nullopt;
  }

  // Runs the handler on the pool. The coroutine is suspended meanwhile, so references to its
  // locals stay good, and nothing else touches the stream.
  awaitable<Response> dispatch(Exchange& exchange, const Router::Route& route) {
    if (shared_.waiting >= shared_.limits.queue) co_return busy_response(1);
    ++shared_.waiting;
    beast::get_lowest_layer(stream_).expires_never();
    exchange.request.client_left = [socket =
                                        beast::get_lowest_layer(stream_).socket().native_handle()] {
      return has_left(socket);
    };
    auto run = [&]() -> awaitable<Response> {
      --shared_.waiting;
      co_return guarded(exchange, route);
    };
    co_return co_await asio::co_spawn(shared_.pool, std::move(run), use_awaitable);
  }

  static Response guarded(Exchange& exchange, const Router::Route& route) {
    try {
      return route.handler(exchange.request);
    } catch (const std::exception& error) {
      exchange.record.error = printable(error.what());
    } catch (...) {
      exchange.record.error = "an exception of no known type";
    }
    return error_response(fault(Rule{"http.handler"}, exchange.record.error));
  }

  awaitable<bool> respond(Exchange& exchange, Response response) {
    exchange.keep_alive = exchange.keep_alive && !exchange.unread_body && !shared_.stopping;
    exchange.record.status = response.status;
    error_code error;
    if (response.stream && !exchange.head_only) {
      co_await send_stream(exchange, response, error);
    } else if (response.file && !exchange.head_only) {
      co_await send_file(exchange, response, error);
    } else {
      co_await send_bytes(exchange, response, error);
    }
    if (error) exchange.record.error = "while answering: " + error.message();
    if (!error && exchange.unread_body) co_await drain();
    log(exchange);
    co_return !error && exchange.keep_alive;
  }

  template <typename Body>
  wire::response<Body> started(const Exchange& exchange, const Response& response) const {
    wire::response<Body> message;
    message.version(11);
    message.result(static_cast<unsigned>(response.status));
    message.set(wire::field::server, shared_.name);
    message.set("X-Content-Type-Options", "nosniff");
    if (!response.content_type.empty())
      message.set(wire::field::content_type, response.content_type);
    // printable: a line break in a value would begin a header of somebody else's choice.
    for (const auto& [name, value] : response.headers.all())
      message.insert(name, printable(value, 4096));
    // Answers are about now; only what says so itself may be kept by a cache.
    if (!response.headers.find("Cache-Control"))
      message.set(wire::field::cache_control, "no-store");
    message.keep_alive(exchange.keep_alive);
    return message;
  }

  awaitable<void> send_bytes(Exchange& exchange, const Response& response, error_code& error) {
    auto message = started<wire::span_body<const char>>(exchange, response);
    const bool bodiless = response.status == 204 || response.status == 304;
    std::uint64_t size = response.body.size();
    if (response.file) size = response.file->size;
    if (!bodiless && !response.stream) message.content_length(size);
    if (!exchange.head_only && !bodiless) {
      const std::string_view text = as_text(response.body);
      message.body() = {text.data(), text.size()};
    }
    exchange.record.sent = message.body().size();
    deadline(time_to_send(message.body().size()));
    if (exchange.head_only) {
      wire::response_serializer<wire::span_body<const char>> serializer(message);
      serializer.split(true);
      co_await wire::async_write_header(stream_, serializer, redirect_error(use_awaitable, error));
    } else {
      co_await wire::async_write(stream_, message, redirect_error(use_awaitable, error));
    }
  }

  awaitable<void> send_file(Exchange& exchange, Response& response, error_code& error) {
    auto message = started<wire::file_body>(exchange, response);
    beast::file file;
    file.native_handle(response.file->file.release());
    message.body().reset(std::move(file), error);
    if (error) co_return;
    message.content_length(message.body().size());
    exchange.record.sent = message.body().size();
    deadline(time_to_send(message.body().size()));
    co_await wire::async_write(stream_, message, redirect_error(use_awaitable, error));
  }

  // Sends chunks as the producer, on a pool thread, makes them. Each write crosses to the I/O
  // thread and back, so a slow reader slows the producer down, and a reader that is gone fails it.
  class Writer final : public StreamWriter {
   public:
    explicit Writer(Session& session) : session_(session) {}
    Status write(ByteView piece) override {
      if (piece.empty()) return {};
      try {
        asio::co_spawn(session_.stream_.get_executor(), session_.send_chunk(piece),
                       asio::use_future)
            .get();
        sent_ += piece.size();
        return {};
      } catch (const boost::system::system_error& error) {
        failed_ = error.code();
        return fail(incomplete(rules::http_stream_closed, "the reader of this stream is gone")
                        .found(error.code().message()));
      }
    }
    std::uint64_t sent() const { return sent_; }
    const error_code& failed() const { return failed_; }

   private:
    Session& session_;
    std::uint64_t sent_ = 0;
    error_code failed_;
  };

  awaitable<void> send_chunk(ByteView piece) {
    deadline(time_to_send(piece.size()));
    co_await asio::async_write(
        stream_, wire::make_chunk(asio::const_buffer(piece.data(), piece.size())), use_awaitable);
  }

  awaitable<void> send_stream(Exchange& exchange, Response& response, error_code& error) {
    auto message = started<wire::empty_body>(exchange, response);
    message.chunked(true);
    wire::response_serializer<wire::empty_body> serializer(message);
    deadline(shared_.limits.request);
    co_await wire::async_write_header(stream_, serializer, redirect_error(use_awaitable, error));
    if (error) co_return;
    beast::get_lowest_layer(stream_).expires_never();
    Writer writer(*this);
    auto produce = [&]() -> awaitable<void> {
      try {
        response.stream(writer);
      } catch (const std::exception& thrown) {
        exchange.record.error = printable(thrown.what());
      }
      co_return;
    };
    co_await asio::co_spawn(shared_.pool, std::move(produce), use_awaitable);
    exchange.record.sent = writer.sent();
    error = writer.failed();
    // Without its last chunk a broken stream cannot be taken for a whole one.
    if (!exchange.record.error.empty()) exchange.keep_alive = false;
    if (error || !exchange.record.error.empty()) co_return;
    deadline(shared_.limits.request);
    co_await asio::async_write(stream_, wire::make_chunk_last(),
                               redirect_error(use_awaitable, error));
  }

  awaitable<void> drain() {
    deadline(std::chrono::seconds(2));
    buffer_.consume(buffer_.size());
    error_code error;
    for (std::size_t total = 0; !error && total < drained_at_most;) {
      const auto space = buffer_.prepare(16384);
      total += co_await stream_.async_read_some(space, redirect_error(use_awaitable, error));
    }
  }

  void log(Exchange& exchange) const {
    if (!shared_.access_log) return;
    exchange.record.duration =
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - exchange.started);
    shared_.access_log(exchange.record);
  }

  std::chrono::milliseconds time_to_send(std::uint64_t size) const {
    return shared_.limits.request + std::chrono::seconds(size / slowest_reader);
  }
  void deadline(std::chrono::milliseconds span) {
    beast::get_lowest_layer(stream_).expires_after(span);
  }

  Stream& stream_;
  std::string remote_;
  Shared& shared_;
  Connection& connection_;
  ClientIdentity client_;
  beast::flat_buffer buffer_;
  bool gone_ = false;
};

// Offers to close `stream` for as long as it is there.
class Closable {
 public:
  Closable(Connection& connection, PlainStream& stream) : connection_(connection) {
    connection_.close = [&stream] { stream.close(); };
  }
  Closable(const Closable&) = delete;
  Closable& operator=(const Closable&) = delete;
  ~Closable() { connection_.close = nullptr; }

 private:
  Connection& connection_;
};

}  // namespace

awaitable<void> serve_plain(Socket socket, std::string remote, Shared& shared,
                            Connection& connection) {
  PlainStream stream(std::move(socket));
  const Closable closable(connection, stream);
  try {
    Session<PlainStream> session(stream, std::move(remote), shared, connection);
    co_await session.run();
    error_code ignored;
    stream.socket().shutdown(asio::socket_base::shutdown_send, ignored);
  } catch (const std::exception&) {
    // Out of memory for this connection: it ends, the server goes on.
  }
}

awaitable<void> serve_tls(Socket socket, std::string remote, Shared& shared, Connection& connection,
                          std::shared_ptr<asio::ssl::context> tls) {
  TlsStream stream(PlainStream(std::move(socket)), *tls);
  const Closable closable(connection, beast::get_lowest_layer(stream));
  try {
    error_code error;
    beast::get_lowest_layer(stream).expires_after(shared.limits.handshake);
    co_await stream.async_handshake(asio::ssl::stream_base::server,
                                    redirect_error(use_awaitable, error));
    if (error) co_return;
    Session<TlsStream> session(stream, std::move(remote), shared, connection);
    co_await session.run();
    beast::get_lowest_layer(stream).expires_after(std::chrono::seconds(2));
    co_await stream.async_shutdown(redirect_error(use_awaitable, error));
  } catch (const std::exception&) {
    // Out of memory for this connection: it ends, the server goes on.
  }
}

}  // namespace attest::http
