// POST /v1/embeddings: what it takes, what it gives, and the receipts of vectors.
#include <cstring>

#include "inference/answer/receipt_file.h"
#include "inference/answer/replay.h"
#include "inference/serving/embeddings_request.h"
#include "tests/unit/inference/service.h"
#include "tests/unit/inference/small_encoder.h"

using namespace attest;
using namespace attest::inference;

namespace {

Result<EmbeddingsRequest> parse(const std::string& members) {
  return parse_embeddings_request(as_bytes("{" + members + "}"),
                                  {.body = 4096, .prompt = 16, .max_tokens = 1});
}

http::ClientResponse embed(const Service& service, const std::string& members) {
  return service.send(http::Method::post, "/v1/embeddings",
                      R"({"model": "tiny", )" + members + "}");
}

}  // namespace

TEST_CASE("what a request for embeddings says is taken") {
  const auto one = must(parse(R"("model": "m", "input": "a")"));
  REQUIRE(one.model == "m");
  REQUIRE(one.inputs == std::vector<std::string>{"a"});
  REQUIRE_FALSE(one.base64);
  const auto two = must(parse(R"("model": "m", "input": ["a", "b"], "encoding_format": "base64",
    "dimensions": null, "user": "u")"));
  REQUIRE(two.inputs.size() == 2);
  REQUIRE(two.base64);
}

TEST_CASE("what a request for embeddings cannot have is refused with the member's name") {
  const auto wrong = [](const std::string& members, const std::string& field) {
    const auto request = parse(members);
    INFO(members);
    REQUIRE_RULE(request, rules::request_field);
    REQUIRE(request.error().where == field);
  };
  wrong(R"("model": "m")", "input");
  wrong(R"("input": "a")", "model");
  wrong(R"("model": 1, "input": "a")", "model");
  wrong(R"("model": "m", "input": [])", "input");
  wrong(R"("model": "m", "input": [1, 2])", "input");
  wrong(R"("model": "m", "input": ["a", null])", "input");
  wrong(R"("model": "m", "input": "12345678901234567")", "input");
  wrong(R"("model": "m", "input": ["123456789", "123456789"])", "input");
  wrong(R"("model": "m", "input": "a", "dimensions": 8)", "dimensions");
  wrong(R"("model": "m", "input": "a", "encoding_format": "hex")", "encoding_format");
  std::string many = R"("model": "m", "input": [)";
  for (std::size_t i = 0; i < max_embedding_inputs; ++i) many += R"("",)";
  wrong(many + R"(""])", "input");
  REQUIRE_RULE(parse(R"("model": "m", "input": "a", "truncate": true)"),
               rules::request_unknown_field);
  REQUIRE_RULE(parse_embeddings_request(as_bytes("[]"), {}), rules::json_schema);
}

TEST_CASE("vectors come in the order of their texts, each with a receipt that replays") {
  Service service({.file = small_encoder().file});
  const auto response = embed(service, R"("input": ["the node", "a."])");
  INFO(as_text(response.body));
  REQUIRE(response.status == 200);
  const Json body = json_of(response);
  REQUIRE(body["object"] == "list");
  REQUIRE(body["usage"]["prompt_tokens"] == 8);  // [CLS] the node [SEP] and [CLS] a . [SEP]
  const auto served = service.model->in_force();
  const Encoder& encoder = *served.model->encoder();
  const Machine machine{.executor = service.executor.get()};
  for (const std::size_t i : {0U, 1U}) {
    const Json& one = body["data"][i];
    REQUIRE(one["index"] == i);
    const auto vector = one["embedding"].get<std::vector<float>>();
    const auto tokens = must(served.model->tokenizer().encode(i == 0 ? "the node" : "a."));
    REQUIRE(vector == must(encoder.embed(tokens, machine)));
    const auto file = service.get("/v1/receipts/" + one["receipt"].get<std::string>());
    const auto verified = must(verify_receipt_file(must(decode_receipt_file(file.body)),
                                                   service.released.log.trust(), service.time()));
    REQUIRE(verified.receipt().receipt().prompt == tokens);
    REQUIRE(verified.receipt().receipt().embedding->digest == digest_of(vector));
    REQUIRE(must(replay_embedding(encoder, verified.receipt(), {}, machine)).agrees());
  }
}

TEST_CASE("a vector as base64 has the same numbers") {
  Service service({.file = small_encoder().file});
  const Json plain = json_of(embed(service, R"("input": "the node")"));
  const Json coded = json_of(embed(service, R"("input": "the node", "encoding_format": "base64")"));
  const Bytes bytes = must(from_base64(coded["data"][0]["embedding"].get<std::string>()));
  const auto vector = plain["data"][0]["embedding"].get<std::vector<float>>();
  REQUIRE(bytes.size() == vector.size() * sizeof(float));
  REQUIRE(std::memcmp(bytes.data(), vector.data(), bytes.size()) == 0);
}

TEST_CASE("an encoder writes no texts, and takes none beyond its context") {
  Service service({.file = small_encoder().file});
  require_error(service.post(request()), 404, rules::model_other_kind);
  std::string longer;
  for (int i = 0; i < 45; ++i) longer += "a ";
  require_error(embed(service, "\"input\": \"" + longer + "\""), 400, rules::request_field);
  require_error(embed(service, R"("input": 5)"), 400, rules::request_field);
  require_error(
      service.send(http::Method::post, "/v1/embeddings", R"({"model": "other", "input": "a"})"),
      404, rules::serving_model);
  require_error(service.send(http::Method::post, "/v1/embeddings",
                             R"({"model": "tiny", "input": "a"})", {}, "text/plain"),
                415, rules::serving_media_type);
}

TEST_CASE("a revoked encoder makes no vectors, and without a node's word there are none either") {
  Service service({.file = small_encoder().file});
  service.revoke();
  REQUIRE_RULE(service.model->recheck(service.time()), rules::model_refused);
  require_error(embed(service, R"("input": "a")"), 503, rules::model_refused);
  Service lapsed({.attested = true, .file = small_encoder().file});
  lapsed.now += 600;
  require_error(embed(lapsed, R"("input": "a")"), 503, rules::runtime_lapsed);
  REQUIRE(lapsed.receipts->size() == 0);
}
