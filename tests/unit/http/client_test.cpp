#include "libattest/http/client.h"

#include <atomic>
#include <thread>

#include "libattest/http/server.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::http;
using namespace std::chrono_literals;

namespace {

// Every byte the same: the largest draw, or the smallest.
class Fixed final : public Random {
 public:
  explicit Fixed(std::byte value) : value_(value) {}
  void fill(std::span<std::byte> bytes) override { std::ranges::fill(bytes, value_); }

 private:
  std::byte value_;
};

struct Slept {
  std::vector<std::chrono::milliseconds> spans;
  Sleep sleep() {
    return [this](std::chrono::milliseconds span) {
      spans.push_back(span);
      return true;
    };
  }
};

std::unique_ptr<Server> serve(Router router) {
  ServerOptions options;
  options.listen = {"127.0.0.1", 0, {}};
  options.plain = true;
  return must(Server::start(std::move(options), std::move(router)));
}

Client client_with(Slept& slept, ClientOptions options = {}) {
  options.plain = true;
  return must(Client::make(std::move(options), system_random(), slept.sleep()));
}

// A server that answers 503, with Retry-After or without, until it was asked `failures` times.
Router failing(std::atomic<int>& asked, int failures, bool retry_after) {
  Router router;
  router.add(Method::post, "/x", [&asked, failures, retry_after](const Request&) {
    if (asked++ >= failures) return text_response(200, "done");
    return retry_after ? busy_response(2) : empty_response(503);
  });
  return router;
}

}  // namespace

TEST_CASE("a 503 with Retry-After is tried again, after at least the time asked for") {
  std::atomic<int> asked = 0;
  const auto server = serve(failing(asked, 2, true));
  Slept slept;
  const Client client = client_with(slept);
  REQUIRE(to_string(must(client.exchange(server->url() + "/x", "a/b", {}))) == "done");
  REQUIRE(asked == 3);
  REQUIRE(slept.spans.size() == 2);
  for (const auto span : slept.spans) REQUIRE(span >= 2s);
}

TEST_CASE("a 503 without Retry-After, and any other error, is not tried again") {
  std::atomic<int> asked = 0;
  const auto server = serve(failing(asked, 2, false));
  Slept slept;
  REQUIRE(must(client_with(slept).post(server->url() + "/x", "a/b", {})).status == 503);
  REQUIRE(must(client_with(slept).get(server->url() + "/none")).status == 404);
  REQUIRE(asked == 1);
  REQUIRE(slept.spans.empty());
}

TEST_CASE("attempts end, and the last answer is given") {
  std::atomic<int> asked = 0;
  const auto server = serve(failing(asked, 100, true));
  Slept slept;
  REQUIRE(must(client_with(slept).post(server->url() + "/x", "a/b", {})).status == 503);
  REQUIRE(asked == 4);
}

TEST_CASE("a connection that cannot be made is tried again, and is then incomplete") {
  std::string url;
  {
    const auto server = serve({});
    url = server->url();
  }
  Slept slept;
  const auto answer = client_with(slept).get(url + "/x");
  REQUIRE_RULE(answer, rules::http_unreachable);
  REQUIRE(answer.error().kind == ErrorKind::incomplete);
  REQUIRE(slept.spans.size() == 3);
}

TEST_CASE("a stop while waiting ends the attempts") {
  std::atomic<int> asked = 0;
  const auto server = serve(failing(asked, 100, true));
  ClientOptions options;
  options.plain = true;
  const Client client =
      must(Client::make(options, system_random(), [](std::chrono::milliseconds) { return false; }));
  REQUIRE(must(client.post(server->url() + "/x", "a/b", {})).status == 503);
  REQUIRE(asked == 1);
}

TEST_CASE("a request that reached the server is not sent twice when the answer is late") {
  std::atomic<int> asked = 0;
  Router router;
  router.add(Method::post, "/x", [&asked](const Request&) {
    ++asked;
    std::this_thread::sleep_for(400ms);
    return empty_response(200);
  });
  const auto server = serve(router);
  Slept slept;
  ClientOptions options;
  options.timeout = 100ms;
  REQUIRE_RULE(client_with(slept, options).post(server->url() + "/x", "a/b", {}),
               rules::http_unreachable);
  REQUIRE(slept.spans.empty());
  REQUIRE(asked == 1);
}

TEST_CASE("the wait is random between nothing and a bound that doubles up to a limit") {
  const RetryPolicy policy{.attempts = 9, .first_delay = 100ms, .longest_delay = 1000ms};
  Fixed least(std::byte{0});
  REQUIRE(backoff_delay(policy, 0, least, 0s) == 0ms);
  REQUIRE(backoff_delay(policy, 0, least, 1s) == 1000ms);
  REQUIRE(backoff_delay(policy, 0, least, 3600s) == 1000ms);
  for (unsigned n = 0; n < 40; ++n)
    REQUIRE(backoff_delay(policy, n, system_random(), 0s) <=
            std::min(1000ms, 100ms * (1 << std::min(n, 10U))));
}

TEST_CASE("a response larger than the limit is refused") {
  Router router;
  router.add(Method::get, "/x",
             [](const Request&) { return bytes_response(200, "a/b", Bytes(1001)); });
  const auto server = serve(router);
  Slept slept;
  ClientOptions options;
  options.response_limit = 1000;
  REQUIRE_RULE(client_with(slept, options).get(server->url() + "/x"), rules::http_response_size);
}

TEST_CASE("a redirect is followed on the same server and nowhere else") {
  std::string elsewhere;
  Router router;
  router.add(Method::get, "/near", [](const Request&) {
    Response response = empty_response(302);
    response.headers.add("Location", "/target");
    return response;
  });
  router.add(Method::get, "/far", [&elsewhere](const Request&) {
    Response response = empty_response(302);
    response.headers.add("Location", elsewhere);
    return response;
  });
  router.add(Method::get, "/loop", [](const Request&) {
    Response response = empty_response(302);
    response.headers.add("Location", "/loop");
    return response;
  });
  router.add(Method::get, "/target", [](const Request&) { return text_response(200, "here"); });
  const auto server = serve(router);
  const auto other = serve(router);
  elsewhere = other->url() + "/target";
  Slept slept;
  const Client client = client_with(slept);
  REQUIRE(to_string(must(client.fetch(server->url() + "/near"))) == "here");
  REQUIRE_RULE(client.get(server->url() + "/far"), rules::http_redirect);
  REQUIRE_RULE(client.get(server->url() + "/loop"), rules::http_redirect);
}

TEST_CASE("plain HTTP, other schemes and passwords in URLs are refused before anything is sent") {
  const Client secure = must(Client::make({}, system_random()));
  REQUIRE_RULE(secure.get("http://127.0.0.1/"), rules::http_url);
  Slept slept;
  const Client plain = client_with(slept);
  for (const char* url : {"ftp://127.0.0.1/", "file:///etc/passwd", "", "http://u:p@127.0.0.1/"})
    REQUIRE_RULE(plain.get(url), rules::http_url);
}

TEST_CASE("an error of a server comes back as an error, with its words") {
  Router router;
  router.add(Method::get, "/x", [](const Request&) {
    return error_response(refused(rules::http_parameter, "no such node"));
  });
  const auto server = serve(router);
  Slept slept;
  const auto fetched = client_with(slept).fetch(server->url() + "/x");
  REQUIRE_RULE(fetched, rules::http_remote);
  REQUIRE(fetched.error().kind == ErrorKind::refused);
  REQUIRE(fetched.error().what == "no such node (http.parameter)");
}

TEST_CASE("text is encoded for a URL") {
  REQUIRE(url_encode("sha256:ab/~ü") == "sha256%3aab%2f~%c3%bc");
}
