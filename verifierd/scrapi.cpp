#include "verifierd/scrapi.h"

#include "ledger/add_queue.h"
#include "ledger/log.h"
#include "libattest/base/cbor.h"

namespace attest::verifierd {

namespace {

using http::Response;

constexpr const char* cose_type = "application/cose";
constexpr const char* problem_type = "application/concise-problem-details+cbor";
constexpr int title = -1;
constexpr int detail = -2;

int status_for(const Error& error) {
  if (error.rule == rules::log_no_entry) return 404;
  if (error.rule == rules::queue_full || error.rule == rules::log_disk_low) return 503;
  switch (error.kind) {
    case ErrorKind::refused:
    case ErrorKind::usage:
      return 400;
    case ErrorKind::incomplete:
      return 503;
    case ErrorKind::fault:
      return 500;
  }
  return 500;
}

Response problem(int status, const std::string& what, const std::string& more) {
  return http::bytes_response(status, problem_type,
                              cbor::encode(cbor::Map{{title, what}, {detail, more}}));
}

// A fault's words are for this machine's log alone.
Response problem(const Error& error) {
  const int status = status_for(error);
  Response response = error.kind == ErrorKind::fault
                          ? problem(status, "internal error", "see the service's log")
                          : problem(status, error.what, error.to_string());
  if (status == 503) response.headers.add("Retry-After", "1");
  return response;
}

Response look_again(int status, const Sha256& digest) {
  Response response = http::bytes_response(status, cose_type, {});
  response.headers.add("Location", "/entries/" + to_hex(digest));
  response.headers.add("Retry-After", "1");
  return response;
}

}  // namespace

Response register_statement(const Registration& registration, ByteView statement) {
  const auto added = registration.submit(statement);
  if (!added) return problem(added.error());
  const Sha256 digest = sha256(statement);
  const auto receipt = registration.receipt(digest);
  if (!receipt) return problem(receipt.error());
  if (!*receipt) return look_again(303, digest);
  Response response = http::bytes_response(201, cose_type, **receipt);
  response.headers.add("Location", "/entries/" + to_hex(digest));
  return response;
}

Response registration_status(const Registration& registration, std::string_view id) {
  const auto bytes = from_hex(id);
  Sha256 digest{};
  if (!bytes || bytes->size() != digest.size())
    return problem(400, "this is no entry's id", "expected 64 hexadecimal digits");
  std::ranges::copy(*bytes, digest.begin());
  const auto receipt = registration.receipt(digest);
  if (!receipt) return problem(receipt.error());
  if (!*receipt) return look_again(302, digest);
  return http::bytes_response(200, cose_type, **receipt);
}

Bytes key_set(const PublicKey& key) {
  cbor::Map members;
  if (key.kind() == KeyKind::ed25519) {
    members = {{1, 1}, {3, -8}, {-1, 6}, {-2, cbor::Value(key.raw_ed25519())}};
  } else {
    const Bytes point = key.uncompressed_point();
    const ByteView coordinates = ByteView(point).subspan(1);
    const std::size_t half = coordinates.size() / 2;
    members = {{1, 2},
               {3, -7},
               {-1, 1},
               {-2, cbor::Value(coordinates.first(half))},
               {-3, cbor::Value(coordinates.last(half))}};
  }
  members.emplace_back(2, cbor::Value(key.thumbprint()));
  return cbor::encode(cbor::Array{cbor::Value(std::move(members))});
}

void add_scrapi_routes(http::Router& router, Registration registration) {
  const Bytes keys = key_set(registration.key);
  router.add(http::Method::get, "/.well-known/scitt-keys", [keys](const http::Request&) {
    return http::bytes_response(200, "application/cbor", keys);
  });
  router.add(http::Method::get, "/entries/{id}", [registration](const http::Request& request) {
    return registration_status(registration, request.parameters.at("id"));
  });
}

}  // namespace attest::verifierd
