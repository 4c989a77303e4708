#include "verifierd/api.h"

#include <charconv>

#include "ledger/bundle_writer.h"
#include "ledger/witness_service.h"
#include "libattest/base/json.h"
#include "libattest/evidence/evidence.h"
#include "libattest/statement/statement.h"
#include "verifierd/scrapi.h"

namespace attest::verifierd {

namespace {

using http::Method;
using http::Request;
using http::Response;

constexpr std::string_view cbor_type = "application/cbor";

Response cbor_response(int status, const cbor::Value& value) {
  return http::bytes_response(status, std::string(cbor_type), cbor::encode(value));
}

// Errors whose meaning HTTP has a better status for than their kind's.
Response failed(const Error& error) {
  if (error.rule == rules::queue_full || error.rule == rules::enrol_busy)
    return http::busy_response(1);
  if (error.rule == rules::log_disk_low) return http::busy_response(60);
  if (error.rule == rules::ledger_not_covered || error.rule == rules::receipt_not_yet ||
      error.rule == rules::bundle_not_covered) {
    Response response = http::error_response(503, error);
    response.headers.add("Retry-After", "1");
    return response;
  }
  if (error.rule == rules::receipt_unknown || error.rule == rules::node_unknown ||
      error.rule == rules::log_no_entry || error.rule == rules::api_not_found ||
      error.rule == rules::bundle_no_statement)
    return http::error_response(404, error);
  if (error.rule == rules::api_body || error.rule == rules::http_parameter)
    return http::error_response(400, error);
  return http::error_response(error);
}

// Route is a handler that may fail.
using Route = std::function<Result<Response>(const Request&)>;

http::Handler answering(Route route) {
  return [route = std::move(route)](const Request& request) -> Response {
    auto response = route(request);
    return response ? *std::move(response) : failed(response.error());
  };
}

Status want_type(const Request& request, std::string_view type) {
  if (request.content_type == type) return {};
  return fail(refused(rules::api_body, "the body has the wrong content type")
                  .expected(std::string(type))
                  .found(request.content_type));
}

Result<cbor::Value> body_of(const Request& request) {
  TRY_VOID(want_type(request, cbor_type));
  return cbor::decode(request.body, cbor::Form::deterministic, {.depth = 4, .items = 256});
}

Result<Sha256> digest_parameter(const Request& request, std::string_view name) {
  TRY(const std::string text, request.parameter(name));
  const auto bytes = from_hex(text);
  if (!bytes || bytes->size() != 32)
    return fail(
        refused(rules::http_parameter, "this is no digest").expected("64 hexadecimal digits"));
  Sha256 digest{};
  std::copy(bytes->begin(), bytes->end(), digest.begin());
  return digest;
}

Result<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return fail(refused(rules::http_parameter, "this is no index").expected("a whole number"));
  return value;
}

cbor::Array digests_value(const std::vector<Sha256>& digests) {
  cbor::Array array;
  for (const Sha256& digest : digests) array.emplace_back(digest);
  return array;
}

cbor::Value proof_value(const ReceiptProof& proof) {
  const Covered& covered = proof.statement;
  const cbor::Value statement = cbor::Map{{"entry", covered.entry},
                                          {"index", covered.proof.index},
                                          {"path", digests_value(covered.proof.path)}};
  return cbor::Map{{"statement", statement},
                   {"path", digests_value(proof.path)},
                   {"position", proof.position},
                   {"checkpoint", covered.checkpoint}};
}

Response result_response(const ResultRecord& result) {
  return http::bytes_response(
      200, std::string(result.is_jwt ? result::jwt_media_type : result::cwt_media_type),
      result.text);
}

OrderedJson node_json(const NodeRecord& record) {
  OrderedJson json;
  json["node"] = record.node;
  json["state"] = statement::to_string(record.state);
  json["since"] = to_rfc3339(record.since);
  json["ek"] = "ek:" + to_hex(record.ek);
  json["ak_name"] = to_hex(record.ak_name);
  json["software_tpm"] = record.software_tpm;
  json["result"] = record.result ? OrderedJson(to_hex(*record.result)) : OrderedJson(nullptr);
  return json;
}

Result<Response> get_node(const Services& services, const Request& request) {
  TRY(const std::string name, request.parameter("id"));
  TRY(const auto record, services.state.node(name));
  if (!record) return fail(refused(rules::api_not_found, "no node of this name is enrolled here"));
  OrderedJson json = node_json(*record);
  json["ear"] = nullptr;
  if (record->result) {
    TRY(const auto result, services.state.result(*record->result));
    if (result && result->is_jwt) json["ear"] = to_string(result->text);
  }
  json["events"] = OrderedJson::array();
  TRY(const auto events, services.state.events(name));
  for (const NodeEvent& event : events)
    json["events"].push_back({{"time", to_rfc3339(event.time)}, {"what", event.what}});
  return http::json_response(200, to_line(json) + "\n");
}

Result<Response> get_nodes(const Services& services) {
  TRY(const auto records, services.state.nodes());
  OrderedJson list = OrderedJson::array();
  for (const NodeRecord& record : records) list.push_back(node_json(record));
  return http::json_response(200, to_line(OrderedJson{{"nodes", std::move(list)}}) + "\n");
}

void add_enrolment(http::Router& router, Services services) {
  router.add(Method::post, "/v1/enrol/begin",
             answering([services](const Request& request) -> Result<Response> {
               TRY_VOID(want_type(request, cbor_type));
               TRY(const auto begin, evidence::parse_enrol_begin(request.body));
               TRY(const auto challenge, services.enrolment.begin(begin));
               return http::bytes_response(200, std::string(cbor_type),
                                           evidence::encode(challenge));
             }),
             {.body = 512U << 10});
  router.add(Method::post, "/v1/enrol/complete",
             answering([services](const Request& request) -> Result<Response> {
               TRY_VOID(want_type(request, cbor_type));
               TRY(const auto complete, evidence::parse_enrol_complete(request.body));
               TRY(const auto done, services.enrolment.complete(complete));
               return http::bytes_response(200, std::string(cbor_type), evidence::encode(done));
             }),
             {.body = 4096});
}

void add_attestation(http::Router& router, Services services) {
  router.add(Method::post, "/v1/challenge",
             answering([services](const Request& request) -> Result<Response> {
               TRY(const cbor::Value body, body_of(request));
               TRY(cbor::Fields fields, cbor::Fields::of(body, "the request"));
               TRY(const std::string node, fields.text("node"));
               const cbor::Value* rest = fields.optional("rest_of_ima");
               const bool rest_of_ima = rest && rest->as_boolean() && *rest->as_boolean();
               TRY_VOID(fields.finish());
               TRY(Bytes challenge, services.attestation.challenge(node, rest_of_ima));
               return http::bytes_response(200, std::string(evidence::challenge_media_type),
                                           std::move(challenge));
             }),
             {.body = 1024});
  router.add(Method::post, "/v1/evidence",
             answering([services](const Request& request) -> Result<Response> {
               TRY_VOID(want_type(request, evidence::evidence_media_type));
               const bool cwt = request.headers.find("Accept") == result::cwt_media_type;
               TRY(const auto result, services.attestation.attest(
                                          request.body, cwt ? ResultForm::cwt : ResultForm::jwt));
               return result_response(result);
             }),
             {.body = evidence::evidence_size_limit});
  router.add(Method::get, "/v1/results/{id}",
             answering([services](const Request& request) -> Result<Response> {
               TRY(const Sha256 digest, digest_parameter(request, "id"));
               TRY(const auto result, services.state.result(digest));
               if (!result)
                 return fail(refused(rules::api_not_found, "no such result is kept here"));
               return result_response(*result);
             }));
  router.add(Method::get, "/v1/nodes",
             answering([services](const Request&) { return get_nodes(services); }));
  router.add(Method::get, "/v1/nodes/{id}",
             answering([services](const Request& request) { return get_node(services, request); }));
}

void add_receipts(http::Router& router, Services services) {
  router.add(Method::post, "/v1/receipts",
             answering([services](const Request& request) -> Result<Response> {
               TRY(const cbor::Value body, body_of(request));
               TRY(cbor::Fields fields, cbor::Fields::of(body, "the request"));
               TRY(const cbor::Value* member, fields.required("digest"));
               TRY(const Sha256 digest, cbor::expect_fixed<32>(*member, "digest"));
               TRY_VOID(fields.finish());
               TRY_VOID(services.receipts.submit(digest));
               return cbor_response(202, cbor::Map{{"digest", digest}});
             }),
             {.body = 1024});
  router.add(Method::get, "/v1/receipts/{digest}",
             answering([services](const Request& request) -> Result<Response> {
               TRY(const Sha256 digest, digest_parameter(request, "digest"));
               TRY(const ReceiptProof proof, services.receipts.proof(digest));
               return cbor_response(200, proof_value(proof));
             }));
}

void add_ledger(http::Router& router, Services services) {
  const Registration registration{
      [services](ByteView statement) { return services.ledger.submit(statement); },
      [services](const Sha256& digest) { return services.ledger.receipt(digest); },
      services.ledger.key()};
  add_scrapi_routes(router, registration);
  router.add(Method::post, "/entries",
             answering([services, registration](const Request& request) -> Result<Response> {
               if (request.content_type == "application/cose")
                 return register_statement(registration, request.body);
               TRY_VOID(want_type(request, statement::media_type));
               TRY(const ledger::Added added, services.ledger.submit(request.body));
               return cbor_response(
                   added.already_there ? 200 : 201,
                   cbor::Map{{"index", added.index}, {"digest", sha256(request.body)}});
             }),
             {.body = statement::max_statement_size});
  router.add(Method::get, "/v1/entries/{index}",
             answering([services](const Request& request) -> Result<Response> {
               TRY(const std::string text, request.parameter("index"));
               TRY(const std::uint64_t index, number(text));
               TRY(Bytes entry, services.ledger.entry(index));
               return http::bytes_response(200, "application/octet-stream", std::move(entry));
             }));
  router.add(Method::get, "/v1/find",
             answering([services](const Request& request) -> Result<Response> {
               TRY(const std::string subject, request.query_value("subject"));
               TRY(const auto found, services.ledger.find(subject));
               cbor::Array indexes;
               for (const std::uint64_t index : found) indexes.emplace_back(index);
               return cbor_response(200, cbor::Map{{"indexes", std::move(indexes)}});
             }));
  router.add(
      Method::get, "/v1/bundle", answering([services](const Request& request) -> Result<Response> {
        TRY(const std::string subject, request.query_value("subject"));
        std::optional<std::uint64_t> index;
        if (request.query.contains("index")) {
          TRY(index, number(request.query.at("index")));
        }
        TRY(Bytes bundle, services.ledger.bundle(subject, index));
        return http::bytes_response(200, "application/attest-bundle+cbor", std::move(bundle));
      }));
  ledger::add_log_routes(router, services.ledger.public_directory());
}

}  // namespace

http::Router make_router(Services services) {
  http::Router router;
  add_enrolment(router, services);
  add_attestation(router, services);
  add_receipts(router, services);
  add_ledger(router, services);
  return router;
}

}  // namespace attest::verifierd
