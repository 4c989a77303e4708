// The runtime's interface over real HTTP on a UNIX socket, on a model released in a test's log.
#include "inference/serving/serving.h"

#include <atomic>
#include <thread>

#include <sys/stat.h>

#include "inference/answer/receipt_file.h"
#include "inference/answer/replay.h"
#include "tests/support/catch.h"
#include "tests/unit/inference/service.h"

using namespace attest;
using namespace attest::inference;
using namespace std::chrono_literals;

namespace {

// The texts of a stream's events, put together, and its last event before [DONE].
struct Streamed {
  std::string text;
  Json last;
  bool done = false;
};
Streamed read_stream(const http::ClientResponse& response) {
  Streamed streamed;
  const std::string all(as_text(response.body));
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = all.find("\n\n", at);
    const std::string data = all.substr(at + 6, end - at - 6);
    at = end + 2;
    if (data == "[DONE]") {
      streamed.done = true;
      continue;
    }
    streamed.last = must(parse_json(data));
    if (streamed.last.contains("choices"))
      streamed.text += streamed.last["choices"][0]["text"].get<std::string>();
  }
  return streamed;
}

}  // namespace

TEST_CASE("a completion is what generate gives, and its receipt verifies and replays") {
  Service service;
  const auto response = service.post(request());
  INFO(as_text(response.body));
  REQUIRE(response.status == 200);
  const Json body = json_of(response);

  const auto served = service.model->in_force();
  const Machine machine{.executor = service.executor.get()};
  const Tokenizer& tokenizer = served.model->tokenizer();
  const Answer answer = must(generate(*served.model->transformer(),
                                      {.prompt = must(tokenizer.encode("abc")),
                                       .sampler = {.temperature = 0.8F, .seed = 7},
                                       .max_tokens = 12,
                                       .end_tokens = tokenizer.vocabulary().end_tokens()},
                                      machine));
  // to_line writes broken UTF-8 as the response does.
  REQUIRE(to_line(body["choices"][0]["text"]) == to_line(Json(tokenizer.decode(answer.tokens))));
  REQUIRE(body["choices"][0]["finish_reason"] == (answer.stopped == "length" ? "length" : "stop"));
  REQUIRE(body["usage"]["completion_tokens"] == answer.tokens.size());

  const auto file = service.get("/v1/receipts/" + body["receipt"].get<std::string>());
  REQUIRE(file.status == 200);
  REQUIRE(file.content_type == receipt_file_media_type);
  const auto verified = must(verify_receipt_file(must(decode_receipt_file(file.body)),
                                                 service.released.log.trust(), service.time()));
  REQUIRE(to_hex(verified.receipt().id()) == body["receipt"].get<std::string>());
  REQUIRE(verified.binding() == Binding::unbound);
  REQUIRE(verified.receipt().receipt().answer == answer.tokens);
  ReplayRequest again;
  again.end_tokens = tokenizer.vocabulary().end_tokens();
  const auto report =
      must(replay(*served.model->transformer(), verified.receipt(), again, machine));
  REQUIRE(report.agrees());
}

TEST_CASE("a stream gives the same text, and a receipt at its end") {
  Service service;
  const Json whole = json_of(service.post(request()));
  const auto response = service.post(request(R"(, "stream": true)"));
  REQUIRE(response.content_type == "text/event-stream");
  const Streamed streamed = read_stream(response);
  REQUIRE(streamed.text == whole["choices"][0]["text"].get<std::string>());
  REQUIRE(streamed.done);
  REQUIRE(streamed.last["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]);
  REQUIRE(service.get("/v1/receipts/" + streamed.last["receipt"].get<std::string>()).status == 200);
}

TEST_CASE(
    "a conversation is answered as its rendered text is, and its receipt names the template") {
  Service service;
  const std::string body =
      R"({"model": "tiny", "max_tokens": 12, "temperature": 0.8, "seed": 7, "messages": )"
      R"([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}])";
  const auto response = service.send(http::Method::post, "/v1/chat/completions", body + "}");
  INFO(as_text(response.body));
  REQUIRE(response.status == 200);
  const Json chat = json_of(response);
  REQUIRE(chat["object"] == "chat.completion");
  REQUIRE(chat["choices"][0]["message"]["role"] == "assistant");
  const auto file = service.get("/v1/receipts/" + chat["receipt"].get<std::string>());
  const auto receipt = must(decode_receipt_file(file.body)).receipt.receipt;
  REQUIRE(receipt.template_digest == sha256(as_bytes(ReleasedModel::chat_template)));
  const auto served = service.model->in_force();
  REQUIRE(receipt.prompt == must(served.model->tokenizer().encode("abc", {.add_begin = false})));

  const auto streamed =
      service.send(http::Method::post, "/v1/chat/completions", body + R"(, "stream": true})");
  std::string text;
  const std::string all(as_text(streamed.body));
  for (std::size_t at = all.find("\"content\":\""); at != std::string::npos;
       at = all.find("\"content\":\"", at + 1)) {
    const std::size_t line = all.rfind("data: ", at) + 6;
    const Json event = must(parse_json(all.substr(line, all.find('\n', line) - line)));
    REQUIRE(event["object"] == "chat.completion.chunk");
    text += event["choices"][0]["delta"]["content"].get<std::string>();
  }
  REQUIRE(text == chat["choices"][0]["message"]["content"].get<std::string>());
  REQUIRE(all.find("[DONE]") != std::string::npos);
}

TEST_CASE("a conversation that the template refuses is refused in its words") {
  Service service;
  const auto refused =
      service.send(http::Method::post, "/v1/chat/completions",
                   R"({"model": "tiny", "messages": [{"role": "system", "content": "a"}]})");
  require_error(refused, 400, rules::request_field);
  REQUIRE(json_of(refused)["error"]["param"] == "messages");
  REQUIRE(json_of(refused)["error"]["message"].get<std::string>().find("no system") !=
          std::string::npos);
}

TEST_CASE("log-probabilities are given for each token of the answer where they are asked for") {
  Service service;
  const Json plain = json_of(service.post(request(R"(, "logprobs": 3)")));
  const Json& of_text = plain["choices"][0]["logprobs"];
  const auto count = plain["usage"]["completion_tokens"].get<std::size_t>();
  REQUIRE(of_text["tokens"].size() == count);
  REQUIRE(of_text["token_logprobs"].size() == count);
  REQUIRE(of_text["token_logprobs"][0].get<double>() <= 0);
  const Json chat = json_of(service.send(
      http::Method::post, "/v1/chat/completions",
      R"({"model": "tiny", "max_tokens": 4, "temperature": 0, "logprobs": true, "top_logprobs": 2,)"
      R"( "messages": [{"role": "user", "content": "a"}]})"));
  const Json& first = chat["choices"][0]["logprobs"]["content"][0];
  REQUIRE(first["top_logprobs"].size() == 2);
  // Greedy takes the likeliest.
  REQUIRE(first["logprob"] == first["top_logprobs"][0]["logprob"]);
  REQUIRE(json_of(service.post(request()))["choices"][0]["logprobs"].is_null());
}

TEST_CASE("an answer ends before a stop text, and its receipt still replays") {
  Service service;
  const std::string whole = json_of(service.post(request()))["choices"][0]["text"];
  // A character of the answer that JSON shows as it is.
  const auto plain = std::ranges::find_if(
      whole, [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\'; });
  REQUIRE(plain != whole.end());
  const Json cut = json_of(service.post(request(", \"stop\": \"" + std::string(1, *plain) + "\"")));
  REQUIRE(cut["choices"][0]["text"] == std::string(whole.begin(), plain));
  REQUIRE(cut["choices"][0]["finish_reason"] == "stop");
  const auto file = service.get("/v1/receipts/" + cut["receipt"].get<std::string>());
  const auto untrusted = must(decode_receipt_file(file.body));
  REQUIRE(untrusted.receipt.receipt.stopped == "stop");
}

TEST_CASE("the sampler of a receipt is the one that was asked for, of texts and of conversations") {
  Service service;
  const std::string settings =
      R"(, "max_tokens": 8, "temperature": 0.75, "top_k": 40, "top_p": 0.875, "min_p": 0.0625,)"
      R"( "repetition_penalty": 1.25, "presence_penalty": 0.5, "frequency_penalty": 0.25, "seed": 9})";
  const SamplerSettings asked{.temperature = 0.75F,
                              .top_k = 40,
                              .top_p = 0.875F,
                              .min_p = 0.0625F,
                              .repetition = 1.25F,
                              .presence = 0.5F,
                              .frequency = 0.25F,
                              .seed = 9};
  const auto plain = service.post(R"({"model": "tiny", "prompt": "abc")" + settings);
  const auto chat = service.send(
      http::Method::post, "/v1/chat/completions",
      R"({"model": "tiny", "messages": [{"role": "user", "content": "ab"}])" + settings);
  const auto served = service.model->in_force();
  const Machine machine{.executor = service.executor.get()};
  for (const auto* response : {&plain, &chat}) {
    INFO(as_text(response->body));
    const auto id = json_of(*response)["receipt"].get<std::string>();
    const auto verified =
        must(verify_receipt_file(must(decode_receipt_file(service.get("/v1/receipts/" + id).body)),
                                 service.released.log.trust(), service.time()));
    REQUIRE(verified.receipt().receipt().sampler == asked);
    ReplayRequest again;
    again.end_tokens = served.model->tokenizer().vocabulary().end_tokens();
    REQUIRE(
        must(replay(*served.model->transformer(), verified.receipt(), again, machine)).agrees());
  }
}

TEST_CASE("an answer keeps to the schema or grammar that was asked for, and its receipt replays") {
  Service service;
  const std::string schema =
      R"(, "response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": true,)"
      R"( "schema": {"properties": {"b": {"type": "boolean"}, "a": {"enum": ["a", "b"]}},)"
      R"( "required": ["b", "a"], "additionalProperties": false}}}, "max_tokens": 60)";
  const std::string ask = R"({"model": "tiny", "temperature": 0.8, "seed": 7)";
  const auto replays = [&](const Json& body) {
    const auto file = service.get("/v1/receipts/" + body["receipt"].get<std::string>());
    const auto verified = must(verify_receipt_file(must(decode_receipt_file(file.body)),
                                                   service.released.log.trust(), service.time()));
    const auto served = service.model->in_force();
    ReplayRequest again;
    again.end_tokens = served.model->tokenizer().vocabulary().end_tokens();
    again.form = verified.form();
    again.tokens = std::make_shared<const TokenOrder>(served.model->tokenizer());
    const Machine machine{.executor = service.executor.get()};
    return must(replay(*served.model->transformer(), verified.receipt(), again, machine)).agrees();
  };
  const auto chat =
      service.send(http::Method::post, "/v1/chat/completions",
                   ask + schema + R"(, "messages": [{"role": "user", "content": "a"}]})");
  INFO(as_text(chat.body));
  REQUIRE(chat.status == 200);
  const std::string text = json_of(chat)["choices"][0]["message"]["content"];
  const Json answer = must(parse_json(text));
  REQUIRE(answer["b"].is_boolean());
  REQUIRE(text.find("\"b\"") < text.find("\"a\""));  // the order of the schema
  REQUIRE(json_of(chat)["choices"][0]["finish_reason"] == "stop");
  REQUIRE(replays(json_of(chat)));

  const Json plain =
      json_of(service.post(ask + R"(, "prompt": "a", "grammar": "root ::= [x-z]{5}"})"));
  REQUIRE(plain["choices"][0]["text"].get<std::string>().size() == 5);
  REQUIRE(plain["choices"][0]["text"].get<std::string>().find_first_not_of("xyz") ==
          std::string::npos);
  REQUIRE(replays(plain));
}

TEST_CASE("a form that no answer can have is the request's fault, and said so") {
  Service service;
  const auto ambiguous = [] {
    std::string text;
    for (int i = 0; i < 40; ++i) {
      const std::string next = "a" + std::to_string(i + 1);
      text += (i == 0 ? "root" : "a" + std::to_string(i)) + " ::= " + next + " [x] | " + next +
              " [y]\\n";
    }
    return text + "a40 ::= [z]";
  }();
  require_error(service.post(request(R"(, "grammar": ")" + ambiguous + "\"")), 400,
                rules::grammar_ambiguous);
  require_error(service.post(request(R"(, "grammar": "root ::= []")")), 400, rules::form_dead_end);
}

TEST_CASE("a node's result makes the receipt the node's") {
  Service service({.attested = true});
  const Json body = json_of(service.post(request()));
  const auto file = service.get("/v1/receipts/" + body["receipt"].get<std::string>());
  const auto verified = must(verify_receipt_file(must(decode_receipt_file(file.body)),
                                                 service.released.log.trust(), service.time()));
  REQUIRE(verified.binding() == Binding::unproven);  // no batch holds it yet
  REQUIRE(verified.receipt().receipt().node == "rack7-n03");
}

TEST_CASE("a bad request is 400 with the member's name") {
  Service service;
  const auto require_param = [&](const std::string& body, const std::string& param, Rule rule) {
    const auto response = service.post(body);
    require_error(response, 400, rule);
    REQUIRE(json_of(response)["error"]["param"] == param);
  };
  require_param(request(R"(, "top_p": 2)"), "top_p", rules::request_field);
  require_param(request(R"(, "n": 2)"), "n", rules::request_field);
  require_param(request(R"(, "best_of": 2)"), "best_of", rules::request_unknown_field);
  require_param(R"({"model": "tiny", "prompt": "a", "max_tokens": 65})", "max_tokens",
                rules::request_field);
  // Beyond the model's context of 96 positions, within the limit in bytes.
  std::string long_prompt;
  for (int i = 0; i < 100; ++i) long_prompt += "z";
  require_param(R"({"model": "tiny", "prompt": ")" + long_prompt + "\"}", "prompt",
                rules::request_field);
  const auto no_json = service.post("{");
  require_error(no_json, 400, rules::json_form);
  REQUIRE(json_of(no_json)["error"]["param"].is_null());
}

TEST_CASE("what is not served here is said to be so") {
  Service service;
  require_error(service.post(R"({"model": "other", "prompt": "a"})"), 404, rules::serving_model);
  require_error(
      service.send(http::Method::post, "/v1/embeddings", R"({"model": "tiny", "input": "a"})"), 404,
      rules::model_other_kind);
  require_error(service.send(http::Method::post, completions, request(), {}, "text/plain"), 415,
                rules::serving_media_type);
  require_error(service.get("/v1/receipts/" + std::string(64, '0')), 404, rules::receipt_not_kept);
  require_error(service.get("/v1/receipts/..%2e"), 400, rules::receipt_not_kept);
  REQUIRE(service.post(std::string(8193, ' ')).status == 413);
}

TEST_CASE("with API keys, nothing but health is to be had without one") {
  Service service;
  const Path file = service.released.here.path() / "keys";
  must(write_file_atomically(file, as_bytes("0123456789abcdef\n"), 0600));
  service.serving->use_keys(must(ApiKeys::read(file)));
  require_error(service.post(request()), 401, rules::serving_key);
  for (const std::string path : {"/v1/models", "/metrics", "/v1/receipts/00"})
    require_error(service.get(path), 401, rules::serving_key);
  REQUIRE(service.get("/health").status == 200);
  const auto with = [&](const std::string& key) {
    return service.send(http::Method::get, "/v1/models", {}, key).status;
  };
  REQUIRE(with("0123456789abcdee") == 401);
  REQUIRE(with("0123456789abcdef") == 200);
}

TEST_CASE("a revoked model answers nothing more, whatever the configuration") {
  for (const bool answer_without : {false, true}) {
    Service service({.answer_without = answer_without});
    REQUIRE(service.post(request()).status == 200);
    service.revoke();
    REQUIRE_RULE(service.model->recheck(service.time()), rules::model_refused);
    const auto response = service.post(request());
    require_error(response, 503, rules::model_refused);
    REQUIRE_FALSE(response.headers.find("Retry-After").has_value());
    REQUIRE(as_text(response.body).find("poisoned data set") != std::string::npos);
    REQUIRE(service.receipts->size() == 1);
    const auto health = service.get("/health");
    REQUIRE(health.status == 503);
    REQUIRE(json_of(health)["receipts"] == "not issued");
  }
}

TEST_CASE("a bundle that is gone ends receipts; answers go on only where that is allowed") {
  for (const bool answer_without : {false, true}) {
    Service service({.answer_without = answer_without});
    must(system_files().remove(service.released.path.string() + ".attest/bundle.cbor"));
    REQUIRE_RULE(service.model->recheck(service.time()), rules::file_unreadable);
    const auto response = service.post(request());
    REQUIRE(response.status == (answer_without ? 200 : 503));
    if (answer_without) REQUIRE(json_of(response)["receipt"].is_null());
    REQUIRE(service.receipts->size() == 0);
    service.released.write_bundle();
    must(service.model->recheck(service.time()));
    REQUIRE(service.post(request()).status == 200);
    REQUIRE(service.receipts->size() == 1);
  }
}

TEST_CASE("when the node's attestation lapses, no receipt is issued, and the answer says why") {
  for (const bool answer_without : {false, true}) {
    Service service({.attested = true, .answer_without = answer_without});
    service.now += 600;
    const auto response = service.post(request());
    if (answer_without) {
      REQUIRE(response.status == 200);
      REQUIRE(json_of(response)["no_receipt"].get<std::string>().find("expired") !=
              std::string::npos);
      const Streamed streamed = read_stream(service.post(request(R"(, "stream": true)")));
      REQUIRE(streamed.last["receipt"].is_null());
    } else {
      require_error(response, 503, rules::runtime_lapsed);
    }
    service.change = [](result::Ear& ear) { ear.verdict = result::Verdict::refused; };
    REQUIRE_RULE(service.identity->renew(service.model->trust(), service.time()),
                 rules::runtime_node_failed);
    REQUIRE(service.post(request()).status == (answer_without ? 200 : 503));
    REQUIRE(service.receipts->size() == 0);
  }
}

TEST_CASE("a reload takes a newly released file, and keeps the old model when the new one fails") {
  Service service;
  const Sha256 first = service.model->in_force().model->sha256();
  ReleasedModel& released = service.released;
  released.file = small_model({.type = model::TensorType::f16});
  released.both = model::digest_bytes_with_leaves(released.file);
  released.subject = statement::Subject::artefact(released.both.digests.sha256);
  statement::ModelRelease release;
  release.name = "tiny-2";
  release.licence = "apache-2.0";
  release.files = {{"tiny.gguf", released.both.digests.size, released.both.digests.sha256,
                    released.both.digests.fsverity}};
  released.log.release(released.lab, release);
  released.write_bundle();
  const Path tree = released.path.string() + ".attest/tree";
  must(write_file_atomically(tree, model::make_block_tree(released.both.leaves)));

  // The bundle is new and the file is not: neither model checks out.
  REQUIRE_FALSE(service.model->reload(service.time()));
  REQUIRE(service.model->in_force().model->sha256() == first);
  REQUIRE_FALSE(service.model->standing());
  must(write_file_atomically(released.path, released.file));
  must(service.model->reload(service.time()));
  REQUIRE(service.model->in_force().model->sha256() == released.both.digests.sha256);
  REQUIRE(service.post(request()).status == 200);
}

TEST_CASE("a trust root that is no signed update of the present one does not come into force") {
  Service service;
  const Sha256 before = service.model->trust().digest();
  must(write_file_atomically(service.released.here.path() / "trust.toml",
                             as_bytes(service.released.log.trust_text() + "# changed\n")));
  REQUIRE_FALSE(service.model->reload(service.time()));
  REQUIRE(service.model->trust().digest() == before);
}

TEST_CASE("what is served and what was done can be read") {
  Service service;
  (void)service.post(request());
  (void)service.post("{}");
  const Json model = json_of(service.get("/v1/models"))["data"][0];
  REQUIRE(model["id"] == "tiny");
  REQUIRE(model["owned_by"] == "tiny@lab.example");
  REQUIRE(model["subject"] == service.released.subject.text());
  const std::string metrics(as_text(service.get("/metrics").body));
  for (const char* line : {"inferd_answers_total 1\n", "inferd_refusals_total 1\n",
                           "inferd_receipts_total 1\n", "inferd_model_pass 1\n"})
    REQUIRE(metrics.find(line) != std::string::npos);
  const Json health = json_of(service.get("/health"));
  REQUIRE(health["status"] == "ok");
  REQUIRE(health["key"].get<std::string>().find("no TPM") != std::string::npos);
}

TEST_CASE("a request beyond the queue is 503 and told when to come again") {
  Service service({.queue = 0});
  const auto taken = must(service.serving->queue().enter());  // the only place
  const auto response = service.post(request());
  require_error(response, 503, rules::generation_queue_full);
  REQUIRE(response.headers.find("Retry-After").has_value());
}
