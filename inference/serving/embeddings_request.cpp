#include "inference/serving/embeddings_request.h"

#include "libattest/base/json.h"
#include "libattest/base/text.h"

namespace attest::inference {

namespace {

Error wrong(const std::string& field, std::string expected, const Json& found) {
  return refused(rules::request_field, "this member cannot be used")
      .expected(std::move(expected))
      .found(printable(to_line(found), 60))
      .within(field);
}

Status read_inputs(const Json& value, const CompletionLimits& limits, EmbeddingsRequest& request) {
  const Json list = value.is_array() ? value : Json::array({value});
  if (list.empty() || list.size() > max_embedding_inputs)
    return fail(wrong("input", "a text, or a list of 1 to " + std::to_string(max_embedding_inputs),
                      list.size()));
  std::size_t size = 0;
  for (const Json& each : list) {
    if (!each.is_string()) return fail(wrong("input", "texts; tokens are not taken", each));
    request.inputs.push_back(each.get<std::string>());
    size += request.inputs.back().size();
  }
  if (size > limits.prompt)
    return fail(wrong("input", "at most " + std::to_string(limits.prompt) + " bytes", size));
  return {};
}

Status read_member(const std::string& name, const Json& value, const CompletionLimits& limits,
                   EmbeddingsRequest& request) {
  if (name == "input") return read_inputs(value, limits, request);
  if (name == "model") {
    if (!value.is_string() || value.get_ref<const std::string&>().size() > 256)
      return fail(wrong(name, "text of at most 256 bytes", value));
    request.model = value.get<std::string>();
    return {};
  }
  if (name == "encoding_format") {
    if (!value.is_null() && value != "float" && value != "base64")
      return fail(wrong(name, "\"float\" or \"base64\"", value));
    request.base64 = value == "base64";
    return {};
  }
  if (name == "dimensions") {
    if (value.is_null()) return {};
    return fail(wrong(name, "none: a vector is as long as the model makes it", value));
  }
  if (name == "user") {
    if (value.is_null() || value.is_string()) return {};
    return fail(wrong(name, "text", value));
  }
  return fail(refused(rules::request_unknown_field, "this runtime does not know this member")
                  .expected("one of input, model, encoding_format, dimensions, user")
                  .within(printable(name, 64)));
}

}  // namespace

Result<EmbeddingsRequest> parse_embeddings_request(ByteView body, const CompletionLimits& limits) {
  TRY(const Json json, parse_json(as_text(body), {.size = limits.body, .depth = 4}));
  if (!json.is_object())
    return fail(refused(rules::json_schema, "the request is no JSON object")
                    .expected("an object")
                    .found(json.type_name()));
  EmbeddingsRequest request;
  for (const auto& [name, value] : json.items())
    TRY_VOID(read_member(name, value, limits, request));
  for (const char* name : {"model", "input"})
    if (!json.contains(name)) return fail(wrong(name, "a value", nullptr));
  return request;
}

}  // namespace attest::inference
