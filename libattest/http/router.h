// Router: which handler answers which method and path.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "libattest/http/message.h"

namespace attest::http {

// A Handler runs on a thread of the server's pool, several at once; it may block. What it throws
// becomes a 500.
using Handler = std::function<Response(const Request&)>;

struct RouteLimits {
  std::uint64_t body = 1U << 20;  // bytes; a larger body is answered 413 before it is read
};

// Router is filled before the server starts and is not changed afterwards; it may then be used from
// several threads.
class Router {
 public:
  // A pattern is a path whose segments are literal or {name}, which matches one segment; a last
  // segment {name...} matches the rest of the path, slashes included: "/v1/nodes/{id}",
  // "/tile/{path...}". Of several patterns that match, the one added first answers.
  void add(Method method, std::string pattern, Handler handler, RouteLimits limits = {});

  struct Route {
    Method method;
    std::string pattern;
    Handler handler;
    RouteLimits limits;
  };
  struct Match {
    const Route* route = nullptr;  // nothing when no pattern matches
    std::map<std::string, std::string> parameters;
    bool other_method = false;  // the path is there under another method
  };
  Match find(Method method, std::string_view path) const;

 private:
  std::vector<Route> routes_;
};

// Target is a request target, split and decoded.
struct Target {
  std::string path;
  std::map<std::string, std::string> query;
};
// parse_target takes the origin form ("/path?name=value&…"), undoes percent-encoding, and refuses
// control characters, broken UTF-8, "." and ".." segments, empty segments but the last, encoded
// slashes and NULs, and a query name given twice.
Result<Target> parse_target(std::string_view target);

}  // namespace attest::http
