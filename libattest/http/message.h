// Requests and responses as handlers see them, and errors as they travel. Plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libattest/base/bytes.h"
#include "libattest/base/descriptor.h"
#include "libattest/base/file.h"
#include "libattest/base/result.h"
#include "libattest/crypto/digest.h"

namespace attest::http {

enum class Method { get, post, put, remove };  // HEAD is answered as GET without its body
std::string_view to_string(Method method);

// Headers are kept in order of arrival; names are compared without regard to case.
class Headers {
 public:
  void add(std::string name, std::string value);
  // find gives the first value, or nothing.
  std::optional<std::string_view> find(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& all() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

// Request is what a handler gets: complete, within its limits, path and query decoded.
struct Request {
  Method method = Method::get;
  std::string path;                               // decoded, always begins with "/"
  std::map<std::string, std::string> parameters;  // what {name} in the route's pattern matched
  std::map<std::string, std::string> query;       // a name given twice was refused
  Headers headers;
  Bytes body;
  std::string content_type;  // without parameters, lower case; empty when there is none
  std::string remote;        // "127.0.0.1:41234", or "unix"
  // SHA-256 of the SubjectPublicKeyInfo and of the DER of the client's certificate, where it
  // presented one that chains to the configured client CA.
  std::optional<Sha256> client_key;
  std::optional<Sha256> client_certificate;
  // client_left says whether the client has ended its side of the connection, so that a handler
  // that takes long can stop; false where nothing is known. Good while the handler runs.
  std::function<bool()> client_left = [] { return false; };

  // parameter and query_value refuse what is missing (rules::parameter).
  Result<std::string> parameter(std::string_view name) const;
  Result<std::string> query_value(std::string_view name) const;
};

// StreamWriter sends a body in pieces, for answers that are made while they are read (SSE). write()
// blocks while the client reads slowly, and fails once it is gone or the server stops: the handler
// then returns.
class StreamWriter {
 public:
  virtual ~StreamWriter() = default;
  virtual Status write(ByteView piece) = 0;
  // event writes one server-sent event (HTML living standard, section 9.2): "data: …" lines.
  Status event(std::string_view data, std::string_view name = {});
};

// FileBody is an open regular file that is sent from its beginning.
struct FileBody {
  Descriptor file;
  std::uint64_t size = 0;
};

// Response has one of three bodies: bytes, a file, or a stream that is produced on a handler
// thread after the header was sent.
struct Response {
  int status = 200;
  std::string content_type = "application/octet-stream";
  Headers headers;
  Bytes body;
  std::optional<FileBody> file;
  std::function<void(StreamWriter&)> stream;
};

Response empty_response(int status);
Response text_response(int status, std::string_view text);  // text/plain; charset=utf-8
Response json_response(int status, std::string json);
Response bytes_response(int status, std::string content_type, Bytes body);
Response stream_response(std::string content_type, std::function<void(StreamWriter&)> produce);
// file_response opens `path`: 404 when there is no regular file. Symbolic links are not followed at
// the last component, and the caller has made sure that `path` is inside what it serves.
Response file_response(const Path& path, std::string content_type);

// error_response says an Error as {"error": {"kind", "rule", "what", "expected", "found", "where",
// "next"}}. The status is 403 for refused, 424 for incomplete, 400 for usage and 500 for a fault,
// whose details are for the log alone; pass another where a protocol asks for it.
Response error_response(const Error& error);
Response error_response(int status, const Error& error);
// busy_response is 503 with Retry-After, in whole seconds.
Response busy_response(unsigned retry_after_seconds);

// error_from gives back the Error that a response of status >= 400 carries, with its kind, words
// and (in `what`) the remote rule; any other body becomes a plain statement of the status.
Error error_from(int status, ByteView body, std::string_view url);

}  // namespace attest::http

namespace attest::rules {
inline constexpr Rule http_parameter{"http.parameter"};
inline constexpr Rule http_not_found{"http.not-found"};
inline constexpr Rule http_method{"http.method"};
inline constexpr Rule http_form{"http.form"};
inline constexpr Rule http_body_size{"http.body-size"};
inline constexpr Rule http_header_size{"http.header-size"};
inline constexpr Rule http_busy{"http.busy"};
inline constexpr Rule http_timeout{"http.timeout"};
inline constexpr Rule http_stream_closed{"http.stream-closed"};
inline constexpr Rule http_remote{"http.remote"};
}  // namespace attest::rules
