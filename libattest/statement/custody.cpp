#include "libattest/statement/custody.h"

#include <algorithm>
#include <array>

#include "libattest/base/text.h"
#include "libattest/statement/payload_fields.h"

namespace attest::statement {

namespace {

constexpr std::array<std::string_view, 5> device_kinds = {"ek", "gpu", "nvswitch", "chip",
                                                          "platform"};
constexpr std::array<std::string_view, 8> events = {
    "made", "sold", "shipped", "leased", "received", "installed", "moved", "decommissioned"};
constexpr std::size_t max_serial = 64;
constexpr std::size_t max_text = 200;

Error form(std::string what) {
  return refused(rules::custody_form, std::move(what));
}

template <typename E, std::size_t n>
std::optional<E> by_name(const std::array<std::string_view, n>& names, std::string_view name) {
  const auto* found = std::ranges::find(names, name);
  if (found == names.end()) return {};
  return static_cast<E>(found - names.begin());
}

template <typename E>
Result<E> named(std::optional<E> found, std::string_view what, std::string_view text) {
  if (!found)
    return fail(form("unknown " + std::string(what)).found("\"" + printable(text, 60) + "\""));
  return *found;
}

cbor::Value key_value(const std::optional<Sha256>& key) {
  return key ? cbor::Value(*key) : cbor::Value(nullptr);
}
cbor::Value text_value(const std::optional<std::string>& text) {
  return text ? cbor::Value(*text) : cbor::Value(nullptr);
}

Result<std::optional<Sha256>> nullable_digest(cbor::Fields& fields, const char* name) {
  TRY(const cbor::Value* const value, fields.required(name));
  if (value->is_null()) return std::nullopt;
  TRY(const Sha256 digest, digest_field(fields, name));
  return digest;
}

cbor::Map device_map(const DeviceIdentity& device) {
  return {
      {"kind", to_string(device.kind)}, {"serial", device.serial}, {"key", key_value(device.key)}};
}

Status check_device(const DeviceIdentity& device) {
  const bool has_serial = device.kind != DeviceKind::ek;
  const bool has_key = device.kind != DeviceKind::chip;
  if (device.serial.empty() == has_serial || device.serial.size() > max_serial)
    return fail(form("a device of this kind is named otherwise")
                    .expected(has_serial ? "a serial of 1 to 64 bytes" : "no serial")
                    .found(std::to_string(device.serial.size()) + " bytes")
                    .within(to_string(device.kind)));
  if (device.key.has_value() != has_key)
    return fail(form("a device of this kind is named otherwise")
                    .expected(has_key ? "a key" : "no key")
                    .within(to_string(device.kind)));
  return {};
}

Result<DeviceIdentity> device_field(cbor::Fields& fields) {
  TRY(const cbor::Value* const value, fields.required("device"));
  TRY(cbor::Fields members, cbor::Fields::of(*value, "device"));
  DeviceIdentity device;
  TRY(const std::string kind, members.text("kind"));
  TRY(device.kind, named(device_kind_by_name(kind), "kind of device", kind));
  TRY(device.serial, members.bytes("serial"));
  TRY(device.key, nullable_digest(members, "key"));
  TRY_VOID(members.finish());
  TRY_VOID(check_device(device));
  return device;
}

Result<std::string> short_text(cbor::Fields& fields, const char* name) {
  TRY(std::string text, fields.text(name));
  if (text.empty() || text.size() > max_text)
    return fail(form(std::string(name) + " is empty or longer than 200 bytes"));
  return text;
}

Result<Place> place_of(const cbor::Value& value) {
  TRY(cbor::Fields fields, cbor::Fields::of(value, "place"));
  Place place;
  TRY(place.region, short_text(fields, "region"));
  TRY(place.site, short_text(fields, "site"));
  TRY_VOID(fields.finish());
  return place;
}

cbor::Map place_map(const Place& place) {
  return {{"region", place.region}, {"site", place.site}};
}

Status check_members(const Custody& custody) {
  const bool first = custody.event == CustodyEvent::made;
  if (first == custody.previous.has_value())
    return fail(form(first ? "a device is made once: nothing is before"
                           : "a statement after the first names the one before"));
  if (is_transfer(custody.event) != custody.to.has_value())
    return fail(form(custody.to ? "only a transfer has a receiver" : "a transfer to nobody"));
  if (custody.to && !is_issuer_name(*custody.to))
    return fail(form("the receiver is no name of an issuer"));
  if (is_placement(custody.event) != custody.place.has_value())
    return fail(form(custody.place ? "only installed and moved have a place"
                                   : "installed and moved say where"));
  if (custody.jurisdiction &&
      (custody.jurisdiction->empty() || custody.jurisdiction->size() > max_text))
    return fail(form("jurisdiction is empty or longer than 200 bytes"));
  return {};
}

}  // namespace

std::string_view to_string(DeviceKind kind) {
  return device_kinds[static_cast<std::size_t>(kind)];
}
std::optional<DeviceKind> device_kind_by_name(std::string_view name) {
  return by_name<DeviceKind>(device_kinds, name);
}
std::string_view to_string(CustodyEvent event) {
  return events[static_cast<std::size_t>(event)];
}
std::optional<CustodyEvent> custody_event_by_name(std::string_view name) {
  return by_name<CustodyEvent>(events, name);
}
bool is_transfer(CustodyEvent event) {
  return event == CustodyEvent::sold || event == CustodyEvent::shipped ||
         event == CustodyEvent::leased;
}
bool is_placement(CustodyEvent event) {
  return event == CustodyEvent::installed || event == CustodyEvent::moved;
}

Subject subject_of(const DeviceIdentity& device) {
  return Subject::device(sha256(cbor::encode(cbor::Array{"attest-device-v1", to_string(device.kind),
                                                         device.serial, key_value(device.key)})));
}

Bytes encode(const Custody& custody) {
  return cbor::encode(cbor::Map{
      {"version", 1},
      {"device", device_map(custody.device)},
      {"event", to_string(custody.event)},
      {"previous", key_value(custody.previous)},
      {"to", text_value(custody.to)},
      {"jurisdiction", text_value(custody.jurisdiction)},
      {"place", custody.place ? cbor::Value(place_map(*custody.place)) : cbor::Value(nullptr)},
      {"time", unix_seconds(custody.time)}});
}

Result<Custody> decode_custody(ByteView payload) {
  TRY(const cbor::Value value, decode_payload(payload));
  TRY(cbor::Fields fields, fields_of(value, "custody"));
  Custody custody;
  TRY(custody.device, device_field(fields));
  TRY(const std::string event, fields.text("event"));
  TRY(custody.event, named(custody_event_by_name(event), "event", event));
  TRY(custody.previous, nullable_digest(fields, "previous"));
  TRY(custody.to, nullable_text_field(fields, "to"));
  TRY(custody.jurisdiction, nullable_text_field(fields, "jurisdiction"));
  TRY(const cbor::Value* const place, fields.required("place"));
  if (!place->is_null()) {
    TRY(custody.place, place_of(*place));
  }
  TRY(custody.time, time_field(fields, "time"));
  TRY_VOID(fields.finish());
  TRY_VOID(check_members(custody));
  return custody;
}

Bytes encode(const Inspection& inspection) {
  return cbor::encode(cbor::Map{{"version", 1},
                                {"device", device_map(inspection.device)},
                                {"confirms", inspection.confirms},
                                {"place", place_map(inspection.place)},
                                {"method", inspection.method},
                                {"time", unix_seconds(inspection.time)}});
}

Result<Inspection> decode_inspection(ByteView payload) {
  TRY(const cbor::Value value, decode_payload(payload));
  TRY(cbor::Fields fields, fields_of(value, "inspection"));
  Inspection inspection;
  TRY(inspection.device, device_field(fields));
  TRY(inspection.confirms, digest_field(fields, "confirms"));
  TRY(const cbor::Value* const place, fields.required("place"));
  TRY(inspection.place, place_of(*place));
  TRY(inspection.method, short_text(fields, "method"));
  TRY(inspection.time, time_field(fields, "time"));
  TRY_VOID(fields.finish());
  return inspection;
}

}  // namespace attest::statement
