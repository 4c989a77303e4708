// DiceTcbInfo (TCG, "DICE Attestation Architecture" 1.1, section 6.1): what one layer of a device's
// firmware says of the next, in the certificate it issues. Pure functions; plain values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libattest/crypto/certificate.h"

namespace attest::dice {

inline constexpr std::string_view tcb_info_oid = "2.23.133.5.4.1";
inline constexpr std::string_view multi_tcb_info_oid = "2.23.133.5.4.5";
inline constexpr std::string_view ueid_oid = "2.23.133.5.4.4";

struct FirmwareId {
  std::string algorithm;  // dotted OID
  Bytes digest;
  friend bool operator==(const FirmwareId&, const FirmwareId&) = default;
};

struct TcbInfo {
  std::string vendor;
  std::string model;
  std::string version;
  std::optional<std::uint64_t> svn = {};
  std::optional<std::uint64_t> layer = {};
  std::optional<std::uint64_t> index = {};
  std::vector<FirmwareId> firmware_ids = {};
  std::optional<std::uint32_t> flags = {};       // bit 0 not configured, 1 not secure, 3 debug
  std::optional<std::uint32_t> flags_mask = {};  // which of them are said
  Bytes vendor_info = {};
  Bytes type = {};

  // debug: operational flags say that the layer may be debugged, or is not secured.
  bool debug() const;
};

// parse_tcb_info reads one DiceTcbInfo; parse_multi_tcb_info a SEQUENCE of them. Members come in
// the order of their tags, each once; anything left over is refused (rules::tcb_info_form).
Result<TcbInfo> parse_tcb_info(ByteView der);
Result<std::vector<TcbInfo>> parse_multi_tcb_info(ByteView der);

// tcb_infos_of gives what a certificate says of itself in either extension; nothing is said: empty.
Result<std::vector<TcbInfo>> tcb_infos_of(const Certificate& certificate);
// ueid_of gives the device's unique id where the certificate has it.
Result<std::optional<Bytes>> ueid_of(const Certificate& certificate);

}  // namespace attest::dice

namespace attest::rules {
inline constexpr Rule tcb_info_form{"dice.tcb-info.form"};
}
