#include "libattest/http/message.h"

#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

using namespace attest;
using namespace attest::http;

namespace {
constexpr Rule example{"example.rule"};

class Collector final : public StreamWriter {
 public:
  Status write(ByteView piece) override {
    text += as_text(piece);
    return {};
  }
  std::string text;
};
}  // namespace

TEST_CASE("an error arrives with its kind, words and rule") {
  const Error sent =
      incomplete(example, "no reference value").expected("one").found("none").next("add one");
  const Response response = error_response(sent);
  REQUIRE(response.status == 424);
  const Error got = error_from(response.status, response.body, "https://v/x");
  REQUIRE(got.kind == ErrorKind::incomplete);
  REQUIRE(got.to_string() ==
          "https://v/x: no reference value (example.rule): expected one, found none; add one");
  REQUIRE(error_response(refused(example, "x")).status == 403);
  REQUIRE(error_response(usage_error("x")).status == 400);
}

TEST_CASE("a fault's details stay on the server") {
  const Response response = error_response(fault(example, "cannot open /secret/path"));
  REQUIRE(response.status == 500);
  REQUIRE(as_text(response.body).find("secret") == std::string_view::npos);
}

TEST_CASE("an answer that is not of our form is still an error, by its status") {
  REQUIRE(error_from(502, as_bytes("<html>"), "u").kind == ErrorKind::incomplete);
  REQUIRE(error_from(404, as_bytes("{}"), "u").kind == ErrorKind::refused);
  REQUIRE(error_from(403, as_bytes(R"({"error":"text"})"), "u").kind == ErrorKind::refused);
}

TEST_CASE("control characters of a remote error do not reach the terminal") {
  const Error got =
      error_from(403, as_bytes(R"({"error":{"kind":"refused","what":"a\u001b[31mb"}})"), "u");
  REQUIRE(got.what.find('\x1b') == std::string::npos);
}

TEST_CASE("header names are compared without regard to case") {
  Headers headers;
  headers.add("Retry-After", "3");
  REQUIRE(headers.find("retry-after") == std::string_view("3"));
  REQUIRE_FALSE(headers.find("retry").has_value());
}

TEST_CASE("an event is framed by its lines") {
  Collector collector;
  must(collector.event("one\ntwo", "token"));
  must(collector.event(""));
  REQUIRE(collector.text == "event: token\ndata: one\ndata: two\n\ndata: \n\n");
}

TEST_CASE("only regular files are served, and no symbolic link is followed") {
  const TemporaryDirectory directory;
  const Path file = directory.path() / "a";
  std::ofstream(file) << "hello";
  std::filesystem::create_symlink(file, directory.path() / "link");
  REQUIRE(file_response(file, "text/plain").file->size == 5);
  REQUIRE(file_response(directory.path() / "link", "text/plain").status == 404);
  REQUIRE(file_response(directory.path(), "text/plain").status == 404);
  REQUIRE(file_response(directory.path() / "none", "text/plain").status == 404);
}

TEST_CASE("a missing parameter is named") {
  Request request;
  request.query["subject"] = "x";
  REQUIRE(must(request.query_value("subject")) == "x");
  REQUIRE_RULE(request.query_value("other"), rules::http_parameter);
  REQUIRE_RULE(request.parameter("id"), rules::http_parameter);
}
