#include "libattest/http/router.h"

#include "tests/support/catch.h"

using namespace attest;
using namespace attest::http;

namespace {
Handler answering(int status) {
  return [status](const Request&) { return empty_response(status); };
}
std::string found(const Router& router, Method method, std::string_view path) {
  const auto match = router.find(method, path);
  return match.route == nullptr ? "none" : match.route->pattern;
}
}  // namespace

TEST_CASE("a path finds the first pattern that matches it whole") {
  Router router;
  router.add(Method::get, "/v1/nodes", answering(200));
  router.add(Method::get, "/v1/nodes/{id}", answering(200));
  router.add(Method::get, "/tile/entries/{rest...}", answering(200));
  router.add(Method::get, "/tile/{level}/{rest...}", answering(200));
  router.add(Method::post, "/v1/nodes", answering(200));

  REQUIRE(found(router, Method::get, "/v1/nodes") == "/v1/nodes");
  REQUIRE(found(router, Method::get, "/v1/nodes/a") == "/v1/nodes/{id}");
  REQUIRE(found(router, Method::get, "/v1/nodes/a/b") == "none");
  REQUIRE(found(router, Method::get, "/v1/nodes/") == "none");
  REQUIRE(found(router, Method::get, "/v1") == "none");
  REQUIRE(found(router, Method::get, "/tile/entries/x001/067") == "/tile/entries/{rest...}");
  REQUIRE(found(router, Method::get, "/tile/0/") == "none");

  const auto tile = router.find(Method::get, "/tile/0/x001/067.p/3");
  REQUIRE(tile.parameters.at("level") == "0");
  REQUIRE(tile.parameters.at("rest") == "x001/067.p/3");
  REQUIRE(router.find(Method::remove, "/v1/nodes").other_method);
  REQUIRE_FALSE(router.find(Method::get, "/nothing").other_method);
}

TEST_CASE("a target is split and decoded") {
  const Target target = must(parse_target("/v1/find?subject=sha256%3Aab&empty=&flag"));
  REQUIRE(target.path == "/v1/find");
  REQUIRE(target.query.at("subject") == "sha256:ab");
  REQUIRE(target.query.at("empty").empty());
  REQUIRE(target.query.at("flag").empty());
  REQUIRE(must(parse_target("/a%20b")).path == "/a b");
  REQUIRE(must(parse_target("/")).path == "/");
  REQUIRE(must(parse_target("/a?")).query.empty());
}

TEST_CASE("targets that could mean two things are refused") {
  for (const char* target :
       {"", "a", "http://other/", "*", "/a/../b", "/a/./b", "/a/%2e%2e/b", "/a%2fb", "/a//b", "//a",
        "/a%00", "/a%0a", "/a%", "/a%4", "/a%zz", "/%ff", "/a?x=1&x=2", "/a?x=%0d"}) {
    INFO(target);
    REQUIRE_RULE(parse_target(target), rules::http_form);
  }
}
