#include <charconv>

#include <arpa/inet.h>
#include <sys/un.h>

#include "libattest/http/server.h"

namespace attest::http {

namespace {

std::unexpected<Error> bad_endpoint(std::string_view text) {
  return fail(refused(rules::http_endpoint, "this is no address to listen at")
                  .expected("such as 127.0.0.1:8443, [::1]:8443 or unix:/run/attest/x.sock")
                  .found("\"" + std::string(text) + "\""));
}

bool is_ip4(const std::string& address) {
  in_addr unused{};
  return ::inet_pton(AF_INET, address.c_str(), &unused) == 1;
}
bool is_ip6(const std::string& address) {
  in6_addr unused{};
  return ::inet_pton(AF_INET6, address.c_str(), &unused) == 1;
}

}  // namespace

bool Endpoint::is_loopback() const {
  return is_ip6(address) ? address == "::1" : is_ip4(address) && address.starts_with("127.");
}

std::string Endpoint::to_string() const {
  if (is_unix()) return "unix:" + socket.string();
  const std::string shown = is_ip6(address) ? "[" + address + "]" : address;
  return shown + ":" + std::to_string(port);
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  if (text.starts_with("unix:")) {
    Endpoint endpoint{"", 0, Path(text.substr(5))};
    if (!endpoint.socket.is_absolute() ||
        endpoint.socket.string().size() >= sizeof(sockaddr_un::sun_path))
      return bad_endpoint(text);
    return endpoint;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad_endpoint(text);
  std::string_view address = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  const bool bracketed = address.starts_with('[') && address.ends_with(']');
  if (bracketed) address = address.substr(1, address.size() - 2);

  Endpoint endpoint{std::string(address), 0, {}};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), endpoint.port);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  if (!whole || !(bracketed ? is_ip6(endpoint.address) : is_ip4(endpoint.address)))
    return bad_endpoint(text);
  return endpoint;
}

}  // namespace attest::http
