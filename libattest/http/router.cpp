#include "libattest/http/router.h"

#include <algorithm>
#include <optional>

#include "libattest/base/text.h"

namespace attest::http {

namespace {

std::unexpected<Error> bad_target(std::string what) {
  return fail(refused(rules::http_form, std::move(what)));
}

// Undoes percent-encoding of one path segment or query part.
Result<std::string> decoded(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    if (text.front() != '%') {
      plain += text.front();
      text.remove_prefix(1);
      continue;
    }
    const auto byte = from_hex(text.substr(1, 2));
    if (!byte || byte->size() != 1) return bad_target("a percent sign without two hex digits");
    plain += static_cast<char>(byte->front());
    text.remove_prefix(3);
  }
  const bool control = std::ranges::any_of(
      plain, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (control || !is_utf8(plain))
    return bad_target("control characters or broken UTF-8 in the request target");
  return plain;
}

// A dot segment, or a slash that arrives encoded, would mean one thing to a router and another to
// the file system behind it: neither is let in.
Result<std::string> decoded_path(std::string_view path) {
  if (!path.starts_with('/')) return bad_target("the request target is not a path");
  std::string plain;
  const auto segments = split(path.substr(1), '/');
  for (std::size_t i = 0; i < segments.size(); ++i) {
    TRY(const std::string segment, decoded(segments[i]));
    if (segment == "." || segment == ".." || segment.contains('/'))
      return bad_target("dot segments and encoded slashes are not allowed in a path");
    if (segment.empty() && i + 1 != segments.size()) return bad_target("an empty path segment");
    plain += "/" + segment;
  }
  return plain;
}

// The parameters that make `pattern` match `path`, or nothing.
std::optional<std::map<std::string, std::string>> matched(std::string_view pattern,
                                                          std::string_view path) {
  std::map<std::string, std::string> parameters;
  const auto wanted = split(pattern.substr(1), '/');
  const auto given = split(path.substr(1), '/');
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    std::string_view name = wanted[i];
    if (i >= given.size()) return std::nullopt;
    const bool variable = name.starts_with('{') && name.ends_with('}');
    if (!variable) {
      if (name != given[i]) return std::nullopt;
      continue;
    }
    if (given[i].empty()) return std::nullopt;
    name = name.substr(1, name.size() - 2);
    if (name.ends_with("...")) {
      const auto begin = static_cast<std::size_t>(given[i].data() - path.data());
      parameters[std::string(name.substr(0, name.size() - 3))] = path.substr(begin);
      return parameters;
    }
    parameters[std::string(name)] = given[i];
  }
  if (given.size() != wanted.size()) return std::nullopt;
  return parameters;
}

}  // namespace

void Router::add(Method method, std::string pattern, Handler handler, RouteLimits limits) {
  routes_.push_back({method, std::move(pattern), std::move(handler), limits});
}

Router::Match Router::find(Method method, std::string_view path) const {
  Match match;
  for (const Route& route : routes_) {
    auto parameters = matched(route.pattern, path);
    if (!parameters) continue;
    if (route.method == method) return {&route, *std::move(parameters), false};
    match.other_method = true;
  }
  return match;
}

Result<Target> parse_target(std::string_view target) {
  Target parsed;
  const std::size_t mark = target.find('?');
  TRY(parsed.path, decoded_path(target.substr(0, mark)));
  if (mark == std::string_view::npos || mark + 1 == target.size()) return parsed;
  for (const std::string_view part : split(target.substr(mark + 1), '&')) {
    const std::size_t equals = part.find('=');
    TRY(std::string name, decoded(part.substr(0, equals)));
    TRY(std::string value, equals == std::string_view::npos ? Result<std::string>("")
                                                            : decoded(part.substr(equals + 1)));
    // Two values under one name are how a check and its use come to see different ones.
    if (!parsed.query.emplace(name, std::move(value)).second)
      return bad_target("\"" + printable(name) + "\" is twice in the query");
  }
  return parsed;
}

}  // namespace attest::http
