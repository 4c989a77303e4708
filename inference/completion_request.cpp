#include "inference/completion_request.h"

#include "libattest/base/json.h"
#include "libattest/base/text.h"

namespace attest::inference {

namespace {

// Nothing that is served here nests deeper than a list in an object.
constexpr std::size_t deepest = 4;

Error wrong(const std::string& field, std::string expected, std::string found) {
  return refused(rules::request_field, "this member cannot be used")
      .expected(std::move(expected))
      .found(std::move(found))
      .within(field);
}

class RequestReader {
 public:
  RequestReader(const Json& members, const CompletionLimits& limits)
      : members_(members), limits_(limits) {}

  Result<CompletionRequest> read() {
    for (const auto& [name, value] : members_.items()) {
      const auto reader = readers.find(name);
      if (reader == readers.end())
        return fail(refused(rules::request_unknown_field, "this runtime does not know this member")
                        .expected("one of " + known())
                        .within(printable(name, 64)));
      TRY_VOID((this->*reader->second)(name, value));
    }
    for (const std::string name : {"model", "prompt"})
      if (!members_.contains(name)) return fail(wrong(name, "text", "nothing"));
    return std::move(request_);
  }

 private:
  using Member = Status (RequestReader::*)(const std::string&, const Json&);
  static const std::map<std::string, Member, std::less<>> readers;

  static std::string known() {
    std::string names;
    for (const auto& [name, reader] : readers) names += (names.empty() ? "" : ", ") + name;
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

  const Json& members_;
  const CompletionLimits& limits_;
  CompletionRequest request_;
};

const std::map<std::string, RequestReader::Member, std::less<>> RequestReader::readers = {
    {"model", &RequestReader::model},
    {"prompt", &RequestReader::prompt},
    {"max_tokens", &RequestReader::max_tokens},
    {"temperature", &RequestReader::temperature},
    {"top_p", &RequestReader::top_p},
    {"seed", &RequestReader::seed},
    {"stop", &RequestReader::stop},
    {"stream", &RequestReader::stream}};

}  // namespace

Result<CompletionRequest> parse_completion_request(ByteView body, const CompletionLimits& limits) {
  TRY(const Json json, parse_json(as_text(body), {.size = limits.body, .depth = deepest}));
  if (!json.is_object())
    return fail(refused(rules::json_schema, "the request is no JSON object")
                    .expected("an object")
                    .found(json.type_name()));
  return RequestReader(json, limits).read();
}

}  // namespace attest::inference
