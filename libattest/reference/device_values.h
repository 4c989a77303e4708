// Reference values for what devices measure of themselves, by name, and their CoRIM profile
// "tag:attest,2026:corim/device-v1":
//
//   - the CoRIM has this profile, an id, and one CoMID with reference triples only;
//   - the environment of each triple is {class: {model: name}}, the same in all;
//   - a measurement's mkey is a text that names what is measured; its mval has one digest for each
//     algorithm, and may have a name for people. Two acceptable values are two measurements.
//
// Names that are known: "snp/measurement"; "tdx/mrtd", "tdx/rtmr0" to "tdx/rtmr3", "tdx/mrseam";
// and for a GPU or switch "golden/<index>", the index of NVIDIA's golden values, from 0. The values
// of one CoRIM belong together: a device meets it when it meets every name in it.
//
// Values are untrusted until a statement by someone who may say them carries them. Plain values.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "libattest/reference/corim_profiles.h"
#include "libattest/reference/reference_values.h"

namespace attest::reference {

struct DeviceValues {
  std::string id;           // unique among the CoRIMs of an issuer
  std::string name;         // subject "platform:<name>"
  std::string description;  // for people; travels as the CoMID's id
  std::map<std::string, std::vector<KnownDigest>> values;
  friend bool operator==(const DeviceValues&, const DeviceValues&) = default;
};

// encode_device_values writes the CoRIM. A value that is no digest of SHA-256, SHA-384 or SHA-512
// by its length, a malformed name and an empty list are usage errors.
Result<Bytes> encode_device_values(const DeviceValues& values);

// parse_device_values reads a CoRIM of this profile, strictly by the list above.
Result<DeviceValues> parse_device_values(ByteView corim);
Result<DeviceValues> read_device_values(const Corim& corim);

// ValueDifference is a name whose measured value is none of those that are acceptable.
struct ValueDifference {
  std::string name;
  std::vector<KnownDigest> acceptable;
  Bytes found;  // empty: the device does not measure it
};
// differences compares what a device measured with values; empty: it meets them.
std::vector<ValueDifference> differences(const DeviceValues& values,
                                         const std::map<std::string, Bytes>& measured);

}  // namespace attest::reference
