#include "inference/serving/completion_request.h"

#include <algorithm>
#include <functional>
#include <map>

#include "libattest/base/json.h"
#include "libattest/base/text.h"

namespace attest::inference {

namespace {

constexpr std::size_t deepest = 48;
constexpr std::size_t deepest_arguments = 32;
constexpr std::size_t most_messages = 4096;

Error wrong(const std::string& field, std::string expected, std::string found) {
  return refused(rules::request_field, "this member cannot be used")
      .expected(std::move(expected))
      .found(std::move(found))
      .within(field);
}

class RequestReader {
 public:
  using Member = Status (RequestReader::*)(const std::string&, const Json&);
  using Readers = std::map<std::string, Member, std::less<>>;
  static const Readers of_completions;
  static const Readers of_chat;

  RequestReader(std::string_view body, const Json& members, const CompletionLimits& limits,
                bool chat)
      : body_(body), members_(members), limits_(limits), readers_(chat ? of_chat : of_completions) {
    request_.chat = chat;
  }

  Result<CompletionRequest> read() {
    for (const auto& [name, value] : members_.items()) {
      const auto reader = readers_.find(name);
      if (reader == readers_.end())
        return fail(refused(rules::request_unknown_field, "this runtime does not know this member")
                        .expected("one of " + known())
                        .within(printable(name, 64)));
      TRY_VOID((this->*reader->second)(name, value));
    }
    for (const std::string name : {"model", request_.chat ? "messages" : "prompt"})
      if (!members_.contains(name)) return fail(wrong(name, "a value", "nothing"));
    if (likeliest_ && !request_.log_probabilities)
      return fail(wrong("top_logprobs", "logprobs: true beside it", "none"));
    if (likeliest_) request_.log_probabilities = likeliest_;
    return std::move(request_);
  }

 private:
  std::string known() const {
    std::string names;
    for (const auto& [name, reader] : readers_) names += (names.empty() ? "" : ", ") + name;
    return names;
  }
  static std::string shown(const Json& value) { return printable(to_line(value), 60); }

  Status model(const std::string& name, const Json& value) {
    return text(name, value, 256, request_.model);
  }
  Status prompt(const std::string& name, const Json& value) {
    return text(name, value, limits_.prompt, request_.prompt);
  }
  Status max_tokens(const std::string& name, const Json& value) {
    if (value.is_null()) return {};
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() == 0 ||
        value.get<std::uint64_t>() > limits_.max_tokens)
      return fail(
          wrong(name, "a whole number, 1 to " + std::to_string(limits_.max_tokens), shown(value)));
    request_.max_tokens = value.get<std::size_t>();
    return {};
  }
  Status temperature(const std::string& name, const Json& value) {
    return number(name, value, request_.sampler.temperature);
  }
  Status top_p(const std::string& name, const Json& value) {
    return number(name, value, request_.sampler.top_p);
  }
  Status top_k(const std::string& name, const Json& value) {
    if (value.is_null()) return {};
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > 1'000'000)
      return fail(wrong(name, "a whole number, 0 to 1000000", shown(value)));
    request_.sampler.top_k = value.get<std::uint32_t>();
    return {};
  }
  Status min_p(const std::string& name, const Json& value) {
    return number(name, value, request_.sampler.min_p);
  }
  Status repetition(const std::string& name, const Json& value) {
    return number(name, value, request_.sampler.repetition);
  }
  Status presence(const std::string& name, const Json& value) {
    return number(name, value, request_.sampler.presence);
  }
  Status frequency(const std::string& name, const Json& value) {
    return number(name, value, request_.sampler.frequency);
  }
  // One answer a request is all there is.
  Status one(const std::string& name, const Json& value) {
    if (value.is_null() || value == 1) return {};
    return fail(wrong(name, "1", shown(value)));
  }
  // Who asks is for the client's own books.
  Status user(const std::string& name, const Json& value) {
    std::string ignored;
    return value.is_null() ? Status() : text(name, value, 256, ignored);
  }
  Status stream_options(const std::string& name, const Json& value) {
    if (value.is_null()) return {};
    // Every stream ends with its usage.
    for (const auto& [option, wanted] : value.items())
      if (option != "include_usage" || !wanted.is_boolean())
        return fail(wrong(name, "an object with include_usage", shown(value)));
    if (!value.is_object()) return fail(wrong(name, "an object", value.type_name()));
    return {};
  }
  // Of completions: how many likeliest ones.
  Status logprobs(const std::string& name, const Json& value) {
    if (value.is_null()) return {};
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > max_likeliest)
      return fail(
          wrong(name, "a whole number, 0 to " + std::to_string(max_likeliest), shown(value)));
    request_.log_probabilities = value.get<std::size_t>();
    return {};
  }
  // Of a chat: whether at all, and how many beside.
  Status chat_logprobs(const std::string& name, const Json& value) {
    if (value.is_null()) return {};
    if (!value.is_boolean()) return fail(wrong(name, "true or false", shown(value)));
    if (value.get<bool>()) request_.log_probabilities = 0;
    return {};
  }
  Status top_logprobs(const std::string& name, const Json& value) {
    if (value.is_null()) return {};
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > max_likeliest)
      return fail(
          wrong(name, "a whole number, 0 to " + std::to_string(max_likeliest), shown(value)));
    likeliest_ = value.get<std::size_t>();
    return {};
  }

  Status messages(const std::string& name, const Json& value) {
    if (!value.is_array() || value.empty() || value.size() > most_messages)
      return fail(wrong(name, "a list of 1 to " + std::to_string(most_messages) + " messages",
                        value.is_array() ? std::to_string(value.size()) : value.type_name()));
    for (const Json& message : value) {
      if (!message.is_object() || !message.contains("role") || !message["role"].is_string())
        return fail(wrong(name, "messages that are objects with a role", shown(message)));
      if (message.contains("content")) TRY_VOID(content(name, message["content"]));
    }
    return {};
  }
  static Status content(const std::string& name, const Json& value) {
    if (value.is_null() || value.is_string()) return {};
    const auto is_text = [](const Json& part) {
      return part.is_object() && part.value("type", "") == "text" && part.contains("text") &&
             part["text"].is_string();
    };
    if (!value.is_array() || !std::ranges::all_of(value, is_text))
      return fail(wrong(name, "contents that are texts", shown(value)));
    return {};
  }
  Status tools(const std::string& name, const Json& value) {
    if (value.is_null() || (value.is_array() && value.size() <= most_messages)) return {};
    return fail(wrong(name, "a list", value.type_name()));
  }
  Status tool_choice(const std::string& name, const Json& value) {
    if (value.is_null() || value == "auto" || value == "none") return {};
    return fail(wrong(name, "\"auto\" or \"none\"", shown(value)));
  }
  Status response_format(const std::string& name, const Json& value) {
    const bool of_schema = value.is_object() && value.size() == 2 && value.contains("type") &&
                           value["type"] == "json_schema" && value.contains("json_schema");
    if (value.is_null() || value == Json{{"type", "text"}}) return {};
    if (value == Json{{"type", "json_object"}})
      return form(name, {AnswerForm::Kind::json_object, {}});
    if (!of_schema)
      return fail(wrong(name,
                        "{\"type\": \"text\"}, {\"type\": \"json_object\"} or {\"type\": "
                        "\"json_schema\", \"json_schema\": {…}}",
                        shown(value)));
    return schema(name, value["json_schema"]);
  }
  // `strict` or not, the schema is kept.
  Status schema(const std::string& name, const Json& value) {
    const auto fits = [](const std::string& member, const Json& of) {
      if (member == "schema") return of.is_object();
      if (member == "strict") return of.is_boolean() || of.is_null();
      return (member == "name" || member == "description") && (of.is_string() || of.is_null());
    };
    bool known = value.is_object() && value.contains("schema");
    if (known)
      for (const auto& [member, of] : value.items()) known = known && fits(member, of);
    if (!known)
      return fail(wrong(name, "a json_schema of name, schema, and maybe description and strict",
                        shown(value)));
    // The order of properties is that of the request.
    const auto ordered = OrderedJson::parse(body_, nullptr, false);
    return form(name, {AnswerForm::Kind::json_schema,
                       to_line(ordered["response_format"]["json_schema"]["schema"])});
  }
  Status grammar(const std::string& name, const Json& value) {
    if (value.is_null()) return {};
    std::string text;
    TRY_VOID(this->text(name, value, max_form_size, text));
    return form(name, {AnswerForm::Kind::grammar, std::move(text)});
  }
  Status form(const std::string& name, AnswerForm form) {
    if (request_.form) return fail(wrong(name, "one form of the answer", "two"));
    auto compiled = compile_form(form);
    if (!compiled)
      return fail(
          wrong(name, "a form of the answer that can be kept", compiled.error().to_string()));
    request_.grammar = *std::move(compiled);
    request_.form = std::move(form);
    return {};
  }
  Status template_variables(const std::string& name, const Json& value) {
    if (value.is_null()) return {};
    if (!value.is_object() || value.contains("messages") || value.contains("tools") ||
        value.contains("bos_token") || value.contains("eos_token"))
      return fail(wrong(name, "an object of the template's own variables", shown(value)));
    return {};
  }

  Status seed(const std::string& name, const Json& value) {
    if (value.is_null()) return {};
    if (!value.is_number_unsigned())
      return fail(wrong(name, "a whole number, 0 to 2^64 - 1", shown(value)));
    request_.sampler.seed = value.get<std::uint64_t>();
    request_.has_seed = true;
    return {};
  }
  Status stop(const std::string& name, const Json& value) {
    if (value.is_null()) return {};
    const Json list = value.is_array() ? value : Json::array({value});
    if (list.size() > max_stops)
      return fail(wrong(name, "a text, or a list of at most " + std::to_string(max_stops),
                        std::to_string(list.size()) + " of them"));
    for (const Json& one : list) {
      std::string stop;
      TRY_VOID(text(name, one, max_stop_size, stop));
      if (stop.empty()) return fail(wrong(name, "text that is not empty", "\"\""));
      request_.stop.push_back(std::move(stop));
    }
    return {};
  }
  Status stream(const std::string& name, const Json& value) {
    if (value.is_null()) return {};
    if (!value.is_boolean()) return fail(wrong(name, "true or false", shown(value)));
    request_.stream = value.get<bool>();
    return {};
  }

  static Status text(const std::string& name, const Json& value, std::uint64_t limit,
                     std::string& to) {
    if (!value.is_string()) return fail(wrong(name, "text", value.type_name()));
    const auto& found = value.get_ref<const std::string&>();
    if (found.size() > limit)
      return fail(
          wrong(name, "at most " + std::to_string(limit) + " bytes", std::to_string(found.size())));
    to = found;
    return {};
  }
  // The sampler's own ranges are those of the interface: it says what is out of them.
  Status number(const std::string& name, const Json& value, float& to) {
    if (value.is_null()) return {};
    if (!value.is_number()) return fail(wrong(name, "a number", value.type_name()));
    to = static_cast<float>(value.get<double>());
    if (const Status fits = check_settings(request_.sampler); !fits)
      return fail(wrong(name, fits.error().expected_value, shown(value)));
    return {};
  }

  std::string_view body_;
  const Json& members_;
  const CompletionLimits& limits_;
  const Readers& readers_;
  CompletionRequest request_;
  std::optional<std::size_t> likeliest_;
};

using R = RequestReader;
const R::Readers R::of_completions = {{"model", &R::model},
                                      {"prompt", &R::prompt},
                                      {"max_tokens", &R::max_tokens},
                                      {"temperature", &R::temperature},
                                      {"top_p", &R::top_p},
                                      {"top_k", &R::top_k},
                                      {"min_p", &R::min_p},
                                      {"repetition_penalty", &R::repetition},
                                      {"presence_penalty", &R::presence},
                                      {"frequency_penalty", &R::frequency},
                                      {"seed", &R::seed},
                                      {"stop", &R::stop},
                                      {"stream", &R::stream},
                                      {"stream_options", &R::stream_options},
                                      {"n", &R::one},
                                      {"logprobs", &R::logprobs},
                                      {"response_format", &R::response_format},
                                      {"grammar", &R::grammar},
                                      {"user", &R::user}};
const R::Readers R::of_chat = [] {
  Readers readers = of_completions;
  readers.erase("prompt");
  readers["messages"] = &R::messages;
  readers["max_completion_tokens"] = &R::max_tokens;
  readers["logprobs"] = &R::chat_logprobs;
  readers["top_logprobs"] = &R::top_logprobs;
  readers["tools"] = &R::tools;
  readers["tool_choice"] = &R::tool_choice;
  readers["chat_template_kwargs"] = &R::template_variables;
  return readers;
}();

// Clients send arguments of calls back as JSON in a text; templates were written for objects.
void open_arguments(nlohmann::ordered_json& message) {
  if (!message.contains("tool_calls") || !message["tool_calls"].is_array()) return;
  for (auto& call : message["tool_calls"]) {
    if (!call.is_object() || !call.contains("function") || !call["function"].is_object()) continue;
    auto& function = call["function"];
    if (!function.contains("arguments") || !function["arguments"].is_string()) continue;
    const std::string text = function["arguments"].get<std::string>();
    if (!parse_json(text, {.size = text.size(), .depth = deepest_arguments})) continue;
    auto opened = nlohmann::ordered_json::parse(text, nullptr, false);
    if (opened.is_object()) function["arguments"] = std::move(opened);
  }
}

// conversation_of keeps the order of members, as templates show tools with it.
std::string conversation_of(std::string_view body) {
  auto request = nlohmann::ordered_json::parse(body, nullptr, false);
  nlohmann::ordered_json conversation = nlohmann::ordered_json::object();
  if (request.contains("chat_template_kwargs") && request["chat_template_kwargs"].is_object())
    conversation = std::move(request["chat_template_kwargs"]);
  for (auto& message : request["messages"]) {
    if (message.contains("content") && message["content"].is_array()) {
      std::string text;
      for (const auto& part : message["content"]) text += part["text"].get<std::string>();
      message["content"] = std::move(text);
    }
    open_arguments(message);
  }
  conversation["messages"] = std::move(request["messages"]);
  const bool use_tools = !request.contains("tool_choice") || request["tool_choice"] != "none";
  if (use_tools && request.contains("tools") && request["tools"].is_array() &&
      !request["tools"].empty())
    conversation["tools"] = std::move(request["tools"]);
  if (!conversation.contains("add_generation_prompt")) conversation["add_generation_prompt"] = true;
  return conversation.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Result<CompletionRequest> parse_request(ByteView body, const CompletionLimits& limits, bool chat) {
  TRY(const Json json, parse_json(as_text(body), {.size = limits.body, .depth = deepest}));
  if (!json.is_object())
    return fail(refused(rules::json_schema, "the request is no JSON object")
                    .expected("an object")
                    .found(json.type_name()));
  TRY(CompletionRequest request, RequestReader(as_text(body), json, limits, chat).read());
  if (!chat) return request;
  request.conversation = conversation_of(as_text(body));
  if (request.conversation.size() > limits.prompt)
    return fail(wrong("messages", "at most " + std::to_string(limits.prompt) + " bytes",
                      std::to_string(request.conversation.size())));
  return request;
}

}  // namespace

Result<CompletionRequest> parse_completion_request(ByteView body, const CompletionLimits& limits) {
  return parse_request(body, limits, false);
}

Result<CompletionRequest> parse_chat_request(ByteView body, const CompletionLimits& limits) {
  return parse_request(body, limits, true);
}

}  // namespace attest::inference
