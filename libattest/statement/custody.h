// Custody: what happened to one device, and in whose hands it is. A device's life is a chain of
// these statements, each naming the one before; a transfer has two sides, and each signs its own.
#pragma once

#include <optional>
#include <string>

#include "libattest/base/time.h"
#include "libattest/crypto/digest.h"
#include "libattest/statement/subject.h"

namespace attest::statement {

enum class DeviceKind {
  ek,        // a TPM, by its endorsement key
  gpu,       // by serial and key of its device identity ("BROM") certificate
  nvswitch,  // likewise
  chip,      // a processor, by the id its reports carry
  platform,  // a machine, by its platform certificate's serial and its maker's key
};
std::string_view to_string(DeviceKind kind);
std::optional<DeviceKind> device_kind_by_name(std::string_view name);

// DeviceIdentity names a device by what survives its firmware's updates.
struct DeviceIdentity {
  DeviceKind kind = DeviceKind::ek;
  Bytes serial;               // of a certificate, or a chip's id; empty for an EK
  std::optional<Sha256> key;  // SHA-256 of SubjectPublicKeyInfo; none for a chip
  friend bool operator==(const DeviceIdentity&, const DeviceIdentity&) = default;
};

// subject_of gives device:<SHA-256 of ["attest-device-v1", kind, serial, key or null]>.
Subject subject_of(const DeviceIdentity& device);

enum class CustodyEvent {
  made,
  sold,     // owner and holder change, once it is received
  shipped,  // the holder changes, once it is received
  leased,   // the holder changes, by the owner's will, once it is received
  received,
  installed,
  moved,
  decommissioned,
};
std::string_view to_string(CustodyEvent event);
std::optional<CustodyEvent> custody_event_by_name(std::string_view name);
// is_transfer: sold, shipped, leased.
bool is_transfer(CustodyEvent event);
// is_placement: installed, moved.
bool is_placement(CustodyEvent event);

struct Place {
  std::string region;  // as policies name it, "eu-north"
  std::string site;    // "hall 3, rack 7"
  friend bool operator==(const Place&, const Place&) = default;
};

struct Custody {
  DeviceIdentity device;
  CustodyEvent event = CustodyEvent::made;
  std::optional<Sha256> previous;           // SHA-256 of the statement before; none of the first
  std::optional<std::string> to;            // of a transfer: the issuer that is to receive it
  std::optional<std::string> jurisdiction;  // of the party that speaks, by its own word
  std::optional<Place> place;               // of installed and moved
  Time time;                                // when it happened, by its signer's word
  friend bool operator==(const Custody&, const Custody&) = default;
};

// decode_custody refuses (rules::custody_form): a device whose kind does not have these members; a
// first statement other than "made", and a "made" that names one before; a transfer to nobody, and
// a receiver elsewhere; a placement without a place, and a place elsewhere.
Bytes encode(const Custody& custody);
Result<Custody> decode_custody(ByteView payload);

// Inspection: somebody else saw the device where its holder says it is.
struct Inspection {
  DeviceIdentity device;
  Sha256 confirms{};   // SHA-256 of the statement "installed" or "moved"
  Place place;         // what the inspector found
  std::string method;  // how, in words
  Time time;
  friend bool operator==(const Inspection&, const Inspection&) = default;
};

Bytes encode(const Inspection& inspection);
Result<Inspection> decode_inspection(ByteView payload);

}  // namespace attest::statement

namespace attest::rules {
inline constexpr Rule custody_form{"statement.custody.form"};
}
