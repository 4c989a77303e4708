#include "inference/serving/completion_request.h"

#include "inference/serving/answer_text.h"
#include "libattest/base/json.h"
#include "tests/support/catch.h"

using namespace attest;
using namespace attest::inference;

namespace {

Result<CompletionRequest> parse(const std::string& members) {
  return parse_completion_request(as_bytes(R"({"model": "tiny", "prompt": "a")" + members + "}"),
                                  {.body = 4096, .prompt = 64, .max_tokens = 100});
}

void require_wrong(const std::string& field, const std::string& value) {
  INFO(field << ": " << value);
  const auto request = parse(", \"" + field + "\": " + value);
  REQUIRE_RULE(request, rules::request_field);
  REQUIRE(request.error().where == field);
}

}  // namespace

TEST_CASE("what a request leaves out is as clients expect it") {
  const CompletionRequest request = must(parse(""));
  REQUIRE(request.model == "tiny");
  REQUIRE(request.prompt == "a");
  REQUIRE(request.max_tokens == 16);
  REQUIRE(request.sampler == SamplerSettings{.temperature = 1.0F});
  REQUIRE_FALSE(request.has_seed);
  REQUIRE(request.stop.empty());
  REQUIRE_FALSE(request.stream);
  const auto nulls = must(parse(R"(, "max_tokens": null, "temperature": null, "top_p": null,
    "seed": null, "stop": null, "stream": null)"));
  REQUIRE(nulls.max_tokens == 16);
}

TEST_CASE("what a request says is taken") {
  const auto request = must(parse(R"(, "max_tokens": 100, "temperature": 0, "top_p": 0.5,
    "seed": 18446744073709551615, "stop": ["x", "y"], "stream": true)"));
  REQUIRE(request.max_tokens == 100);
  REQUIRE(request.sampler ==
          SamplerSettings{.temperature = 0, .top_p = 0.5F, .seed = 18446744073709551615U});
  REQUIRE(request.has_seed);
  REQUIRE(request.stop == std::vector<std::string>{"x", "y"});
  REQUIRE(request.stream);
  REQUIRE(must(parse(R"(, "stop": "x")")).stop == std::vector<std::string>{"x"});
}

TEST_CASE("settings of the sampler beyond the common ones are taken") {
  const auto request = must(parse(R"(, "top_k": 40, "min_p": 0.1, "repetition_penalty": 1.5,
    "presence_penalty": -1, "frequency_penalty": 2, "logprobs": 5, "n": 1, "user": "u",
    "stream_options": {"include_usage": true})"));
  REQUIRE(request.sampler == SamplerSettings{.temperature = 1.0F,
                                             .top_k = 40,
                                             .min_p = 0.1F,
                                             .repetition = 1.5F,
                                             .presence = -1,
                                             .frequency = 2});
  REQUIRE(request.log_probabilities == 5U);
  require_wrong("top_k", "-1");
  require_wrong("min_p", "1.1");
  require_wrong("repetition_penalty", "0");
  require_wrong("presence_penalty", "2.1");
  require_wrong("frequency_penalty", "-2.1");
  require_wrong("logprobs", "21");
  require_wrong("n", "2");
  require_wrong("user", "1");
  require_wrong("stream_options", "{\"other\": true}");
}

TEST_CASE("a conversation is read as its template wants it") {
  const auto chat = [](const std::string& members) {
    return parse_chat_request(as_bytes(R"({"model": "tiny", )" + members + "}"),
                              {.body = 4096, .prompt = 400, .max_tokens = 100});
  };
  const auto request = must(chat(
      R"("messages": [{"role": "user", "content": [{"type": "text", "text": "a"},
         {"type": "text", "text": "b"}]}, {"role": "assistant", "content": null, "tool_calls":
         [{"function": {"name": "f", "arguments": "{\"z\": 1, \"a\": 2}"}}]}],
         "tools": [{"z": 1, "a": 2}], "chat_template_kwargs": {"enable_thinking": false},
         "max_completion_tokens": 7, "logprobs": true, "top_logprobs": 2)"));
  REQUIRE(request.chat);
  REQUIRE(request.max_tokens == 7);
  REQUIRE(request.log_probabilities == 2U);
  REQUIRE(request.conversation ==
          R"({"enable_thinking":false,"messages":[{"role":"user","content":"ab"},{"role":)"
          R"("assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":)"
          R"({"z":1,"a":2}}}]}],"tools":[{"z":1,"a":2}],"add_generation_prompt":true})");
  REQUIRE(must(chat(R"("messages": [{"role": "user"}], "tools": [{}], "tool_choice": "none")"))
              .conversation.find("tools") == std::string::npos);

  const auto require_field = [&](const std::string& members, const std::string& field) {
    INFO(members);
    const auto refused = chat(members);
    REQUIRE_RULE(refused, rules::request_field);
    REQUIRE(refused.error().where == field);
  };
  require_field(R"("stream": true)", "messages");
  for (const std::string messages :
       {"[]", "1", "[1]", "[{}]", R"([{"role": 1}])", R"([{"role": "user", "content": 1}])",
        R"([{"role": "user", "content": [{"type": "image_url"}]}])",
        R"([{"role": "user", "content": [{"type": "text", "text": 1}]}])"})
    require_field("\"messages\": " + messages, "messages");
  require_field(R"("messages": [{"role": "user", "content": ")" + std::string(400, 'x') + "\"}]",
                "messages");
  const std::string good = R"("messages": [{"role": "user", "content": "a"}], )";
  require_field(good + R"("tools": {})", "tools");
  require_field(good + R"("tool_choice": "required")", "tool_choice");
  require_field(good + R"("response_format": {"type": "xml"})", "response_format");
  require_field(good + R"("response_format": {"type": "json_schema"})", "response_format");
  require_field(good + R"("response_format": {"type": "json_object", "more": 1})",
                "response_format");
  require_field(good + R"("chat_template_kwargs": {"messages": []})", "chat_template_kwargs");
  require_field(good + R"("top_logprobs": 2)", "top_logprobs");
  require_field(good + R"("logprobs": 2)", "logprobs");
  REQUIRE_RULE(chat(good + R"("prompt": "a")"), rules::request_unknown_field);
}

TEST_CASE("a member that cannot be used is named") {
  for (const std::string value :
       {"0", "-1", "101", "1.5", "16.0", "\"16\"", "18446744073709551616", "true", "[]", "{}"})
    require_wrong("max_tokens", value);
  for (const std::string value : {"-0.1", "101", "1e300", "\"1\"", "[1]"})
    require_wrong("temperature", value);
  for (const std::string value : {"0", "1.01", "-1", "true"}) require_wrong("top_p", value);
  for (const std::string value : {"-1", "0.5", "1e3", "\"1\""}) require_wrong("seed", value);
  for (const std::string value :
       {"1", "\"\"", "[\"\"]", "[1]", "[[\"x\"]]", R"(["1","2","3","4","5"])", "{}"})
    require_wrong("stop", value);
  require_wrong("stop", "\"" + std::string(max_stop_size + 1, 'x') + "\"");
  for (const std::string value : {"1", "\"true\"", "[]"}) require_wrong("stream", value);
}

TEST_CASE("model and prompt are texts, there, and within their limits") {
  const auto of = [](const std::string& text) {
    return parse_completion_request(as_bytes(text), {.body = 4096, .prompt = 64});
  };
  const auto require_field = [&](const std::string& text, const std::string& field) {
    const auto request = of(text);
    REQUIRE_RULE(request, rules::request_field);
    REQUIRE(request.error().where == field);
  };
  require_field(R"({"prompt": "a"})", "model");
  require_field(R"({"model": "a"})", "prompt");
  require_field(R"({"model": null, "prompt": "a"})", "model");
  require_field(R"({"model": "a", "prompt": ["a", "b"]})", "prompt");
  require_field(R"({"model": "a", "prompt": ")" + std::string(65, 'x') + "\"}", "prompt");
  REQUIRE_OK(of(R"({"model": "a", "prompt": ")" + std::string(64, 'x') + "\"}"));
}

TEST_CASE("a form of the answer is taken, compiled, and refused where it cannot be kept") {
  const auto form = [](const std::string& members) { return must(parse(", " + members)).form; };
  REQUIRE(form(R"("response_format": {"type": "json_object"})") ==
          AnswerForm{AnswerForm::Kind::json_object, ""});
  REQUIRE(form(R"("grammar": "root ::= [a]")") ==
          AnswerForm{AnswerForm::Kind::grammar, "root ::= [a]"});
  const auto schema = [](const std::string& text) {
    return R"("response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": )" +
           text + "}}";
  };
  // In the order in which it was sent.
  REQUIRE(form(schema(R"({"properties": {"b": {}, "a": {}}})")) ==
          AnswerForm{AnswerForm::Kind::json_schema, R"({"properties":{"b":{},"a":{}}})"});
  REQUIRE_FALSE(form(R"("response_format": {"type": "text"})"));
  REQUIRE_FALSE(form(R"("response_format": null, "grammar": null)"));
  const auto refused = [](const std::string& members, const std::string& field,
                          const std::string& because) {
    const auto request = parse(", " + members);
    REQUIRE_RULE(request, rules::request_field);
    REQUIRE(request.error().where == field);
    REQUIRE(request.error().to_string().find(because) != std::string::npos);
  };
  refused(schema(R"({"type": "string", "pattern": "^a"})"), "response_format", "pattern");
  refused(R"("grammar": "word ::= [a]")", "grammar", "root");
  refused(R"("grammar": "root ::= [a]", "response_format": {"type": "json_object"})",
          "response_format", "two");
  refused(R"("response_format": {"type": "json_schema", "json_schema": {"schema": {}, "x": 1}})",
          "response_format", "x");
}

TEST_CASE("a member nobody knows is refused, not left out") {
  const auto request = parse(R"(, "logit_bias": {})");
  REQUIRE_RULE(request, rules::request_unknown_field);
  REQUIRE(request.error().where == "logit_bias");
}

TEST_CASE("what is no strict JSON object is refused by form") {
  const auto of = [](const std::string& text) {
    return parse_completion_request(as_bytes(text), {.body = 4096});
  };
  REQUIRE_RULE(of("[]"), rules::json_schema);
  REQUIRE_RULE(of("{"), rules::json_form);
  REQUIRE_RULE(of(R"({"model": "a", "model": "b"})"), rules::json_duplicate);
  REQUIRE_RULE(of(std::string(2000, '[')), rules::json_depth);
  REQUIRE_RULE(of(R"({"max_tokens": 1e999})"), rules::json_form);
  REQUIRE_RULE(of("{" + std::string(4096, ' ') + "}"), rules::json_size);
}

TEST_CASE("an answer's text comes in whole characters and stops where it was asked to") {
  const auto said = [](std::vector<std::string> stops, const std::vector<std::string>& pieces) {
    AnswerText text(std::move(stops));
    std::vector<std::string> out;
    for (const std::string& piece : pieces) out.push_back(text.add(piece));
    out.push_back(text.finish());
    return out;
  };
  using Texts = std::vector<std::string>;
  REQUIRE(said({}, {"a", "\xe2\x82", "\xac", "b"}) == Texts{"a", "", "\xe2\x82\xac", "b", ""});
  REQUIRE(said({}, {"a\xf0\x9f", "!"}) == Texts{"a", "\xf0\x9f!", ""});
  REQUIRE(said({"end"}, {"the e", "nd", "more"}) == Texts{"the ", "", "", ""});
  REQUIRE(said({"end"}, {"the e", "n", "s"}) == Texts{"the ", "", "ens", ""});
  REQUIRE(said({"end"}, {"the en"}) == Texts{"the ", "en"});
  REQUIRE(said({"b", "ab"}, {"xab"}) == Texts{"x", ""});
  REQUIRE(said({"\x80"}, {"\xe2\x82\xac"}) == Texts{"\xe2\x82\xac", ""});
}
