#include "ledger/witness_service.h"

#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/transparency/witness_protocol.h"

namespace attest::ledger {

namespace {

using http::Method;
using http::Request;
using http::Response;

bool all_digits(std::string_view text, std::size_t least, std::size_t most) {
  return text.size() >= least && text.size() <= most &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_canonical_number(std::string_view text, unsigned largest) {
  if (!all_digits(text, 1, 3) || (text.size() > 1 && text.front() == '0')) return false;
  unsigned value = 0;
  for (const char c : text) value = value * 10 + static_cast<unsigned>(c - '0');
  return value <= largest;
}

// N as tlog-tiles writes it: groups of three digits, all but the last behind an "x".
bool is_tile_number(std::span<const std::string_view> groups) {
  if (groups.empty() || groups.size() > 7) return false;
  for (std::size_t i = 0; i + 1 < groups.size(); ++i)
    if (!groups[i].starts_with('x') || !all_digits(groups[i].substr(1), 3, 3)) return false;
  return all_digits(groups.back(), 3, 3);
}

Response witness_response(const WitnessAnswer& answer) {
  return http::bytes_response(
      answer.status,
      answer.content_type.empty() ? "text/plain; charset=utf-8" : answer.content_type,
      to_bytes(answer.body));
}

Response cached_for_ever(Response response) {
  if (response.status == 200)
    response.headers.add("Cache-Control", "public, max-age=31536000, immutable");
  return response;
}

Response tile_response(const Path& directory, const Request& request) {
  const std::string& path = request.parameters.at("path");
  if (!is_tile_path(path))
    return http::error_response(404, refused(rules::http_not_found, "this names no tile"));
  return cached_for_ever(
      http::file_response(directory / "tile" / path, "application/octet-stream"));
}

class HttpWitness final : public WitnessClient {
 public:
  HttpWitness(std::string verifier_key, std::string url, http::Client client)
      : verifier_key_(std::move(verifier_key)), url_(std::move(url)), client_(std::move(client)) {}

  const std::string& verifier_key() const override { return verifier_key_; }

  Result<WitnessAnswer> add_checkpoint(const std::string& body) override {
    TRY(const http::ClientResponse response,
        client_.post(url_ + "/add-checkpoint", "text/plain", to_bytes(body)));
    return WitnessAnswer{response.status, response.content_type,
                         attest::to_string(ByteView(response.body))};
  }

  Result<WitnessAnswer> last_checkpoint(const std::string& origin_digest_hex) override {
    TRY(const http::ClientResponse response,
        client_.get(url_ + "/" + origin_digest_hex + "/checkpoint"));
    return WitnessAnswer{response.status, response.content_type,
                         attest::to_string(ByteView(response.body))};
  }

 private:
  std::string verifier_key_;
  std::string url_;
  http::Client client_;
};

}  // namespace

bool is_tile_path(std::string_view path) {
  auto parts = split(path, '/');
  if (parts.front() != "entries" && !is_canonical_number(parts.front(), 63)) return false;
  parts.erase(parts.begin());
  // A partial tile is "<N>.p/<W>", W from 1 to 255.
  if (parts.size() >= 2 && parts[parts.size() - 2].ends_with(".p")) {
    if (!is_canonical_number(parts.back(), 255) || parts.back() == "0") return false;
    parts.pop_back();
    parts.back().remove_suffix(2);
  }
  return is_tile_number(parts);
}

void add_witness_routes(http::Router& router, const std::string& prefix, WitnessState& state,
                        WitnessIdentity identity, Now now) {
  router.add(Method::post, prefix + "/add-checkpoint",
             [&state, identity, now](const Request& request) {
               const auto answer =
                   state.add_checkpoint(as_text(request.body), identity.name, identity.key, now());
               return answer ? witness_response(*answer) : http::error_response(answer.error());
             },
             {.body = transparency::max_add_checkpoint_size});
  router.add(Method::get, prefix + "/{origin}/checkpoint", [&state](const Request& request) {
    const auto note = state.last_checkpoint(request.parameters.at("origin"));
    if (!note)
      return http::error_response(
          404, refused(rules::http_not_found, "no checkpoint of this origin was cosigned here"));
    return http::text_response(200, *note);
  });
}

void add_log_routes(http::Router& router, Path public_directory) {
  router.add(Method::get, "/checkpoint", [public_directory](const Request&) {
    return http::file_response(public_directory / "checkpoint", "text/plain; charset=utf-8");
  });
  router.add(Method::get, "/tile/{path...}", [public_directory](const Request& request) {
    return tile_response(public_directory, request);
  });
}

std::unique_ptr<WitnessClient> make_witness_client(std::string verifier_key, std::string url,
                                                   http::Client client) {
  return std::make_unique<HttpWitness>(std::move(verifier_key), std::move(url), std::move(client));
}

}  // namespace attest::ledger
