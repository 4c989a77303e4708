#include "libattest/model/sigstore_trust.h"

#include "libattest/base/json.h"
#include "libattest/base/text.h"
#include "libattest/statement/dsse.h"

namespace attest::model {

namespace {

constexpr std::size_t max_listed = 256;

std::unexpected<Error> malformed(std::string what) {
  return fail(refused(rules::sigstore_trust, "trusted root: " + std::move(what)));
}

Result<const Json*> object_at(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_object())
    return malformed("\"" + std::string(name) + "\" is missing");
  return &*found;
}

Result<Bytes> bytes_at(const Json& object, const char* name) {
  const auto found = object.find(name);
  const auto* text = found == object.end() ? nullptr : found->get_ptr<const std::string*>();
  if (text == nullptr || text->empty())
    return malformed("\"" + std::string(name) + "\" is missing");
  auto bytes = statement::from_either_base64(*text);
  if (!bytes) return malformed("\"" + std::string(name) + "\" is not base64");
  return bytes;
}

// Times are written to the nanosecond; an end keeps its whole second.
Result<Time> read_time(const Json& value) {
  const auto* text = value.get_ptr<const std::string*>();
  if (text == nullptr) return malformed("a time is no text");
  std::string whole = *text;
  if (const std::size_t dot = whole.find('.'); dot != std::string::npos) {
    const std::size_t rest = whole.find_first_not_of("0123456789", dot + 1);
    if (rest == std::string::npos || rest == dot + 1) return malformed("a time is malformed");
    whole.erase(dot, rest - dot);
  }
  TRY_WITHIN("trusted root", const Time time, parse_time(whole));
  return time;
}

Result<TimeRange> read_range(const Json& holder) {
  TRY(const Json* object, object_at(holder, "validFor"));
  const auto start = object->find("start");
  if (start == object->end()) return malformed("\"validFor\" has no start");
  TimeRange range{};
  TRY(range.start, read_time(*start));
  if (const auto end = object->find("end"); end != object->end() && !end->is_null()) {
    TRY(range.end, read_time(*end));
  }
  return range;
}

// Nothing for a key of a kind that nothing here can verify with.
Result<std::optional<SigstoreLog>> read_log(const Json& object) {
  if (!object.is_object()) return malformed("a log is no object");
  TRY(const Json* key, object_at(object, "publicKey"));
  TRY(const Bytes der, bytes_at(*key, "rawBytes"));
  TRY(const TimeRange valid, read_range(*key));
  TRY(const Json* id, object_at(object, "logId"));
  TRY(Bytes log_id, bytes_at(*id, "keyId"));
  const auto url = object.find("baseUrl");
  auto parsed = PublicKey::from_spki_der(der);
  if (!parsed) return std::nullopt;
  return SigstoreLog{url != object.end() && url->is_string() ? url->get<std::string>() : "",
                     *std::move(parsed), std::move(log_id), valid};
}

Result<SigstoreAuthority> read_authority(const Json& object) {
  if (!object.is_object()) return malformed("an authority is no object");
  SigstoreAuthority authority{};
  TRY(authority.valid, read_range(object));
  TRY(const Json* chain, object_at(object, "certChain"));
  const auto list = chain->find("certificates");
  if (list == chain->end() || !list->is_array() || list->empty() || list->size() > max_listed)
    return malformed("an authority has no chain");
  for (const Json& each : *list) {
    if (!each.is_object()) return malformed("a certificate is no object");
    TRY(const Bytes der, bytes_at(each, "rawBytes"));
    TRY_WITHIN("trusted root", Certificate certificate, Certificate::from_der(der));
    authority.chain.push_back(std::move(certificate));
  }
  return authority;
}

Result<const Json*> list_at(const Json& whole, const char* name) {
  static const Json none = Json::array();
  const auto found = whole.find(name);
  if (found == whole.end() || found->is_null()) return &none;
  if (!found->is_array() || found->size() > max_listed)
    return malformed("\"" + std::string(name) + "\" is no list");
  return &*found;
}

Result<std::vector<SigstoreLog>> read_logs(const Json& whole, const char* name) {
  std::vector<SigstoreLog> logs;
  TRY(const Json* list, list_at(whole, name));
  for (const Json& each : *list) {
    TRY(auto log, read_log(each));
    if (log) logs.push_back(*std::move(log));
  }
  return logs;
}

Result<std::vector<SigstoreAuthority>> read_authorities(const Json& whole, const char* name) {
  std::vector<SigstoreAuthority> authorities;
  TRY(const Json* list, list_at(whole, name));
  for (const Json& each : *list) {
    TRY(SigstoreAuthority authority, read_authority(each));
    authorities.push_back(std::move(authority));
  }
  return authorities;
}

}  // namespace

Result<SigstoreTrust> parse_sigstore_trust(std::string_view json) {
  TRY_WITHIN("trusted root", const Json whole, parse_json(json));
  if (!whole.is_object()) return malformed("this is no object");
  const std::string media_type = whole.value("mediaType", Json()).is_string()
                                     ? whole["mediaType"].get<std::string>()
                                     : std::string();
  if (!media_type.starts_with("application/vnd.dev.sigstore.trustedroot"))
    return fail(refused(rules::sigstore_trust, "this is no trusted root of Sigstore")
                    .expected("mediaType application/vnd.dev.sigstore.trustedroot…")
                    .found("\"" + printable(media_type, 80) + "\""));
  SigstoreTrust trust;
  TRY(trust.logs, read_logs(whole, "tlogs"));
  TRY(trust.certificate_logs, read_logs(whole, "ctlogs"));
  TRY(trust.certificate_authorities, read_authorities(whole, "certificateAuthorities"));
  TRY(trust.timestamp_authorities, read_authorities(whole, "timestampAuthorities"));
  return trust;
}

}  // namespace attest::model
