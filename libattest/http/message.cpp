#include "libattest/http/message.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>

#include "libattest/base/json.h"
#include "libattest/base/text.h"

namespace attest::http {

namespace {

char lower(char character) {
  return character >= 'A' && character <= 'Z' ? static_cast<char>(character - 'A' + 'a')
                                              : character;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

Result<std::string> value_in(const std::map<std::string, std::string>& values,
                             std::string_view name, std::string_view what) {
  const auto found = values.find(std::string(name));
  if (found == values.end() || found->second.empty())
    return fail(refused(rules::http_parameter,
                        std::string(what) + " \"" + std::string(name) + "\" is missing"));
  return found->second;
}

int status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::refused:
      return 403;
    case ErrorKind::incomplete:
      return 424;
    case ErrorKind::usage:
      return 400;
    case ErrorKind::fault:
      return 500;
  }
  return 500;
}

ErrorKind kind_of(std::string_view name, int status) {
  for (const ErrorKind kind :
       {ErrorKind::refused, ErrorKind::incomplete, ErrorKind::usage, ErrorKind::fault})
    if (name == to_string(kind)) return kind;
  // No word of ours: what the server could not do may go well later; what it would not do, not.
  return status >= 500 || status == 429 ? ErrorKind::incomplete : ErrorKind::refused;
}

std::string member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? printable(found->get<std::string>(), 2000)
                                                     : std::string();
}

}  // namespace

std::string_view to_string(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::remove:
      return "DELETE";
  }
  return "GET";
}

void Headers::add(std::string name, std::string value) {
  fields_.emplace_back(std::move(name), std::move(value));
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (const auto& [known, value] : fields_)
    if (same_name(known, name)) return value;
  return std::nullopt;
}

Result<std::string> Request::parameter(std::string_view name) const {
  return value_in(parameters, name, "the path's part");
}
Result<std::string> Request::query_value(std::string_view name) const {
  return value_in(query, name, "the query's");
}

Status StreamWriter::event(std::string_view data, std::string_view name) {
  std::string text;
  if (!name.empty()) text += "event: " + std::string(name) + "\n";
  for (const std::string_view line : split(data, '\n')) text += "data: " + std::string(line) + "\n";
  text += "\n";
  return write(as_bytes(text));
}

Response empty_response(int status) {
  Response response;
  response.status = status;
  response.content_type.clear();
  return response;
}

Response text_response(int status, std::string_view text) {
  return bytes_response(status, "text/plain; charset=utf-8", to_bytes(text));
}

Response json_response(int status, std::string json) {
  return bytes_response(status, "application/json", to_bytes(json));
}

Response bytes_response(int status, std::string content_type, Bytes body) {
  Response response;
  response.status = status;
  response.content_type = std::move(content_type);
  response.body = std::move(body);
  return response;
}

Response stream_response(std::string content_type, std::function<void(StreamWriter&)> produce) {
  Response response;
  response.content_type = std::move(content_type);
  response.stream = std::move(produce);
  return response;
}

Response file_response(const Path& path, std::string content_type) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat about{};
  if (!file.valid() || ::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode))
    return error_response(404, refused(rules::http_not_found, "there is no such file here"));
  Response response;
  response.content_type = std::move(content_type);
  response.file = FileBody{std::move(file), static_cast<std::uint64_t>(about.st_size)};
  return response;
}

Response error_response(const Error& error) {
  return error_response(status_of(error.kind), error);
}

Response error_response(int status, const Error& error) {
  OrderedJson body;
  body["kind"] = to_string(error.kind);
  body["rule"] = error.rule.name;
  if (error.kind == ErrorKind::fault) {
    // What went wrong inside may name paths and queries: it is for the log.
    body["what"] = "the server could not do this because of a fault of its own; its log says why";
  } else {
    body["what"] = error.what;
    body["expected"] = error.expected_value;
    body["found"] = error.found_value;
    body["where"] = error.where;
    body["next"] = error.next_step;
  }
  return json_response(status, to_line(OrderedJson{{"error", std::move(body)}}) + "\n");
}

Response busy_response(unsigned retry_after_seconds) {
  Response response =
      error_response(503, incomplete(rules::http_busy, "too many requests wait already")
                              .next("try again in " + std::to_string(retry_after_seconds) + " s"));
  response.headers.add("Retry-After", std::to_string(retry_after_seconds));
  return response;
}

Error error_from(int status, ByteView body, std::string_view url) {
  const auto parsed = parse_json(as_text(body), {.size = 64U << 10, .depth = 8});
  const bool ours =
      parsed && parsed->is_object() && parsed->contains("error") && (*parsed)["error"].is_object();
  if (!ours) {
    Error error{rules::http_remote,
                kind_of("", status),
                "the server answered with an error",
                {},
                "status " + std::to_string(status),
                std::string(url),
                {}};
    return error;
  }
  const Json& said = (*parsed)["error"];
  const std::string rule = member(said, "rule");
  std::string what = member(said, "what");
  if (!rule.empty()) what += " (" + rule + ")";
  return Error{rules::http_remote,    kind_of(member(said, "kind"), status),
               std::move(what),       member(said, "expected"),
               member(said, "found"), std::string(url),
               member(said, "next")};
}

}  // namespace attest::http
